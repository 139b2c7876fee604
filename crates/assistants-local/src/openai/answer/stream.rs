//! The events of an answer while it is written.

use std::ops::ControlFlow;

use super::pending::{Started, Starter};
use crate::engine::READER_TIMEOUT;
use crate::http::event_channel::{self, Reader, Writer};
use crate::openai::ApiError;

/// Writes the events of a response, which its first event starts.
pub(in crate::openai) struct EventWriter {
    writer: Writer,
    /// Taken by the first event.
    start: Option<(Starter, Reader)>,
}

impl EventWriter {
    /// `interrupted` is the event that ends a stream which is not finished.
    pub(in crate::openai) fn new(starter: Starter, interrupted: String) -> Self {
        let (writer, reader) = event_channel::channel(interrupted, READER_TIMEOUT);
        Self {
            writer,
            start: Some((starter, reader)),
        }
    }

    /// Sends an event in its form on the wire.
    pub(in crate::openai) fn send(&mut self, event: &str) {
        if let Some((starter, reader)) = self.start.take() {
            starter.start(Ok(Started::Stream(reader)));
        }
        self.writer.push(|bytes| bytes.extend_from_slice(event.as_bytes()));
    }

    /// Waits for a reader that is behind. Breaks if there is none any more.
    pub(in crate::openai) fn wait(&self) -> ControlFlow<()> {
        self.writer.wait();
        if self.writer.is_disconnected() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Ends the response. An error before the first event is a response with an error status; after it, `event` converts
    /// the error to the last event.
    pub(in crate::openai) fn finish(mut self, outcome: Result<(), ApiError>, event: impl FnOnce(&ApiError) -> String) {
        if let Err(error) = outcome {
            match self.start.take() {
                Some((starter, _)) => starter.start(Err(error)),
                None => self.send(&event(&error)),
            }
        }
        self.writer.finish();
    }
}
