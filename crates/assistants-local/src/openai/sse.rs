//! A run's events as server-sent events.

use assistants_types::openai::{RunStepType, StreamEvent};
use serde_json::Value;

use super::legacy::show_retrieval;
use crate::engine::Subscriber;
use crate::object::{event_data, without_content};
use crate::stream::{Room, Writer};

/// Writes events to a stream.
#[derive(Debug)]
pub(super) struct EventWriter {
    writer: Writer,
    /// Whether run steps show the texts of the passages that file search found.
    content: bool,
    /// Whether the client speaks version 1 of the protocol.
    legacy: bool,
}

impl EventWriter {
    pub(super) fn boxed(writer: Writer, content: bool, legacy: bool) -> Box<dyn Subscriber> {
        Box::new(Self {
            writer,
            content,
            legacy,
        })
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
        if self.legacy && event.name().starts_with("thread.run.step.") {
            data = with_retrieval(&data);
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

/// A run step, or the delta of one, as version 1 shows it.
fn with_retrieval(step: &str) -> String {
    let Ok(Value::Object(mut members)) = serde_json::from_str(step) else {
        return step.to_owned();
    };
    match members.get_mut("delta") {
        Some(Value::Object(delta)) => show_retrieval(delta),
        _ => show_retrieval(&mut members),
    }
    Value::Object(members).to_string()
}
