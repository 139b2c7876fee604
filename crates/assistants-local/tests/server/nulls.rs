//! `null` for an optional member of a request is equivalent to its absence.
//!
//! The bodies are generated from the schemas of the spec, so that future members are covered: each body has `null` for
//! every optional member, at every depth, and is compared with the same body without them.

use std::collections::BTreeSet;

use assistants_local::LocalServer;
use serde_json::{Map, Value, json};

use super::client::{Client, id, serve};
use super::files::upload_bytes;

/// The operation for each JSON body. Placeholders in braces are filled with new objects.
pub(super) const OPERATIONS: &[(&str, &str)] = &[
    ("CreateAssistant", "/assistants"),
    ("UpdateAssistant", "/assistants/{assistant}"),
    ("CreateAssistantFile", "/assistants/{assistant}/files"),
    ("CreateThread", "/threads"),
    ("UpdateThread", "/threads/{thread}"),
    ("CreateThreadAndRun", "/threads/runs"),
    ("CreateMessage", "/threads/{thread}/messages"),
    ("UpdateMessage", "/threads/{message}"),
    ("CreateRun", "/threads/{thread}/runs"),
    ("UpdateRun", "/threads/{run}"),
    ("SubmitToolOutputs", "/threads/{run}/submit_tool_outputs"),
    ("CreateVectorStore", "/vector_stores"),
    ("UpdateVectorStore", "/vector_stores/{store}"),
    ("SearchVectorStore", "/vector_stores/{store}/search"),
    ("CreateVectorStoreFile", "/vector_stores/{store}/files"),
    ("UpdateVectorStoreFile", "/vector_stores/{stored}"),
    ("CreateVectorStoreFileBatch", "/vector_stores/{store}/file_batches"),
    ("CreateUpload", "/uploads"),
    ("CompleteUpload", "/uploads/{upload}/complete"),
    ("CreateChatCompletion", "/chat/completions"),
    ("CreateResponse", "/responses"),
    ("CreateEmbedding", "/embeddings"),
];

/// Bodies that are forms, which cannot contain null.
const FORMS: &[&str] = &["CreateFile", "AddUploadPart"];

pub(super) fn schemas() -> Map<String, Value> {
    let documents = [
        include_str!("../../src/openai/generated/request_schemas.json"),
        include_str!("../../src/openai/generated/chat_request_schemas.json"),
        include_str!("../../src/openai/generated/responses_request_schemas.json"),
        include_str!("../../src/openai/generated/embeddings_request_schemas.json"),
    ];
    let mut all = Map::new();
    for document in documents {
        let mut document: Value = serde_json::from_str(document).unwrap();
        let Value::Object(schemas) = document["components"]["schemas"].take() else {
            panic!("no schemas")
        };
        all.extend(schemas);
    }
    all
}

/// A body with nulls, and the same without them.
pub(super) type Pair = (Value, Value);

pub(super) struct Maker<'a> {
    pub(super) schemas: &'a Map<String, Value>,
    pub(super) file: String,
    pub(super) store: String,
    pub(super) assistant: String,
    /// Whether a null that the schema allows clears the stored value.
    pub(super) clears: bool,
}

impl<'a> Maker<'a> {
    fn resolve(&self, mut schema: &'a Value) -> &'a Value {
        while let Some(reference) = schema["$ref"].as_str() {
            schema = &self.schemas[reference.rsplit('/').next().unwrap()];
        }
        schema
    }

    fn is_nullable(&self, schema: &'a Value) -> bool {
        let schema = self.resolve(schema);
        let types = schema["type"].as_array().into_iter().flatten();
        let members = schema["oneOf"].as_array().into_iter().flatten();
        types.into_iter().any(|one| one == "null") || schema["type"] == "null" || {
            members.into_iter().any(|one| self.is_nullable(one))
        }
    }

    /// Returns values for a member with this name: first a simple valid one, then ones with nested members.
    pub(super) fn values(&self, name: &str, schema: &'a Value, depth: usize) -> Vec<Pair> {
        let schema = self.resolve(schema);
        let same = |value: Value| vec![(value.clone(), value)];
        if let Some(constant) = schema.get("const").or_else(|| schema["enum"].get(0)) {
            return same(constant.clone());
        }
        if let Some(alternatives) = schema["oneOf"].as_array() {
            let all = alternatives.iter().filter(|one| self.resolve(one)["type"] != "null");
            return all.flat_map(|one| self.values(name, one, depth)).collect();
        }
        let kind = schema["type"].as_array().map_or(&schema["type"], |types| &types[0]);
        match kind.as_str().unwrap_or("any") {
            "string" => same(match name {
                "model" => json!("scripted"),
                "file_id" | "file_ids" => json!(self.file),
                "vector_store_ids" => json!(self.store),
                "assistant_id" => json!(self.assistant),
                "mime_type" => json!("text/plain"),
                _ => json!("x"),
            }),
            "integer" | "number" => same(schema.get("minimum").cloned().unwrap_or(json!(1))),
            "boolean" => same(json!(false)),
            "array" if depth > 0 => {
                let items = self.values(name, &schema["items"], depth - 1).into_iter();
                items.map(|(with, without)| (json!([with]), json!([without]))).collect()
            }
            "object" if depth > 0 => self.objects(schema, depth - 1),
            _ => Vec::new(),
        }
    }

    /// Returns objects with only the required members, then with one nested optional member at a time.
    pub(super) fn objects(&self, schema: &'a Value, depth: usize) -> Vec<Pair> {
        let Some(properties) = schema["properties"].as_object() else {
            return vec![(json!({}), json!({}))];
        };
        let required: BTreeSet<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let (mut with, mut without) = (Map::new(), Map::new());
        let mut more: Vec<(&str, Pair)> = Vec::new();
        for (name, schema) in properties {
            if !required.contains(name.as_str()) {
                if !(self.clears && self.is_nullable(schema)) {
                    with.insert(name.clone(), Value::Null);
                }
                let inside = self.values(name, schema, depth).into_iter();
                more.extend(
                    inside
                        .filter(|(with, without)| with != without)
                        .map(|pair| (name.as_str(), pair)),
                );
                continue;
            }
            let mut values = self.values(name, schema, depth).into_iter();
            if let Some((first, plain)) = values.next() {
                with.insert(name.clone(), first);
                without.insert(name.clone(), plain);
            }
            more.extend(values.map(|pair| (name.as_str(), pair)));
        }
        let mut all = vec![(Value::Object(with.clone()), Value::Object(without.clone()))];
        for (name, (value, plain)) in more {
            let (mut with, mut without) = (with.clone(), without.clone());
            with.insert(name.to_owned(), value);
            without.insert(name.to_owned(), plain);
            all.push((Value::Object(with), Value::Object(without)));
        }
        all
    }
}

/// Returns a path with its placeholders filled with new objects.
pub(super) fn filled(client: &Client, path: &str, file: &str) -> String {
    let Some((before, rest)) = path.split_once('{') else {
        return path.to_owned();
    };
    let (what, after) = rest.split_once('}').unwrap();
    let place = match what {
        "assistant" => client.assistant(),
        "thread" => client.thread("Hello"),
        "message" => {
            let thread = client.thread("Hello");
            let message = id(&client.get(&format!("/threads/{thread}/messages")).ok()["data"][0]);
            format!("{thread}/messages/{message}")
        }
        "run" => {
            let thread = client.thread("call f");
            let body = json!({"assistant_id": client.assistant()});
            let run = id(&client.post(&format!("/threads/{thread}/runs"), body).ok());
            client.wait_for(&format!("/threads/{thread}/runs/{run}"), "requires_action");
            format!("{thread}/runs/{run}")
        }
        "store" => id(&client.post("/vector_stores", json!({})).ok()),
        "stored" => {
            let store = id(&client.post("/vector_stores", json!({})).ok());
            client
                .post(&format!("/vector_stores/{store}/files"), json!({"file_id": file}))
                .ok();
            // The status changes until indexing ends, so two responses could differ before that.
            let path = format!("{store}/files/{file}");
            client.wait_for(&format!("/vector_stores/{path}"), "completed");
            path
        }
        "upload" => {
            let body = json!({"filename": "a.txt", "purpose": "assistants", "bytes": 1, "mime_type": "text/plain"});
            id(&client.post("/uploads", body).ok())
        }
        other => panic!("nothing is called {other}"),
    };
    format!("{before}{place}{after}")
}

/// Removes what differs between any two objects (ids and times) and nulls from a response: a null that the schema
/// allows is returned as sent, and is equivalent to its absence.
fn without_chance(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| {
                let value = match value {
                    Value::Number(_) if name.ends_with("_at") || name == "created" => json!("a time"),
                    other => without_chance(other),
                };
                (name.clone(), value)
            })
            .filter(|(_, value)| !value.is_null())
            .collect(),
        Value::Array(items) => items.iter().map(without_chance).collect(),
        Value::String(text) => {
            let words = text.split_inclusive(|character: char| !character.is_ascii_alphanumeric());
            // Ids have longer sequences of letters and digits than any word here.
            let known = words.map(|word| if word.len() >= 20 { "…" } else { word });
            Value::String(known.collect())
        }
        other => other.clone(),
    }
}

fn world() -> (LocalServer, Client, Client) {
    let (server, client) = serve();
    let legacy = client.header("openai-beta", "assistants=v1");
    (server, client, legacy)
}

#[test]
fn a_null_for_an_optional_member_is_an_absent_member() {
    let schemas = schemas();
    let (_server, client, legacy) = world();
    let file = upload_bytes(&client, "a.txt", b"text");
    let (mut compared, mut accepted) = (0, BTreeSet::new());
    for (schema, path) in OPERATIONS {
        let client = if *schema == "CreateAssistantFile" {
            &legacy
        } else {
            &client
        };
        let maker = Maker {
            schemas: &schemas,
            file: file.clone(),
            store: id(&client.post("/vector_stores", json!({})).ok()),
            assistant: client.assistant(),
            clears: schema.starts_with("Update"),
        };
        let bodies = maker.objects(&schemas[*schema], 5);
        for (with, without) in bodies {
            let answers = [&with, &without].map(|body| {
                let answer = client.post(&filled(client, path, &file), body.clone());
                if answer.status == 200 {
                    accepted.insert(*schema);
                }
                (answer.status, without_chance(&answer.json))
            });
            assert_eq!(answers[0], answers[1], "{schema} of {with}");
            compared += 1;
        }
    }
    assert!(compared > 100, "only {compared} bodies");
    let known: BTreeSet<&str> = OPERATIONS.iter().map(|(schema, _)| *schema).collect();
    let refused: Vec<&&str> = known.difference(&accepted).collect();
    assert_eq!(
        refused,
        [&"CompleteUpload", &"CreateEmbedding", &"SubmitToolOutputs"],
        "what is compared is more than refusals"
    );
}

#[test]
fn every_body_of_the_spec_is_compared() {
    let schemas = schemas();
    let mut referenced = BTreeSet::new();
    for (name, schema) in &schemas {
        let text = schema.to_string();
        referenced.extend(
            schemas
                .keys()
                .filter(|other| *other != name && text.contains(&format!("\"#/components/schemas/{other}\""))),
        );
    }
    let bodies: BTreeSet<&str> = schemas
        .keys()
        .filter(|name| !referenced.contains(name))
        .map(String::as_str)
        // These are also parts of other bodies.
        .chain(["CreateMessage", "CreateThread", "CreateVectorStoreFile"])
        .collect();
    let known: BTreeSet<&str> = OPERATIONS
        .iter()
        .map(|(schema, _)| *schema)
        .chain(FORMS.iter().copied())
        .collect();
    assert_eq!(bodies, known);
}

#[test]
fn published_clients_that_send_nulls_are_supported() {
    let (_server, client) = serve();
    client.post("/threads", json!({"messages": null})).ok();
    let resources = json!({"file_search": {"vector_store_ids": [], "vector_stores": null}});
    client
        .post("/assistants", json!({"model": "test", "tool_resources": resources}))
        .ok();
    let tools = json!([{"type": "file_search", "file_search": null}]);
    client
        .post("/assistants", json!({"model": "test", "tools": tools}))
        .ok();
    client.call("POST", "/threads", "null").ok();
    let legacy = client.header("openai-beta", "assistants=v1");
    let message = json!({"role": "user", "content": "Hello", "file_ids": null});
    legacy.post("/threads", json!({"messages": [message]})).ok();
}

#[test]
fn a_null_for_a_required_member_is_rejected() {
    let (_server, client) = serve();
    for (body, want) in [
        (
            json!({"model": null}),
            "400 model invalid_type: Invalid type for 'model': expected a string, but got null instead.",
        ),
        (
            json!({"model": "test", "tools": [null]}),
            "400 tools[0] invalid_type: Invalid type for 'tools[0]': expected an object, but got null instead.",
        ),
        (
            json!({"model": "test", "metadata": {"a": null}}),
            "400 metadata.a invalid_type: Invalid type for 'metadata.a': expected a string, but got null instead.",
        ),
    ] {
        assert_eq!(client.post("/assistants", body).error(), want);
    }
}
