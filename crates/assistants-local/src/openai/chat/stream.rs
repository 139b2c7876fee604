//! Sends a chat completion while it is written.

use std::ops::ControlFlow;

use assistants_types::chat::{
    ChatChunkChoice, ChatCompletionChunk, ChatCompletionMessage, ChatDelta, ChatFinishReason, ChatUsage,
};

use super::failure::broken_off;
use super::job::{ChatJob, count, finish_reason, wire_usage};
use super::pending::{Started, Starter};
use super::pieces::{add, calls_at_once, delta, first_delta};
use crate::engine::{ChatOutput, READER_TIMEOUT};
use crate::http::event_channel::{self, Reader, Writer};
use crate::http::response::ErrorResponse;
use crate::model::{Finish, Piece, Usage};
use crate::openai::ApiError;

impl ChatJob {
    /// Sends the choices as they are written.
    pub(super) fn streamed(&self, output: &ChatOutput<'_>, starter: Starter) {
        let (writer, reader) = event_channel::channel(event(&broken_off().body()), READER_TIMEOUT);
        let mut chunks = Chunks {
            job: self,
            writer: &writer,
            start: Some((starter, reader)),
        };
        if let Err(error) = chunks.write(output) {
            match chunks.start.take() {
                Some((starter, _)) => starter.start(Err(error)),
                None => chunks.send_data(&error.body()),
            }
        }
        writer.finish();
    }
}

/// The stream that is being written.
struct Chunks<'a> {
    job: &'a ChatJob,
    writer: &'a Writer,
    /// Taken by the first chunk.
    start: Option<(Starter, Reader)>,
}

impl Chunks<'_> {
    fn write(&mut self, output: &ChatOutput<'_>) -> Result<(), ApiError> {
        let mut usage = Usage::default();
        for index in 0..self.job.choices {
            let finish = self.write_choice(index, output)?;
            count(&mut usage, finish);
        }
        if self.job.include_usage || self.job.conventions.always_reports_usage {
            self.send(Vec::new(), Some(wire_usage(usage)));
        }
        self.send_data("[DONE]");
        Ok(())
    }

    fn write_choice(&mut self, index: i64, output: &ChatOutput<'_>) -> Result<Finish, ApiError> {
        let (job, conventions) = (self.job, self.job.conventions);
        let (mut begun, mut calls) = (false, 0);
        // The calls, if they are not sent in pieces.
        let mut gathered = ChatCompletionMessage::default();
        let finish = job.ask(output, &mut |piece| {
            // A chat has no files, so nothing can be searched or cited.
            if matches!(
                piece,
                Piece::Text("") | Piece::Search { .. } | Piece::Citation(_) | Piece::State(_)
            ) {
                return ControlFlow::Continue(());
            }
            let is_text = matches!(piece, Piece::Text(_));
            let is_call = matches!(piece, Piece::Call { .. });
            if !std::mem::replace(&mut begun, true) {
                self.send_delta(index, first_delta(is_text, conventions), None);
            }
            if is_text || conventions.calls_in_pieces {
                self.send_delta(index, delta(piece, calls, conventions), None);
            } else {
                add(&mut gathered, piece, conventions);
            }
            calls += i64::from(is_call);
            self.writer.wait();
            if self.writer.is_disconnected() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        if !begun {
            self.send_delta(index, first_delta(true, conventions), None);
        }
        let reason = finish_reason(finish, calls > 0);
        self.send_delta(index, calls_at_once(gathered), Some(reason));
        Ok(finish)
    }

    fn send_delta(&mut self, index: i64, delta: ChatDelta, finish_reason: Option<ChatFinishReason>) {
        let choice = ChatChunkChoice {
            index,
            delta,
            finish_reason,
            ..ChatChunkChoice::default()
        };
        self.send(vec![choice], None);
    }

    /// Sends a chunk. The first one starts the response.
    fn send(&mut self, choices: Vec<ChatChunkChoice>, usage: Option<ChatUsage>) {
        if let Some((starter, reader)) = self.start.take() {
            starter.start(Ok(Started::Stream(reader)));
        }
        let chunk = ChatCompletionChunk {
            id: self.job.id.clone(),
            created: Some(self.job.created),
            model: self.job.request.model.clone(),
            choices,
            usage,
            ..ChatCompletionChunk::default()
        };
        self.send_data(&serde_json::to_string(&chunk).expect("an object of the protocol has a JSON form"));
    }

    fn send_data(&self, data: &str) {
        self.writer
            .push(|bytes| bytes.extend_from_slice(event(data).as_bytes()));
    }
}

/// Formats an unnamed event. Serialized JSON contains no line breaks, so it fits in one data line.
fn event(data: &str) -> String {
    format!("data: {data}\n\n")
}
