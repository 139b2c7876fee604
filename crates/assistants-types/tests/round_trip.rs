//! Every type of the protocol serializes to the JSON from which it was parsed, whatever the sender omitted or added.
//!
//! The values are generated from the specification. Members are sometimes missing, null or of another type, and there
//! are unknown members, enum values and union members.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use assistants_types::openai::*;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

fn round_trip<T: Serialize + DeserializeOwned>(input: &Value) -> Result<Value, String> {
    // Through text, because numbers and escapes must be preserved too.
    let value: T = serde_json::from_str(&input.to_string()).map_err(|error| error.to_string())?;
    let text = serde_json::to_string(&value).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

type RoundTrip = fn(&Value) -> Result<Value, String>;

macro_rules! table {
    ($($name:ident,)+) => { &[$((stringify!($name), round_trip::<$name> as RoundTrip)),+] };
}

/// The types of all documents in one table, since their names differ.
mod openai_types {
    use super::*;
    include!("generated/openai_types.rs");
    pub(super) const TYPES: &[(&str, RoundTrip)] = for_each_type!(table);
}

mod chat_types {
    use super::*;
    use assistants_types::chat::*;
    include!("generated/chat_types.rs");
    pub(super) const TYPES: &[(&str, RoundTrip)] = for_each_type!(table);
}

mod responses_types {
    use super::*;
    use assistants_types::responses::*;
    include!("generated/responses_types.rs");
    pub(super) const TYPES: &[(&str, RoundTrip)] = for_each_type!(table);
}

mod embeddings_types {
    use super::*;
    use assistants_types::embeddings::*;
    include!("generated/embeddings_types.rs");
    pub(super) const TYPES: &[(&str, RoundTrip)] = for_each_type!(table);
}

fn types() -> impl Iterator<Item = &'static (&'static str, RoundTrip)> {
    openai_types::TYPES
        .iter()
        .chain(chat_types::TYPES)
        .chain(responses_types::TYPES)
        .chain(embeddings_types::TYPES)
}

/// Generates values of a schema from a seed.
struct Maker {
    schemas: &'static Map<String, Value>,
    state: u64,
}

impl Maker {
    /// A number below `end`.
    fn pick(&mut self, end: usize) -> usize {
        // splitmix64
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }

    fn word(&mut self) -> String {
        const WORDS: &[&str] = &[
            "",
            "a",
            "gpt-4o",
            "two words",
            "line\nbreak",
            "\"quoted\" \\ back",
            "é✓😀",
            "in_progress",
            "0",
        ];
        WORDS[self.pick(WORDS.len())].to_owned()
    }

    fn anything(&mut self, depth: usize) -> Value {
        match self.pick(if depth == 0 { 6 } else { 8 }) {
            0 => Value::Null,
            1 => json!(self.pick(2) == 0),
            2 => json!(self.pick(1000)),
            3 => json!(-0.25),
            4 => json!(u64::MAX),
            5 => json!(self.word()),
            6 => (0..self.pick(3)).map(|_| self.anything(depth - 1)).collect(),
            _ => Value::Object(
                (0..self.pick(3))
                    .map(|n| (format!("k{n}"), self.anything(depth - 1)))
                    .collect(),
            ),
        }
    }

    fn value(&mut self, schema: &Value, request: bool) -> Value {
        if let Some(other) = schema["x-also"].as_str()
            && self.pick(3) == 0
        {
            return match other {
                "string" => json!(self.word()),
                "integer" => json!(self.pick(1000)),
                "object" => json!({"a": self.word()}),
                "array" => {
                    json!([{"type": "thinking", "thinking": self.word()}, {"type": "text", "text": self.word()}])
                }
                other => panic!("no values for {other}"),
            };
        }
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap();
            return self.named(name, request);
        }
        if let Some(constant) = schema["const"].as_str() {
            return if self.pick(8) == 0 {
                json!(self.word())
            } else {
                json!(constant)
            };
        }
        if let Some(alternatives) = schema["oneOf"].as_array() {
            return self.one_of(schema, alternatives, request);
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => {
                if request && self.pick(5) == 0 {
                    return Value::Null;
                }
                kinds[0].as_str().unwrap()
            }
            kind => kind.as_str().unwrap(),
        };
        match kind {
            "string" => json!(self.word()),
            "boolean" => json!(self.pick(2) == 0),
            "integer" if schema["format"] == "unixtime" => [
                json!(1_699_009_709),
                json!(0),
                json!(-5),
                json!(i64::MAX),
                json!(1_699_009_709.5),
                json!("later"),
            ][self.pick(6)]
            .clone(),
            "integer" => match i64::try_from(self.pick(2000)).unwrap() - 1000 {
                // Some servers write integers as floats.
                number if !request && number % 4 == 0 => json!(number as f64),
                number => json!(number),
            },
            "number" => [
                json!(1),
                json!(1.0),
                json!(0),
                json!(0.1),
                json!(-2.5e10),
                json!(0.1 + 0.2),
            ][self.pick(6)]
            .clone(),
            "array" => (0..self.pick(4))
                .map(|_| self.value(&schema["items"], request))
                .collect(),
            _ => self.anything(2),
        }
    }

    fn named(&mut self, name: &str, request: bool) -> Value {
        if name == "Metadata" {
            let value = |maker: &mut Self| match maker.pick(5) {
                0 => maker.anything(1),
                _ => json!(maker.word()),
            };
            let pairs: BTreeMap<String, Value> = (0..self.pick(3)).map(|n| (format!("k{n}"), value(self))).collect();
            return json!(pairs);
        }
        if name == "Attributes" {
            let value = &self.schemas["AttributeValue"];
            let pairs: BTreeMap<String, Value> = (0..self.pick(3))
                .map(|n| (format!("k{n}"), self.value(value, request)))
                .collect();
            return json!(pairs);
        }
        let schema = &self.schemas[name];
        if schema["properties"].is_object() {
            return self.object(schema, request && is_request(name), only_sent().contains(name));
        }
        self.value(schema, request && is_request(name))
    }

    fn one_of(&mut self, schema: &Value, alternatives: &[Value], request: bool) -> Value {
        // `oneOf: [x, null]` is a nullable member, not a union.
        if let [one, null] = alternatives
            && null["type"] == "null"
        {
            return if request && self.pick(5) == 0 {
                Value::Null
            } else {
                self.value(one, request)
            };
        }
        let strings = alternatives.iter().all(|one| one["const"].is_string());
        match self.pick(alternatives.len() + 2) {
            n if n < alternatives.len() => self.value(&alternatives[n], request),
            _ if strings => json!(format!("new {}", self.word())),
            // An object that only users send cannot be distinguished from one that lacks a required member.
            n if n == alternatives.len()
                && schema["discriminator"].is_null()
                && alternatives
                    .iter()
                    .filter_map(|one| one["$ref"].as_str()?.rsplit('/').next())
                    .any(|name| only_sent().contains(name)) =>
            {
                json!(true)
            }
            n if n == alternatives.len() => {
                let tag = schema
                    .pointer("/discriminator/propertyName")
                    .and_then(Value::as_str)
                    .unwrap_or("type");
                json!({"a": 1, tag: "telepathy", "x": self.anything(2)})
            }
            // A value of the wrong JSON type; null would count as absent.
            _ => json!(self.pick(10)),
        }
    }

    fn object(&mut self, schema: &Value, request: bool, strict: bool) -> Value {
        let required = |key: &String| {
            schema["required"]
                .as_array()
                .is_some_and(|all| all.contains(&json!(key)))
        };
        let resource = schema.pointer("/properties/object/const").is_some();
        let mut members = Map::new();
        for (key, property) in schema["properties"].as_object().unwrap() {
            let needed = (resource && key == "id") || (strict && required(key));
            if needed && property["type"] == "integer" {
                // Required members of requests are always present.
                members.insert(key.clone(), json!(self.pick(1000)));
            } else if needed {
                members.insert(key.clone(), self.value(property, false));
            } else if self.pick(4) > 0 {
                members.insert(key.clone(), self.value(property, request));
            } else if !request && self.pick(2) == 0 {
                members.insert(key.clone(), Value::Null);
            }
        }
        for _ in 0..self.pick(3) {
            members.insert(format!("x_{}", self.pick(100)), self.anything(2));
        }
        Value::Object(members)
    }
}

/// Whether this type is only sent to the server, so that null and absent differ.
fn is_request(name: &str) -> bool {
    name.starts_with("Create") || name.starts_with("Update") || name == "SubmitToolOutputs"
}

fn specifications() -> &'static [Value] {
    static SPECIFICATIONS: OnceLock<Vec<Value>> = OnceLock::new();
    SPECIFICATIONS.get_or_init(|| {
        [
            include_str!("../../../spec/openai.yaml"),
            include_str!("../../../spec/chat.yaml"),
            include_str!("../../../spec/responses.yaml"),
            include_str!("../../../spec/embeddings.yaml"),
        ]
        .map(|text| serde_saphyr::from_str(text).unwrap())
        .into()
    })
}

/// The schemas of all documents; a name identifies the same schema in each.
fn schemas() -> &'static Map<String, Value> {
    static SCHEMAS: OnceLock<Map<String, Value>> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let all = specifications()
            .iter()
            .map(|one| one["components"]["schemas"].as_object().unwrap());
        all.flatten()
            .map(|(name, schema)| (name.clone(), schema.clone()))
            .collect()
    })
}

/// The types that only users send, whose required members must be present.
fn only_sent() -> &'static BTreeSet<String> {
    fn reach(node: &Value, names: &mut BTreeSet<String>) {
        match node {
            Value::Object(members) => {
                let name = members
                    .get("$ref")
                    .and_then(Value::as_str)
                    .and_then(|it| Some(it.split_once("#/components/schemas/")?.1));
                if let Some(name) = name
                    && names.insert(name.to_owned())
                {
                    reach(&schemas()[name], names);
                }
                members.values().for_each(|value| reach(value, names));
            }
            Value::Array(items) => items.iter().for_each(|value| reach(value, names)),
            _ => {}
        }
    }
    static NAMES: OnceLock<BTreeSet<String>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let (mut sent, mut received) = (BTreeSet::new(), BTreeSet::new());
        let paths = specifications().iter().map(|one| one["paths"].as_object().unwrap());
        for item in paths.flat_map(Map::values) {
            for operation in item.as_object().unwrap().values() {
                reach(&operation["requestBody"], &mut sent);
                reach(&operation["responses"], &mut received);
            }
        }
        sent.difference(&received).cloned().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_type_gives_back_what_it_read(seed in any::<u64>()) {
        let mut maker = Maker { schemas: schemas(), state: seed };
        for (name, round_trip) in types().filter(|(name, _)| *name != "StreamEvent") {
            let request = is_request(name);
            let input = maker.named(name, request);
            let output = round_trip(&input)
                .map_err(|error| TestCaseError::fail(format!("{name} cannot be read: {error}\n{input}")))?;
            prop_assert_eq!(output, input, "{}", name);
        }
    }

    #[test]
    fn every_event_gives_back_what_it_read(seed in any::<u64>()) {
        let mut maker = Maker { schemas: schemas(), state: seed };
        for event in schemas()["StreamEvent"]["oneOf"].as_array().unwrap() {
            let name = event["properties"]["event"]["const"].as_str().unwrap();
            let data = &event["properties"]["data"];
            if name == "done" {
                prop_assert_eq!(StreamEvent::parse(name, "[DONE]").unwrap(), StreamEvent::Done);
                continue;
            }
            let data = maker.value(data, false);
            let read = StreamEvent::parse(name, &data.to_string()).unwrap();
            prop_assert_eq!(read.name(), name);
            let written: Value = serde_json::from_str(&read.data().unwrap()).unwrap();
            prop_assert_eq!(&written, &data, "{}", name);

                        // The same as a single object, with the members that may accompany the data.
            let mut envelope = json!({"event": name, "data": data});
            if name == "thread.created" {
                envelope["enabled"] = json!(true);
            }
            let read: StreamEvent = serde_json::from_value(envelope.clone()).unwrap();
            prop_assert_eq!(serde_json::to_value(read).unwrap(), envelope, "{}", name);
        }
    }
}

#[test]
fn the_table_contains_every_type() {
    for (name, schema) in schemas() {
        let by_hand = matches!(name.as_str(), "Metadata" | "Attributes") || schema.get("x-page-of").is_some();
        assert!(by_hand || types().any(|(known, _)| known == name), "{name}");
    }
}

#[test]
fn nothing_is_added() {
    for (name, input) in [
        ("Run", json!({"id": "run_1"})),
        ("Assistant", json!({"id": "asst_1", "temperature": 1})),
        ("Message", json!({"id": "msg_1", "content": []})),
        ("CreateThread", json!({})),
        ("UpdateAssistant", json!({"name": null})),
        ("ChatCompletion", json!({"choices": [{"message": {}}]})),
        (
            "ChatCompletionChunk",
            json!({"choices": [{"delta": {}}, {"index": 1, "finish_reason": "paused"}]}),
        ),
        (
            "CreateChatCompletion",
            json!({"model": "m", "messages": [], "stop": null}),
        ),
    ] {
        let (_, round_trip) = types().find(|(known, _)| *known == name).unwrap();
        assert_eq!(round_trip(&input).unwrap(), input, "{name}");
    }
}

#[test]
fn a_page_is_preserved() {
    for input in [
        json!({"object": "list", "data": [{"id": "asst_1"}], "first_id": "asst_1", "last_id": "asst_1", "has_more": false}),
        json!({"data": []}),
        json!({"data": [], "has_more": true, "next_page": "x"}),
    ] {
        assert_eq!(round_trip::<Page<Assistant>>(&input).unwrap(), input);
    }
    assert!(
        round_trip::<Page<Assistant>>(&json!({"error": "no"})).is_err(),
        "an error is no empty list"
    );
}

#[test]
fn an_unknown_value_never_shadows_a_known_one() {
    assert_eq!(RunStatus::from("completed"), RunStatus::Completed);
    let new = RunStatus::from("paused");
    assert!(matches!(&new, RunStatus::Unknown(raw) if raw.as_str() == "paused"));
    // `Display` honors the requested width.
    assert_eq!(format!("{:<10}|{new:>8}|", RunStatus::Queued), "queued    |  paused|");
    assert!(!new.is_terminal());
    assert!(
        RunStatus::KNOWN
            .iter()
            .all(|status| RunStatus::from(status.as_str()) == *status)
    );
}

#[test]
fn required_members_of_requests_must_be_present() {
    let error = serde_json::from_value::<CreateAssistant>(json!({"name": "x"})).unwrap_err();
    assert!(error.to_string().contains("missing field `model`"), "{error}");
    assert!(
        serde_json::from_value::<Run>(json!({"status": "queued"})).is_err(),
        "a run without id is none"
    );
}
