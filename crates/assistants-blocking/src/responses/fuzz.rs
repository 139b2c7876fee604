//! What holds for any bytes read as the events of a response.
#![allow(
    clippy::missing_panics_doc,
    reason = "a panic is how a property says that it does not hold"
)]

use super::ResponseEventReader;
use crate::fuzz::{Pieces, settings};

/// However the bytes arrive, the events and the error at the end are the same; an event that was read is written as it
/// came; and nothing follows the last event.
///
/// Settings: two bytes, how the bytes arrive, twice.
pub fn response_events(input: &[u8]) {
    let Some(([first, second], bytes)) = settings(input) else {
        return;
    };
    let mut again = ResponseEventReader::new(Pieces::new(bytes, second));
    let mut ended = false;
    for event in ResponseEventReader::new(Pieces::new(bytes, first)) {
        assert!(!ended);
        match (event, again.next()) {
            (Ok(event), Some(Ok(other))) => {
                assert_eq!(event, other);
                let json = serde_json::to_string(&event).expect("every event has a JSON form");
                assert_eq!(serde_json::from_str(&json).ok(), Some(event.clone()), "{json}");
                ended = event.is_last();
            }
            (Err(error), Some(Err(other))) => {
                assert_eq!(error.to_string(), other.to_string());
                ended = true;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(ended, "neither a last event nor an error");
    assert!(again.next().is_none());
}

#[cfg(test)]
mod tests {
    use crate::fuzz::tests::case_of;
    use proptest::prelude::*;

    const EVENTS: &[&str] = &[
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"output\":[]}}\n\n",
        "data: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"message\",\"role\":\"assistant\"}}\n\n",
        "data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"content_index\":0,\"delta\":\"Hi\"}\n\n",
        "data: {\"type\":\"response.output_item.done\",\"output_index\":1.0,\"item\":{\"type\":\"telepathy\"}}\n\n",
        "data: {\"type\":\"response.reasoning_summary_text.delta\",\"delta\":\"Hm\"}\n\n",
        "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"error\":null,\"incomplete_details\":null}}\n\n",
        "data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"server_error\",\"message\":\"m\"}}}\n\n",
        "data: {\"type\":\"error\",\"code\":null,\"message\":\"m\",\"param\":null}\n\n",
        "data: {\"error\":{\"message\":\"m\"}}\n\n",
        "event: error\n",
        "data: [DONE]\n\n",
        "data: []\n\n",
        "\n",
        ":\n",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn events_do_not_depend_on_how_they_arrive(case in case_of(EVENTS, 20)) {
            super::response_events(&case);
        }
    }
}
