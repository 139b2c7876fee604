//! What holds for any bytes read as the events of a run.
#![allow(
    clippy::missing_panics_doc,
    reason = "a panic is how a property says that it does not hold"
)]

use super::event_reader::EventReader;
use crate::fuzz::{Pieces, settings};
use crate::openai::{Message, RunAccumulator, StreamEvent};

fn reader(bytes: &[u8], seed: u8) -> EventReader<Pieces<'_>> {
    EventReader::new(Pieces::new(bytes, seed))
}

/// However the bytes arrive, the events, their text and the error at the end are the same; an event that was read is
/// written as it came; and what the snapshots hold is no more than what arrived.
///
/// Settings: two bytes, how the bytes arrive, twice.
pub fn run_events(input: &[u8]) {
    let Some(([first, second], bytes)) = settings(input) else {
        return;
    };
    let (events, error) = read_events(reader(bytes, first));
    let text = read_text(reader(bytes, second), &events, error.as_deref());
    assert_eq!(text, written_text(&events));
    check_snapshots(&events, bytes.len());
}

/// The events, and the message of the error that ends them.
fn read_events(mut source: EventReader<Pieces<'_>>) -> (Vec<StreamEvent>, Option<String>) {
    let (mut events, mut error) = (Vec::new(), None);
    for event in source.by_ref() {
        match event {
            Ok(event) => events.push(event),
            Err(failure) => error = Some(failure.to_string()),
        }
    }
    assert!(error.is_some() || source.has_ended(), "an end or an error");
    (events, error)
}

/// The text, read without its events; the other events and the error are those expected.
fn read_text(mut source: EventReader<Pieces<'_>>, events: &[StreamEvent], error: Option<&str>) -> String {
    let mut events = events.iter();
    let mut text = String::new();
    while let Some(event) = source.read(true) {
        match event {
            Ok(None) => {
                text.push_str(source.text());
                assert!(matches!(events.next(), Some(StreamEvent::MessageDelta(_))));
            }
            Ok(Some(event)) => {
                if let StreamEvent::MessageDelta(delta) = &event {
                    text.push_str(&delta.text());
                }
                assert_eq!(Some(&event), events.next());
            }
            Err(failure) => assert_eq!(Some(failure.to_string().as_str()), error),
        }
    }
    assert_eq!(events.next(), None);
    text
}

/// The text of the events, each of which is written as it was read.
fn written_text(events: &[StreamEvent]) -> String {
    let mut text = String::new();
    for event in events {
        if let StreamEvent::MessageDelta(delta) = event {
            text.push_str(&delta.text());
        }
        let data = event.data().expect("every event has a JSON form");
        let written = StreamEvent::parse(event.name(), &data).ok();
        assert_eq!(written.as_ref(), Some(event), "{data}");
    }
    text
}

/// The snapshots hold no more parts and no more text than arrived.
fn check_snapshots(events: &[StreamEvent], bytes: usize) {
    let mut snapshots = RunAccumulator::default();
    for event in events {
        snapshots.apply(event);
    }
    let messages = snapshots.messages();
    let parts: usize = messages.iter().map(|message| message.content.len()).sum();
    assert!(parts <= bytes, "{parts} parts of {bytes} bytes");
    let text: usize = messages.iter().map(|message| Message::text(message).len()).sum();
    assert!(text <= bytes, "{text} bytes of text of {bytes} bytes");
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
