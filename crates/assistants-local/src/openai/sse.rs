//! A run's events as server-sent events.

use assistants_types::openai::{RunStepType, StreamEvent};

use crate::engine::Subscriber;
use crate::object::{event_data, without_content};
use crate::stream::{Room, Writer};

/// Writes events to a stream.
#[derive(Debug)]
pub(super) struct EventWriter {
    writer: Writer,
    /// Whether run steps show the texts of the passages that file search found.
    content: bool,
}

impl EventWriter {
    pub(super) fn boxed(writer: Writer, content: bool) -> Box<dyn Subscriber> {
        Box::new(Self { writer, content })
    }
}

impl Subscriber for EventWriter {
    fn event(&mut self, event: &StreamEvent) {
        // JSON without line breaks: one data line is enough.
        let mut data = event_data(event);
        if let StreamEvent::RunStepCompleted(step) = event
            && !self.content
            && step.type_ == RunStepType::ToolCalls
        {
            data = without_content(&data);
        }
        self.writer.push(|bytes| {
            for part in ["event: ", event.name(), "\ndata: ", &data, "\n\n"] {
                bytes.extend_from_slice(part.as_bytes());
            }
        });
    }

    fn room(&self) -> Room {
        self.writer.room()
    }
}
