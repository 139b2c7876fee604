//! Answers and chunks: shortcuts for reading them.

use std::borrow::Cow;

use super::{
    ChatChoice, ChatChunkChoice, ChatCompletion, ChatCompletionChunk, ChatCompletionMessage, ChatFunctionToolCall,
    ChatMessage, ChatToolCall,
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
        self.choice()
            .and_then(|choice| choice.message.content.as_deref())
            .unwrap_or_default()
    }

    /// The tools that the first answer calls.
    #[must_use]
    pub fn tool_calls(&self) -> &[ChatToolCall] {
        self.choice()
            .and_then(|choice| choice.message.tool_calls.as_deref())
            .unwrap_or_default()
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
