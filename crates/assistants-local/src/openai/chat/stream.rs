//! Sends a chat completion while it is written.

use std::ops::ControlFlow;

use assistants_types::chat::{
    ChatChunkChoice, ChatCompletionChunk, ChatCompletionMessage, ChatDelta, ChatFinishReason, ChatUsage,
};

use super::job::{ChatJob, count, finish_reason, wire_usage};
use super::pieces::{add, calls_at_once, delta, first_delta};
use crate::engine::ChatOutput;
use crate::http::response::ErrorResponse;
use crate::model::{Finish, Piece, Usage};
use crate::openai::ApiError;
use crate::openai::answer::{EventWriter, Starter, broken_off};

impl ChatJob {
    /// Sends the choices as they are written.
    pub(super) fn streamed(&self, output: &ChatOutput<'_>, starter: Starter) {
        let mut chunks = Chunks {
            job: self,
            writer: EventWriter::new(starter, event(&broken_off().body())),
        };
        let outcome = chunks.write(output);
        chunks.writer.finish(outcome, |error| event(&error.body()));
    }
}

/// The stream that is being written.
struct Chunks<'a> {
    job: &'a ChatJob,
    writer: EventWriter,
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
        self.writer.send(&event("[DONE]"));
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
                Piece::Text("") | Piece::Search { .. } | Piece::Code { .. } | Piece::Citation(_) | Piece::State(_)
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
            self.writer.wait()
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

    /// Sends a chunk.
    fn send(&mut self, choices: Vec<ChatChunkChoice>, usage: Option<ChatUsage>) {
        let chunk = ChatCompletionChunk {
            id: self.job.id.clone(),
            created: Some(self.job.created),
            model: self.job.request.model.clone(),
            choices,
            usage,
            ..ChatCompletionChunk::default()
        };
        let chunk = serde_json::to_string(&chunk).expect("an object of the protocol has a JSON form");
        self.writer.send(&event(&chunk));
    }
}

/// Formats an unnamed event. Serialized JSON contains no line breaks, so it fits in one data line.
fn event(data: &str) -> String {
    format!("data: {data}\n\n")
}
