//! Answers while they are streamed.

use std::borrow::Cow;

use super::{
    ChatChunkChoice, ChatCompletion, ChatCompletionChunk, ChatFinishReason, ChatRole, ChatStatus, ChatToolCall,
    ChatUsage,
};

/// What a chunk adds to the first answer, and the answer so far. From
/// [`ChatStream::next_partial`](super::ChatStream::next_partial).
#[derive(Debug)]
pub struct ChatPartial<'s> {
    pub(super) chunk: ChatCompletionChunk,
    pub(super) answer: &'s ChatCompletion,
}

impl<'s> ChatPartial<'s> {
    /// Whether a chunk has anything to show of the first answer: text, reasoning, a refusal, a finish reason, token usage.
    pub(super) fn shows(chunk: &ChatCompletionChunk) -> bool {
        let refuses = |choice: &ChatChunkChoice| choice.delta.refusal.as_ref().is_some_and(|text| !text.is_empty());
        chunk.usage.is_some()
            || !chunk.text().is_empty()
            || !chunk.reasoning().is_empty()
            || first(chunk).is_some_and(|choice| refuses(choice) || ended(choice).is_some())
    }

    /// The new text; empty if the chunk has something else.
    #[must_use]
    pub fn delta(&self) -> &str {
        self.chunk.text()
    }

    /// The whole text so far.
    #[must_use]
    pub fn text(&self) -> &'s str {
        self.answer.text()
    }

    /// The new reasoning.
    #[must_use]
    pub fn reasoning_delta(&self) -> Cow<'_, str> {
        self.chunk.reasoning()
    }

    /// The whole reasoning so far, if the server sends it.
    #[must_use]
    pub fn reasoning(&self) -> Option<&'s str> {
        self.answer.reasoning()
    }

    /// The role of the author. Servers send it in the first chunk only.
    #[must_use]
    pub fn role(&self) -> ChatRole {
        self.answer.role()
    }

    /// Why the answer ends, if it ends with this chunk.
    #[must_use]
    pub fn finish_reason(&self) -> Option<&ChatFinishReason> {
        first(&self.chunk).and_then(ended)
    }

    /// The state of the answer. [`Usage`](ChatStatus::Usage) for a chunk after its end that only reports the token usage.
    #[must_use]
    pub fn status(&self) -> ChatStatus {
        match self.finish_reason() {
            Some(reason) => reason.status(),
            None if self.answer.finish_reason().is_some() => ChatStatus::Usage,
            None => ChatStatus::Partial,
        }
    }

    /// The token usage, if this chunk reports it.
    #[must_use]
    pub fn usage(&self) -> Option<&ChatUsage> {
        self.chunk.usage.as_ref()
    }

    /// The tool calls of the answer after its end; before that, they are incomplete.
    #[must_use]
    pub fn tool_calls(&self) -> &'s [ChatToolCall] {
        match self.answer.finish_reason() {
            Some(_) => self.answer.tool_calls(),
            None => &[],
        }
    }

    /// Everything so far, including answers other than the first.
    #[must_use]
    pub fn completion(&self) -> &'s ChatCompletion {
        self.answer
    }

    /// The chunk as it arrived.
    #[must_use]
    pub fn into_chunk(self) -> ChatCompletionChunk {
        self.chunk
    }
}

fn first(chunk: &ChatCompletionChunk) -> Option<&ChatChunkChoice> {
    chunk.choices.iter().find(|choice| choice.index == 0)
}

fn ended(choice: &ChatChunkChoice) -> Option<&ChatFinishReason> {
    choice
        .finish_reason
        .as_ref()
        .filter(|reason| !reason.as_str().is_empty())
}
