//! What holds for any bytes read as the events of a run.
#![allow(
    clippy::missing_panics_doc,
    reason = "a panic is how a property says that it does not hold"
)]

use super::event_reader::EventReader;
use crate::fuzz::{Pieces, settings};
use crate::openai::{Message, RunAccumulator, StreamEvent};
use crate::stream::event_source::Origin;
use crate::stream::sse::SseReader;

fn reader(bytes: &[u8], seed: u8) -> EventReader<Pieces<'_>> {
    EventReader::of(SseReader::new(Pieces::new(bytes, seed)), Origin::bytes())
}

/// However the bytes arrive, the events, their text and the error at the end are the same; an event that was read is
/// written as it came; and what the snapshots hold is no more than what arrived.
///
/// Settings: two bytes, how the bytes arrive, twice.
pub fn run_events(input: &[u8]) {
    let Some(([first, second], bytes)) = settings(input) else {
        return;
    };
    let mut source = reader(bytes, first);
    let (mut events, mut error) = (Vec::new(), None);
    for event in source.by_ref() {
        match event {
            Ok(event) => events.push(event),
            Err(failure) => error = Some(failure.to_string()),
        }
    }
    assert!(error.is_some() || source.has_ended(), "an end or an error");

    let mut again = events.iter();
    let mut text = String::new();
    let mut source = reader(bytes, second);
    while let Some(event) = source.read(true) {
        match event {
            Ok(None) => {
                text.push_str(source.text());
                assert!(matches!(again.next(), Some(StreamEvent::MessageDelta(_))));
            }
            Ok(Some(event)) => {
                if let StreamEvent::MessageDelta(delta) = &event {
                    text.push_str(&delta.text());
                }
                assert_eq!(Some(&event), again.next());
            }
            Err(failure) => assert_eq!(Some(failure.to_string()), error),
        }
    }
    assert_eq!(again.next(), None);

    let mut snapshots = RunAccumulator::default();
    let mut want = String::new();
    for event in &events {
        if let StreamEvent::MessageDelta(delta) = event {
            want.push_str(&delta.text());
        }
        let data = event.data().expect("every event has a JSON form");
        assert_eq!(
            StreamEvent::parse(event.name(), &data).ok().as_ref(),
            Some(event),
            "{data}"
        );
        snapshots.apply(event);
    }
    assert_eq!(text, want);
    let parts: usize = snapshots.messages().iter().map(|message| message.content.len()).sum();
    assert!(parts <= bytes.len(), "{parts} parts of {} bytes", bytes.len());
    assert!(
        snapshots
            .messages()
            .iter()
            .map(Message::text)
            .map(|text| text.len())
            .sum::<usize>()
            <= bytes.len()
    );
}

#[cfg(test)]
mod tests {
    use crate::fuzz::tests::case_of;
    use proptest::prelude::*;

    const EVENTS: &[&str] = &[
        "event: thread.message.delta\ndata: {\"id\":\"m\",\"delta\":{\"content\":[{\"index\":0,\"type\":\"text\",\"text\":{\"value\":\"a\"}}]}}\n\n",
        "event: thread.message.delta\ndata: {\"id\":\"m\",\"delta\":{\"content\":[{\"index\":1,\"type\":\"text\",\"text\":{\"value\":\"\\u00e9\"}},{\"index\":0,\"type\":\"refusal\",\"refusal\":\"no\"}]}}\n\n",
        "event: thread.message.delta\ndata: {\"id\":\"n\",\"delta\":{\"content\":[{\"index\":900,\"type\":\"text\",\"text\":{\"value\":\"far\",\"annotations\":[{\"index\":7,\"type\":\"file_path\"}]}}]}}\n\n",
        "event: thread.message.created\ndata: {\"id\":\"m\",\"content\":[]}\n\n",
        "event: thread.message.completed\ndata: {\"id\":\"m\",\"content\":[{\"type\":\"text\",\"text\":{\"value\":\"all\"}}]}\n\n",
        "event: thread.run.step.delta\ndata: {\"id\":\"s\",\"delta\":{\"step_details\":{\"type\":\"tool_calls\",\"tool_calls\":[{\"index\":3,\"type\":\"function\",\"function\":{\"arguments\":\"{\"}}]}}}\n\n",
        "event: thread.run.created\ndata: {\"id\":\"r\",\"usage\":null}\n\n",
        "event: error\ndata: {\"error\":\"text\"}\n\n",
        "event: done\ndata: [DONE]\n\n",
        "event: done\ndata: {}\n\n",
        "event: thread.run.completed\n",
        "data: {\"id\":\"r\",\"x\":1}\n\n",
        "data: {\"error\":{\"message\":\"m\"}}\n\n",
        "\n",
        ":\n",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn events_do_not_depend_on_how_they_arrive(case in case_of(EVENTS, 20)) {
            super::run_events(&case);
        }
    }
}
