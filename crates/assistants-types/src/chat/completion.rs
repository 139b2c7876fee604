//! Shortcuts for reading completions and chunks.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    ChatChoice, ChatChunkChoice, ChatCompletion, ChatCompletionChunk, ChatCompletionMessage, ChatDelta,
    ChatFinishReason, ChatFunctionToolCall, ChatMessage, ChatRole, ChatStatus, ChatToolCall,
};
use crate::loose::Loose as _;

impl ChatCompletion {
    /// The first answer; the only one unless `n` was set.
    #[must_use]
    pub fn choice(&self) -> Option<&ChatChoice> {
        self.choices
            .iter()
            .find(|choice| choice.index == 0)
            .or(self.choices.first())
    }

    /// The text of the first answer; empty if there is none, as with tool calls.
    #[must_use]
    pub fn text(&self) -> &str {
        self.choice().map(ChatChoice::text).unwrap_or_default()
    }

    /// The text of the first answer, parsed as JSON, for answers with a response format
    /// ([`ResponseFormat::of`](crate::openai::ResponseFormat), with the feature `schemars`).
    ///
    /// # Errors
    ///
    /// If the text is not the JSON of a `T`, because the model refused or the answer was truncated; see
    /// [`status`](Self::status).
    pub fn parse<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(self.text())
    }

    /// The reasoning of the first answer, if the server returns it.
    #[must_use]
    pub fn reasoning(&self) -> Option<&str> {
        self.choice().and_then(ChatChoice::reasoning)
    }

    /// Why the first answer ended; `None` if unknown.
    #[must_use]
    pub fn finish_reason(&self) -> Option<&ChatFinishReason> {
        let reason = self.choice().map(|choice| &choice.finish_reason);
        reason.filter(|reason| !reason.as_str().is_empty())
    }

    /// The finish reason of the first answer, as a status.
    #[must_use]
    pub fn status(&self) -> ChatStatus {
        self.choice().map_or(ChatStatus::Partial, ChatChoice::status)
    }

    /// The role of the author of the first answer; defaults to the assistant.
    #[must_use]
    pub fn role(&self) -> ChatRole {
        self.choice().map_or(ChatRole::Assistant, ChatChoice::role)
    }

    /// The tool calls of the first answer.
    #[must_use]
    pub fn tool_calls(&self) -> &[ChatToolCall] {
        self.choice().map(ChatChoice::tool_calls).unwrap_or_default()
    }

    /// The function calls among them; in practice, these are all.
    pub fn function_calls(&self) -> impl Iterator<Item = &ChatFunctionToolCall> {
        self.tool_calls().iter().filter_map(ChatToolCall::as_function)
    }

    /// The first answer as a message for the next request, to be followed by the outputs of its tool calls.
    #[must_use]
    pub fn to_message(&self) -> ChatMessage {
        let message = self.choice().map(|choice| choice.message.clone());
        message.unwrap_or_default().into()
    }
}

impl ChatChoice {
    /// The text; empty if there is none, as with tool calls.
    #[must_use]
    pub fn text(&self) -> &str {
        self.message.content.as_deref().unwrap_or_default()
    }

    /// The reasoning, if the server returns it.
    #[must_use]
    pub fn reasoning(&self) -> Option<&str> {
        self.message.reasoning()
    }

    /// The tool calls of the answer.
    #[must_use]
    pub fn tool_calls(&self) -> &[ChatToolCall] {
        self.message.tool_calls.as_deref().unwrap_or_default()
    }

    /// The role of the author; defaults to the assistant.
    #[must_use]
    pub fn role(&self) -> ChatRole {
        let said = self.message.extra.get("role").and_then(Value::as_str);
        said.map_or(ChatRole::Assistant, ChatRole::from)
    }

    /// The finish reason, as a status.
    #[must_use]
    pub fn status(&self) -> ChatStatus {
        self.finish_reason.status()
    }
}

impl ChatCompletionMessage {
    /// The reasoning, if the server returns it as `reasoning_content`, which is not part of the published protocol but
    /// sent by many servers.
    #[must_use]
    pub fn reasoning(&self) -> Option<&str> {
        self.extra.get("reasoning_content")?.as_str()
    }
}

impl ChatToolCall {
    /// The call, if it is a function call.
    #[must_use]
    pub fn as_function(&self) -> Option<&ChatFunctionToolCall> {
        match self {
            Self::Function(call) => Some(call),
            _ => None,
        }
    }
}

impl ChatCompletionChunk {
    /// The text that this chunk adds to the first answer; empty if there is none.
    #[must_use]
    pub fn text(&self) -> &str {
        self.choices
            .iter()
            .find(|choice| choice.index == 0)
            .map_or("", ChatChunkChoice::text)
    }

    /// The text that this chunk adds to each answer, with the index of the answer.
    pub fn texts(&self) -> impl Iterator<Item = (i64, &str)> {
        self.choices.iter().map(|choice| (choice.index, choice.text()))
    }

    /// The reasoning that this chunk adds to the first answer, if the server returns it as `reasoning_content`, or as
    /// `thinking` parts of the content.
    #[must_use]
    pub fn reasoning(&self) -> Cow<'_, str> {
        let first = self.choices.iter().filter(|choice| choice.index == 0);
        first
            .flat_map(|choice| {
                let beside = choice.delta.extra.get("reasoning_content").and_then(Value::as_str);
                let within = choice.delta.thinking().map(Cow::Owned);
                beside.map(Cow::Borrowed).into_iter().chain(within)
            })
            .reduce(|all, more| all + more)
            .unwrap_or_default()
    }
}

impl ChatDelta {
    /// The reasoning in a content that is a list of parts, as Mistral sends it:
    /// `[{"type": "thinking", "thinking": [{"type": "text", "text": "…"}]}]`.
    pub(super) fn thinking(&self) -> Option<String> {
        let parts = self.extra.spelling("content")?.as_array()?;
        let thoughts = parts.iter().filter_map(|part| part.get("thinking"));
        let text = thoughts.filter_map(|thought| Some(String::read(thought.clone()).ok()?.0));
        Some(text.collect::<String>()).filter(|text| !text.is_empty())
    }
}

impl ChatChunkChoice {
    /// The text that is added to this answer.
    #[must_use]
    pub fn text(&self) -> &str {
        self.delta.content.as_deref().unwrap_or_default()
    }
}
