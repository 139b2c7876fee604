//! A run's events as server-sent events.

use assistants_types::openai::StreamEvent;

use crate::engine::Subscriber;
use crate::object::event_data;
use crate::stream::{Room, Writer};

/// Writes events to a stream.
#[derive(Debug)]
pub(super) struct EventWriter(Writer);

impl EventWriter {
    pub(super) fn boxed(writer: Writer) -> Box<dyn Subscriber> {
        Box::new(Self(writer))
    }
}

impl Subscriber for EventWriter {
    fn event(&mut self, event: &StreamEvent) {
        // JSON without line breaks: one data line is enough.
        let data = event_data(event);
        self.0.push(|bytes| {
            for part in ["event: ", event.name(), "\ndata: ", &data, "\n\n"] {
                bytes.extend_from_slice(part.as_bytes());
            }
        });
    }

    fn room(&self) -> Room {
        self.0.room()
    }
}
