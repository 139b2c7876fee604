//! How chats with models of Yandex differ: those whose name is a URI, `gpt://<folder>/<name>/<version>`.

use assistants_types::chat::{
    ChatCompletionMessage, ChatDelta, ChatFunctionDelta, ChatRole, ChatToolCall, ChatToolCallDelta, ChatToolCallType,
};
use axum::http::HeaderMap;
use serde_json::Value;

use crate::ids;

/// What the URIs of models that chat begin with.
const SCHEME: &str = "gpt://";

/// The provider whose ways an answer follows.
///
/// | | OpenAI | Yandex |
/// | --- | --- | --- |
/// | id of a completion | `chatcmpl-…` | a UUID |
/// | id of a tool call | `call_…` | the name of the function |
/// | text of an answer with calls only | null | empty |
/// | calls in a stream | in pieces | whole, with the reason to end |
/// | first chunk of a text | role and empty text | role |
/// | tokens in a stream | if asked for | in the last chunk |
/// | members that are null | written | left out |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    OpenAi,
    Yandex,
}

impl Manner {
    /// That of the provider who names models so.
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

    /// The id of a call of this function.
    pub(crate) fn call_id(self, name: &str) -> String {
        match self {
            Self::OpenAi => ids::new("call_"),
            Self::Yandex => name.to_owned(),
        }
    }

    /// What the first chunk of an answer says: who writes, and that there is text if there will be.
    pub(crate) fn first_delta(self, text: bool) -> ChatDelta {
        ChatDelta {
            role: Some(ChatRole::Assistant),
            content: (text && self == Self::OpenAi).then(String::new),
            ..ChatDelta::default()
        }
    }

    /// The last touch to a whole answer.
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

/// All calls of an answer in one piece; an empty delta if there are none.
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
        // The provider's own client reads the text of every chunk that brings calls.
        content: calls.is_some().then(String::new),
        tool_calls: calls,
        ..ChatDelta::default()
    }
}

/// Brings a request into the published form: the provider's own client sends the choice of tools as its user spells it.
pub(crate) fn put_right(body: &mut Value) {
    if body.get("model").and_then(Value::as_str).map(Manner::of) != Some(Manner::Yandex) {
        return;
    }
    if let Some(Value::String(choice)) = body.get_mut("tool_choice") {
        choice.make_ascii_lowercase();
    }
}

/// The folder whose models are asked for, in the header `OpenAI-Project`. Projects of OpenAI go by ids that begin with
/// `proj_`.
pub(crate) fn folder(headers: &HeaderMap) -> Option<&str> {
    let project = headers.get("openai-project")?.to_str().ok()?.trim();
    Some(project).filter(|project| !project.is_empty() && !project.starts_with("proj_"))
}

/// The URI of a model in a folder.
pub(crate) fn uri(folder: &str, model: &str) -> String {
    format!("{SCHEME}{folder}/{model}/latest")
}

/// The name of the model in a URI, or the text itself if it is none.
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
