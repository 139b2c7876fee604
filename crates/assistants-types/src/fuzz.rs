//! Properties that hold for any JSON, as functions shared by the fuzz targets and the property tests.
//!
//! Compiled only for tests and with `--cfg fuzzing`, which `cargo fuzz` sets.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::yandex::{Dialect, ProtoMessage};

/// The check for one type, applied to JSON text.
type Check = fn(&str);

macro_rules! objects {
    ($($name:ident,)+) => { &[$(object::<$name> as Check),+] };
}

macro_rules! messages {
    ($($name:ident,)+) => { &[$(message::<$name> as Check),+] };
}

mod openai_types {
    use super::{Check, object};
    use crate::openai::*;
    include!("../tests/generated/openai_types.rs");
    pub(super) const CHECKS: &[Check] = for_each_type!(objects);
}

mod chat_types {
    use super::{Check, object};
    use crate::chat::*;
    include!("../tests/generated/chat_types.rs");
    pub(super) const CHECKS: &[Check] = for_each_type!(objects);
}

mod responses_types {
    use super::{Check, object};
    use crate::responses::*;
    include!("../tests/generated/responses_types.rs");
    pub(super) const CHECKS: &[Check] = for_each_type!(objects);
}

mod embeddings_types {
    use super::{Check, object};
    use crate::embeddings::*;
    include!("../tests/generated/embeddings_types.rs");
    pub(super) const CHECKS: &[Check] = for_each_type!(objects);
}

mod yandex_types {
    use super::{Check, message};
    use crate::yandex::*;
    include!("../tests/generated/yandex_types.rs");
    pub(super) const CHECKS: &[Check] = for_each_type!(messages);
}

/// JSON that deserializes as an OpenAI type serializes to the same JSON.
///
/// Input: one byte that selects the type, then the text.
pub fn objects(input: &[u8]) {
    let all = [
        openai_types::CHECKS,
        chat_types::CHECKS,
        responses_types::CHECKS,
        embeddings_types::CHECKS,
    ];
    apply(&all.concat(), input);
}

/// JSON that deserializes as a Yandex message serializes, in either dialect, to JSON that deserializes as the same
/// message.
///
/// Input: one byte that selects the type, then the text.
pub fn proto_json(input: &[u8]) {
    apply(yandex_types::CHECKS, input);
}

fn apply(checks: &[Check], input: &[u8]) {
    if let Some((which, text)) = input.split_first()
        && let Ok(text) = std::str::from_utf8(text)
    {
        checks[usize::from(*which) % checks.len()](text);
    }
}

fn object<T: Serialize + DeserializeOwned>(text: &str) {
    // If a name occurs twice, the last member counts; the first one leaves no trace.
    let Ok(json) = serde_json::from_str::<Value>(text) else {
        assert!(serde_json::from_str::<T>(text).is_err(), "read what is no JSON");
        return;
    };
    let _ = serde_json::from_str::<T>(text);
    if let Ok(object) = serde_json::from_str::<T>(&json.to_string()) {
        let written = serde_json::to_value(&object).expect("every object serializes to JSON");
        assert_eq!(written, json);
    }
}

fn message<T: ProtoMessage>(text: &str) {
    let Ok(message) = serde_json::from_str::<T>(text) else {
        return;
    };
    // Compared as JSON, because NaN is not equal to itself.
    let read = |json: &Value| serde_json::from_str::<T>(&json.to_string()).expect("serialized JSON can be parsed");
    let camel = |message: &T| {
        Dialect::CamelCase
            .to_value(message)
            .expect("every message serializes to JSON")
    };
    let snake = |message: &T| {
        Dialect::SnakeCase
            .to_value(message)
            .expect("every message serializes to JSON")
    };
    let (want_camel, want_snake) = (camel(&message), snake(&message));
    for json in [&want_camel, &want_snake] {
        let message = read(json);
        assert_eq!(camel(&message), want_camel, "from {json}");
        assert_eq!(snake(&message), want_snake, "from {json}");
    }
    assert_eq!(message.conflict(), read(&want_camel).conflict());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Number, Value};

    /// Member names, many of which are known to several types.
    const NAMES: &[&str] = &[
        "id",
        "object",
        "type",
        "index",
        "content",
        "text",
        "value",
        "delta",
        "role",
        "status",
        "metadata",
        "tools",
        "function",
        "arguments",
        "usage",
        "created_at",
        "temperature",
        "code",
        "error",
        "message",
        "choices",
        "x",
        "createdAt",
        "folderId",
        "folder_id",
        "labels",
        "ttlDays",
        "author",
        "structure",
        "completionOptions",
        "image",
        "tool_calls",
        "toolCalls",
        "current_event_idx",
        "max_tokens",
        "maxTokens",
        "logs",
        "output",
    ];
    const TEXTS: &[&str] = &[
        "",
        "a",
        "text",
        "function",
        "1",
        "-7",
        "1e3",
        "NaN",
        "2024-01-02T03:04:05.000000001Z",
        "AQI=",
        "completed",
        "\u{e9}\n\"",
        "thread.message",
        "0.1",
    ];

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            proptest::sample::select(TEXTS).prop_map(Value::from),
            proptest::sample::select(&[0_i64, 1, -1, 3, 100, 1_699_009_709, i64::MAX, i64::MIN][..])
                .prop_map(Value::from),
            Just(Value::from(u64::MAX)),
            proptest::sample::select(&[0.0, 1.0, 100.0, -0.5, 0.1, 1e300][..])
                .prop_map(|number| Number::from_f64(number).map_or(Value::Null, Value::Number)),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            let members = proptest::collection::vec((proptest::sample::select(NAMES), inner.clone()), 0..6);
            prop_oneof![
                1 => proptest::collection::vec(inner, 0..3).prop_map(Value::from),
                3 => members.prop_map(|members| {
                    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
                }),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn objects_are_written_as_they_came(json in json()) {
            let text = json.to_string();
            let all = [
                super::openai_types::CHECKS,
                super::chat_types::CHECKS,
                super::responses_types::CHECKS,
            ];
            for check in all.concat() {
                check(&text);
            }
        }

        #[test]
        fn messages_are_the_same_in_both_dialects(json in json()) {
            let text = json.to_string();
            super::yandex_types::CHECKS.iter().for_each(|check| check(&text));
        }
    }
}
