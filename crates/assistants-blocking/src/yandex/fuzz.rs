//! What holds for any bytes read as a stream of Yandex.
#![allow(
    clippy::missing_panics_doc,
    reason = "a panic is how a property says that it does not hold"
)]

use serde_json::Value;

use super::{Message, StreamEvent};
use crate::error::{Error, Result};
use crate::fuzz::{Pieces, settings};
use crate::stream::event_source::Origin;
use crate::stream::json_objects::{Found, JsonStream, StreamLimits, unwrap};

/// How a stream ended.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Whole,
    Cut,
    Failed(String),
}

fn objects(bytes: &[u8], seed: u8, events: bool, limit: usize) -> (Vec<Vec<u8>>, Outcome) {
    let limits = StreamLimits {
        line_bytes: usize::MAX - 1,
        object_bytes: limit,
    };
    let mut stream = JsonStream::new(Pieces::new(bytes, seed), events, limits);
    let mut objects = Vec::new();
    let end = loop {
        match stream.next_object() {
            Ok(Found::Object(object)) => objects.push(object.to_vec()),
            Ok(Found::End) => break Outcome::Whole,
            Ok(Found::Cut) => break Outcome::Cut,
            Err(error) => break Outcome::Failed(error.to_string()),
        }
    };
    (objects, end)
}

/// However the bytes arrive, the objects and the end are the same. Where the bytes are nothing but JSON objects, as
/// another parser reads them, they are those objects.
///
/// Settings: two bytes, how the bytes arrive and the limit of an object; an odd limit declares server-sent events.
pub fn json_objects(input: &[u8]) {
    let Some(([seed, limit], bytes)) = settings(input) else {
        return;
    };
    let events = limit % 2 == 1;
    let limit = if limit < 2 { usize::MAX - 1 } else { limit.into() };
    let (got, end) = objects(bytes, seed, events, limit);
    let (other, other_end) = objects(bytes, !seed, events, limit);
    assert_eq!((&got, &end), (&other, &other_end));
    assert!(got.iter().all(|object| object.len() <= limit));

    let parsed: serde_json::Result<Vec<Value>> = serde_json::Deserializer::from_slice(bytes).into_iter().collect();
    if let Ok(parsed) = parsed
        && !events
        && parsed.iter().all(Value::is_object)
        && !matches!(end, Outcome::Failed(_))
    {
        let got: Vec<Value> = got
            .iter()
            .map(|object| serde_json::from_slice(object).expect("it was an object"))
            .collect();
        assert_eq!((got, end), (parsed, Outcome::Whole));
    }
}

/// What an object of a stream holds is taken out of it or an error, and an event that was read is written as it came.
///
/// Settings: two bytes, how the bytes arrive and whether they declare themselves to be server-sent events.
pub fn yandex_events(input: &[u8]) {
    let Some(([seed, events], bytes)) = settings(input) else {
        return;
    };
    let origin = Origin::bytes();
    for object in objects(bytes, seed, events % 2 == 1, usize::MAX - 1).0 {
        let mut taken = 0;
        let outcome: Result<()> = unwrap(&object, &origin, |event: StreamEvent| {
            taken += 1;
            let json = serde_json::to_string(&event).expect("every event has a JSON form");
            assert_eq!(serde_json::from_str(&json).ok(), Some(event.clone()), "{json}");
            let (text, content) = (event.text(), event.content());
            assert_eq!(text.is_some(), content.is_some());
            assert!(event.tool_calls().len() >= event.function_calls().count());
        });
        assert_eq!(taken, usize::from(outcome.is_ok()));
        assert!(
            matches!(outcome, Ok(()) | Err(Error::Api(_) | Error::Decode(_))),
            "{outcome:?}"
        );
        let outcome = unwrap(&object, &origin, |message: Message| drop(message));
        assert!(
            matches!(outcome, Ok(()) | Err(Error::Api(_) | Error::Decode(_))),
            "{outcome:?}"
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::fuzz::tests::case_of;
    use proptest::prelude::*;

    const JSON: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\\"",
        "\n",
        " ",
        "{\"a\":1}",
        "{\"a\":\"}\"}",
        "[]",
        "data: ",
        "data: {}\n\n",
        "\u{feff}",
        "data: [DONE]\n\n",
        "1",
    ];
    const EVENTS: &[&str] = &[
        "{\"result\":{\"eventType\":\"PARTIAL_MESSAGE\",\"streamCursor\":{\"currentEventIdx\":\"1\"},\"partialMessage\":{\"content\":[{\"text\":{\"content\":\"Good\"}}]}}}\n",
        "{\"event_type\":3,\"stream_cursor\":{\"current_event_idx\":2},\"completed_message\":{\"id\":\"m\",\"content\":{\"content\":[{\"text\":{\"content\":\"a\"}},{\"image\":{}}]}}}",
        "{\"eventType\":\"TOOL_CALLS\",\"toolCallList\":{\"toolCalls\":[{\"functionCall\":{\"name\":\"f\",\"arguments\":{\"a\":1.5}}},{}]}}\n",
        "{\"error\":{\"code\":5,\"message\":\"gone\"}}\n",
        "{\"error\":null,\"eventType\":\"ERROR\"}",
        "{\"eventType\":\"X\",\"thinking\":{\"step\":1}}",
        "{\"messages\":[{\"id\":\"m\"},{}]}",
        "{\"result\":null}",
        "[",
        ",",
        "]",
        "{",
        "}",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn objects_do_not_depend_on_how_they_arrive(case in case_of(JSON, 40)) {
            super::json_objects(&case);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn events_are_taken_out_of_what_is_around_them(case in case_of(EVENTS, 20)) {
            super::yandex_events(&case);
        }
    }
}
