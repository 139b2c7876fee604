//! The events of a run as server-sent events.

use std::convert::Infallible;
use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use assistants_types::openai::{RunStepType, StreamEvent};
use axum::body::{Body, Bytes};
use serde_json::Value;
use tokio_stream::Stream;

use super::step_content::without_content;
use crate::engine::{Batch, Follower};
use crate::openai::v1::show_retrieval;

/// The maximum number of events in a chunk. Pending events are sent together, which saves system calls when the reader
/// is slower than the run.
const MAX_BATCH: usize = 128;

/// The body of a response that follows a run.
#[derive(Debug)]
pub(crate) struct EventStream {
    follower: Follower,
    /// Whether run steps include the texts of passages found by file search.
    content: bool,
    /// Whether the client uses version 1 of the protocol.
    legacy: bool,
}

impl EventStream {
    /// Creates the body, and a task that disconnects a reader that stops reading. Must be called in the context of the
    /// server's runtime.
    pub(crate) fn body(follower: Follower, content: bool, legacy: bool) -> Body {
        let watchdog = follower.watchdog();
        tokio::spawn(async move {
            while let Some(next) = watchdog.check(Instant::now()) {
                tokio::time::sleep_until(next.into()).await;
            }
        });
        Body::from_stream(Self {
            follower,
            content,
            legacy,
        })
    }

    fn write(&mut self, bytes: &mut Vec<u8>, event: &StreamEvent) {
        // Serialized JSON contains no line breaks, so it fits in one data line.
        let mut data = event
            .complete_data()
            .expect("an object of the protocol has a JSON form");
        if let StreamEvent::RunStepCompleted(step) = event
            && !self.content
            && step.type_ == RunStepType::ToolCalls
        {
            data = without_content(&data);
        }
        if self.legacy && event.name().starts_with("thread.run.step.") {
            data = with_retrieval(&data);
        }
        for part in ["event: ", event.name(), "\ndata: ", &data, "\n"] {
            bytes.extend_from_slice(part.as_bytes());
        }
        // An error and the end of the stream are not events of the run: the last id remains that of the event before.
        if !matches!(event, StreamEvent::Error(_) | StreamEvent::Done) {
            let id = self.follower.advance(event);
            writeln!(bytes, "id: {id}").expect("memory takes any bytes");
        }
        bytes.push(b'\n');
    }
}

impl Stream for EventStream {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        match this.follower.take(context.waker(), MAX_BATCH) {
            Batch::Pending => Poll::Pending,
            Batch::End => Poll::Ready(None),
            Batch::Entries(entries) => {
                let mut bytes = Vec::new();
                for entry in &entries {
                    this.write(&mut bytes, &entry.event());
                }
                Poll::Ready(Some(Ok(bytes.into())))
            }
        }
    }
}

/// Converts a run step, or the delta of one, to version 1.
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
