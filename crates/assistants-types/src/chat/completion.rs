//! Answers and chunks: shortcuts for reading them.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    ChatChoice, ChatChunkChoice, ChatCompletion, ChatCompletionChunk, ChatCompletionMessage, ChatFinishReason,
    ChatFunctionToolCall, ChatMessage, ChatRole, ChatStatus, ChatToolCall,
};

impl ChatCompletion {
    /// The first answer, which is the only one unless `n` asked for more.
    #[must_use]
    pub fn choice(&self) -> Option<&ChatChoice> {
        self.choices
            .iter()
            .find(|choice| choice.index == 0)
            .or(self.choices.first())
    }

    /// The text of the first answer; empty where there is none, as with tool calls.
    #[must_use]
    pub fn text(&self) -> &str {
        self.choice().map(ChatChoice::text).unwrap_or_default()
    }

    /// The text of the first answer as JSON, for answers that were asked for in a format
    /// ([`ResponseFormat::of`](crate::openai::ResponseFormat), with the feature `schemars`).
    ///
    /// # Errors
    ///
    /// When the text is not the JSON of a `T`: the model refused, or the answer was cut off; see
    /// [`status`](Self::status).
    pub fn parse<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(self.text())
    }

    /// The model's reasoning about the first answer, where a server shows it.
    #[must_use]
    pub fn reasoning(&self) -> Option<&str> {
        self.choice().and_then(ChatChoice::reasoning)
    }

    /// Why the first answer ended; `None` while nothing said so.
    #[must_use]
    pub fn finish_reason(&self) -> Option<&ChatFinishReason> {
        let reason = self.choice().map(|choice| &choice.finish_reason);
        reason.filter(|reason| !reason.as_str().is_empty())
    }

    /// The same as a state of the first answer.
    #[must_use]
    pub fn status(&self) -> ChatStatus {
        self.choice().map_or(ChatStatus::Partial, ChatChoice::status)
    }

    /// Who wrote the first answer: the assistant, unless the server says something else.
    #[must_use]
    pub fn role(&self) -> ChatRole {
        self.choice().map_or(ChatRole::Assistant, ChatChoice::role)
    }

    /// The tools that the first answer calls.
    #[must_use]
    pub fn tool_calls(&self) -> &[ChatToolCall] {
        self.choice().map(ChatChoice::tool_calls).unwrap_or_default()
    }

    /// The functions among them, which are all in practice.
    pub fn function_calls(&self) -> impl Iterator<Item = &ChatFunctionToolCall> {
        self.tool_calls().iter().filter_map(ChatToolCall::as_function)
    }

    /// The first answer as a message for the next request; the outputs of the tools it calls follow it there.
    #[must_use]
    pub fn to_message(&self) -> ChatMessage {
        let message = self.choice().map(|choice| choice.message.clone());
        message.unwrap_or_default().into()
    }
}

impl ChatChoice {
    /// The text; empty where there is none, as with tool calls.
    #[must_use]
    pub fn text(&self) -> &str {
        self.message.content.as_deref().unwrap_or_default()
    }

    /// The model's reasoning, where a server shows it.
    #[must_use]
    pub fn reasoning(&self) -> Option<&str> {
        self.message.reasoning()
    }

    /// The tools that the answer calls.
    #[must_use]
    pub fn tool_calls(&self) -> &[ChatToolCall] {
        self.message.tool_calls.as_deref().unwrap_or_default()
    }

    /// Who wrote it: the assistant, unless the server says something else.
    #[must_use]
    pub fn role(&self) -> ChatRole {
        let said = self.message.extra.get("role").and_then(Value::as_str);
        said.map_or(ChatRole::Assistant, ChatRole::from)
    }

    /// Why it ended, as a state of the answer.
    #[must_use]
    pub fn status(&self) -> ChatStatus {
        self.finish_reason.status()
    }
}

impl ChatCompletionMessage {
    /// The model's reasoning, where a server shows it: `reasoning_content`, which many servers send beside what the
    /// published protocol has.
    #[must_use]
    pub fn reasoning(&self) -> Option<&str> {
        self.extra.get("reasoning_content")?.as_str()
    }
}

impl ChatToolCall {
    /// The call, if it is one of a function.
    #[must_use]
    pub fn as_function(&self) -> Option<&ChatFunctionToolCall> {
        match self {
            Self::Function(call) => Some(call),
            _ => None,
        }
    }
}

impl ChatCompletionChunk {
    /// The text that this chunk adds to the first answer; empty where it adds something else.
    #[must_use]
    pub fn text(&self) -> &str {
        self.choices
            .iter()
            .find(|choice| choice.index == 0)
            .map_or("", ChatChunkChoice::text)
    }

    /// The text that this chunk adds to all answers, by their index.
    pub fn texts(&self) -> impl Iterator<Item = (i64, &str)> {
        self.choices.iter().map(|choice| (choice.index, choice.text()))
    }

    /// The reasoning that this chunk adds to the first answer, where a server shows it as `reasoning_content`.
    #[must_use]
    pub fn reasoning(&self) -> Cow<'_, str> {
        self.choices
            .iter()
            .filter(|choice| choice.index == 0)
            .filter_map(|choice| choice.delta.extra.get("reasoning_content")?.as_str())
            .collect()
    }
}

impl ChatChunkChoice {
    /// The text that is added to this answer.
    #[must_use]
    pub fn text(&self) -> &str {
        self.delta.content.as_deref().unwrap_or_default()
    }
}
