//! A run's events as server-sent events.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use assistants_types::openai::{RunStepType, StreamEvent};
use axum::body::{Body, Bytes};
use serde_json::Value;
use tokio_stream::Stream;

use crate::engine::{Follower, Taken};
use crate::openai::v1::show_retrieval;
use crate::storage::document::{event_data, without_content};

/// How many events are written at once, at most. What has gathered is one chunk, which saves a write to the socket for
/// every event as soon as the reader is slower than the run.
const MOST: usize = 128;

/// The body of a response that follows a run.
#[derive(Debug)]
pub(crate) struct EventStream {
    follower: Follower,
    /// Whether run steps show the texts of the passages that file search found.
    content: bool,
    /// Whether the client speaks version 1 of the protocol.
    legacy: bool,
}

impl EventStream {
    /// The body; must be called where the runtime of the server is known. A reader that stops reading is cut off.
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

    fn write(&self, bytes: &mut Vec<u8>, event: &StreamEvent) {
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
        for part in ["event: ", event.name(), "\ndata: ", &data, "\n\n"] {
            bytes.extend_from_slice(part.as_bytes());
        }
    }
}

impl Stream for EventStream {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        match this.follower.take(context.waker(), MOST) {
            Taken::Nothing => Poll::Pending,
            Taken::End => Poll::Ready(None),
            Taken::Entries(entries) => {
                let mut bytes = Vec::new();
                for entry in &entries {
                    this.write(&mut bytes, &entry.event());
                }
                Poll::Ready(Some(Ok(bytes.into())))
            }
        }
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
