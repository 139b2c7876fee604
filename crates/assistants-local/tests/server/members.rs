//! The members of a request that creates or changes an object are returned with the object.
//!
//! The requests are generated from the schemas of the spec, so a new member that the server ignores is found.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::client::{id, serve};
use super::files::upload_bytes;
use super::nulls::{Maker, OPERATIONS, filled, schemas};

/// Requests whose response is not an object with the same members.
const OTHER_RESPONSES: &[&str] = &[
    "CompleteUpload",
    "CreateAssistantFile",
    "CreateChatCompletion",
    "CreateEmbedding",
    "CreateResponse",
    "SearchVectorStore",
    "SubmitToolOutputs",
];

/// Members that objects do not have in the protocol, or have under another name or in another form.
const NOT_RETURNED: &[(&str, &str)] = &[
    ("CreateAssistant", "file_ids"),
    ("CreateMessage", "content"),
    ("CreateRun", "additional_instructions"),
    ("CreateRun", "additional_messages"),
    ("CreateRun", "reasoning_effort"),
    ("CreateRun", "stream"),
    ("CreateThread", "messages"),
    ("CreateThreadAndRun", "stream"),
    ("CreateThreadAndRun", "thread"),
    ("CreateThreadAndRun", "tool_resources"),
    ("CreateUpload", "expires_after"),
    ("CreateUpload", "mime_type"),
    ("CreateVectorStore", "chunking_strategy"),
    ("CreateVectorStore", "file_ids"),
    ("CreateVectorStoreFile", "file_id"),
    ("CreateVectorStoreFileBatch", "attributes"),
    ("CreateVectorStoreFileBatch", "chunking_strategy"),
    ("CreateVectorStoreFileBatch", "file_ids"),
    ("CreateVectorStoreFileBatch", "files"),
    ("UpdateAssistant", "file_ids"),
];

/// Whether a response has a value: the same text, number or boolean, or a list or object, to which members may be added.
fn has(returned: &Value, sent: &Value) -> bool {
    match sent {
        Value::Object(_) => returned.is_object(),
        Value::Array(items) => returned
            .as_array()
            .is_some_and(|returned| returned.len() == items.len()),
        Value::Number(number) => returned.as_f64() == number.as_f64(),
        other => returned == other,
    }
}

#[test]
fn every_member_of_a_request_is_returned_with_the_object() {
    let schemas = schemas();
    let (_server, client) = serve();
    let file = upload_bytes(&client, "a.txt", b"text");
    let maker = Maker {
        schemas: &schemas,
        file: file.clone(),
        store: id(&client.post("/vector_stores", json!({})).ok()),
        assistant: client.assistant(),
        clears: false,
    };
    let mut missing = BTreeSet::new();
    for (schema, path) in OPERATIONS
        .iter()
        .filter(|(schema, _)| !OTHER_RESPONSES.contains(schema))
    {
        let (_, required) = maker.objects(&schemas[*schema], 5).swap_remove(0);
        for (name, property) in schemas[*schema]["properties"].as_object().unwrap() {
            let values = maker.values(name, property, 5);
            let (_, value) = values.first().expect("every member of these requests can be generated");
            let mut body = required.clone();
            body[name] = value.clone();
            let answer = client.post(&filled(&client, path, &file), body);
            if answer.status != 200 || !has(&answer.json[name], value) {
                missing.insert((*schema, name.as_str()));
            }
        }
    }
    let known: BTreeSet<(&str, &str)> = NOT_RETURNED.iter().copied().collect();
    assert_eq!(missing, known);
}
