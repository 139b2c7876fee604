//! Differences of chats with models of Yandex, whose names are URIs: `gpt://<folder>/<name>/<version>`.

use assistants_types::chat::{
    ChatCompletionMessage, ChatDelta, ChatFunctionDelta, ChatRole, ChatToolCall, ChatToolCallDelta, ChatToolCallType,
};
use axum::http::HeaderMap;
use serde_json::Value;

use crate::ids;

/// The scheme of the URIs of chat models.
const SCHEME: &str = "gpt://";

/// The provider whose conventions a response follows.
///
/// | | OpenAI | Yandex |
/// | --- | --- | --- |
/// | id of a completion | `chatcmpl-…` | a UUID |
/// | id of a tool call | `call_…` | the name of the function |
/// | content of a message with calls only | null | empty |
/// | calls in a stream | in pieces | whole, together with the finish reason |
/// | first chunk of a text | role and empty content | role |
/// | usage in a stream | on request | always, in the last chunk |
/// | members that are null | present | absent |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conventions {
    OpenAi,
    Yandex,
}

impl Conventions {
    /// Returns the provider that uses model names of this form.
    pub(crate) fn of(model: &str) -> Self {
        if model.starts_with(SCHEME) {
            Self::Yandex
        } else {
            Self::OpenAi
        }
    }

    pub(crate) fn completion_id(self) -> String {
        match self {
            Self::OpenAi => ids::new("chatcmpl-"),
            Self::Yandex => ids::uuid(),
        }
    }

    /// Returns the id of a call of the function `name`.
    pub(crate) fn call_id(self, name: &str) -> String {
        match self {
            Self::OpenAi => ids::new("call_"),
            Self::Yandex => name.to_owned(),
        }
    }

    /// Returns the first delta of a message: the role, and for OpenAI an empty content if a text follows.
    pub(crate) fn first_delta(self, text: bool) -> ChatDelta {
        ChatDelta {
            role: Some(ChatRole::Assistant),
            content: (text && self == Self::OpenAi).then(String::new),
            ..ChatDelta::default()
        }
    }

    /// Completes a message that is not streamed.
    pub(crate) fn finish(self, message: &mut ChatCompletionMessage) {
        if self == Self::OpenAi {
            return;
        }
        message.content.get_or_insert_default();
        for (index, call) in message.tool_calls.iter_mut().flatten().enumerate() {
            if let ChatToolCall::Function(call) = call {
                call.extra.insert("index".to_owned(), index.into());
            }
        }
    }
}

/// Returns all calls of a message in one delta, which is empty if there are none.
pub(crate) fn calls_at_once(message: ChatCompletionMessage) -> ChatDelta {
    let calls = message.tool_calls.map(|calls| {
        let calls = calls.into_iter().enumerate().filter_map(|(index, call)| match call {
            ChatToolCall::Function(call) => Some(ChatToolCallDelta {
                index: i64::try_from(index).unwrap_or(i64::MAX),
                id: Some(call.id),
                type_: Some(ChatToolCallType::Function),
                function: Some(ChatFunctionDelta {
                    name: Some(call.function.name),
                    arguments: Some(call.function.arguments),
                    ..ChatFunctionDelta::default()
                }),
                ..ChatToolCallDelta::default()
            }),
            _ => None,
        });
        calls.collect()
    });
    ChatDelta {
        // The provider's own client requires `content` in every chunk that has calls.
        content: calls.is_some().then(String::new),
        tool_calls: calls,
        ..ChatDelta::default()
    }
}

/// Normalizes a request: the provider's own client sends the tool choice in whatever case its user wrote it.
pub(crate) fn normalize(body: &mut Value) {
    if body.get("model").and_then(Value::as_str).map(Conventions::of) != Some(Conventions::Yandex) {
        return;
    }
    if let Some(Value::String(choice)) = body.get_mut("tool_choice") {
        choice.make_ascii_lowercase();
    }
}

/// Returns the folder named in the header `OpenAI-Project`. Values that begin with `proj_` are projects of OpenAI.
pub(crate) fn folder(headers: &HeaderMap) -> Option<&str> {
    let project = headers.get("openai-project")?.to_str().ok()?.trim();
    Some(project).filter(|project| !project.is_empty() && !project.starts_with("proj_"))
}

/// Returns the URI of a model in a folder.
pub(crate) fn uri(folder: &str, model: &str) -> String {
    format!("{SCHEME}{folder}/{model}/latest")
}

/// Returns the model's name in a URI, or the text itself if it is not a URI.
pub(crate) fn name(model: &str) -> &str {
    let path = model.strip_prefix(SCHEME);
    path.and_then(|path| path.split('/').nth(1)).unwrap_or(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_holds_the_name() {
        assert_eq!(name(&uri("f", "scripted")), "scripted");
        assert_eq!(name("scripted"), "scripted");
        assert_eq!(name("gpt://f"), "gpt://f");
    }
}
