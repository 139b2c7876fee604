//! Shortcuts for creating chat messages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{
    ChatAssistantContent, ChatAssistantMessage, ChatAudioId, ChatCompletionMessage, ChatDeveloperMessage,
    ChatImagePart, ChatMessage, ChatSystemMessage, ChatTextContent, ChatTextPart, ChatToolMessage, ChatUserContent,
    ChatUserMessage, ChatUserPart,
};
use crate::Field;
use crate::openai::ImageUrl;

impl ChatMessage {
    /// A user message, from text or parts.
    #[must_use]
    pub fn user(content: impl Into<ChatUserContent>) -> Self {
        ChatUserMessage::new(content).into()
    }

    /// A system message: instructions that take precedence over user messages.
    #[must_use]
    pub fn system(content: impl Into<ChatTextContent>) -> Self {
        ChatSystemMessage::new(content).into()
    }

    /// A developer message, which replaces the system message for reasoning models.
    #[must_use]
    pub fn developer(content: impl Into<ChatTextContent>) -> Self {
        ChatDeveloperMessage::new(content).into()
    }

    /// A previous answer of the assistant.
    #[must_use]
    pub fn assistant(content: impl Into<ChatAssistantContent>) -> Self {
        ChatAssistantMessage::default().content(content).into()
    }

    /// The output of a tool call, by the identifier of the call.
    #[must_use]
    pub fn tool(tool_call_id: impl Into<String>, output: impl Into<ChatTextContent>) -> Self {
        ChatToolMessage::new(tool_call_id, output).into()
    }
}

impl From<ChatCompletionMessage> for ChatMessage {
    /// The answer as a message of the continued conversation: text, refusal, tool calls and the identifier of the
    /// audio. What servers do not accept in requests, such as annotations and the text of the reasoning, is dropped.
    fn from(message: ChatCompletionMessage) -> Self {
        let set = |text: Option<String>| text.map_or(Field::Keep, Field::Set);
        Self::Assistant(ChatAssistantMessage {
            content: message.content.map_or(Field::Keep, |text| Field::Set(text.into())),
            refusal: set(message.refusal),
            audio: message
                .audio
                .map_or(Field::Keep, |audio| Field::Set(ChatAudioId::new(audio.id))),
            tool_calls: message.tool_calls.filter(|calls| !calls.is_empty()),
            function_call: message.function_call.map_or(Field::Keep, Field::Set),
            ..ChatAssistantMessage::default()
        })
    }
}

/// An array of parts is also valid content.
macro_rules! parts {
    ($($content:ident of $part:ident),+) => {$(
        impl<const N: usize> From<[super::$part; N]> for $content {
            fn from(parts: [super::$part; N]) -> Self {
                Self::Parts(parts.into())
            }
        }
    )+};
}

parts!(
    ChatTextContent of ChatTextPart,
    ChatUserContent of ChatUserPart,
    ChatAssistantContent of ChatAssistantPart
);

impl ChatTextContent {
    /// The text of all parts, concatenated.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Parts(parts) => parts.iter().map(|part| part.text.as_str()).collect(),
            Self::Unknown(_) => String::new(),
        }
    }
}

impl From<&str> for ChatTextPart {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl ChatUserPart {
    /// An image given by a URL that the server fetches, or by a `data:` URL.
    #[must_use]
    pub fn image_url(url: impl Into<String>) -> Self {
        ChatImagePart::new(ImageUrl::new(url)).into()
    }

    /// An image embedded in the message, with its media type, such as `image/png`.
    #[must_use]
    pub fn image(media_type: &str, bytes: impl AsRef<[u8]>) -> Self {
        Self::image_url(format!("data:{media_type};base64,{}", STANDARD.encode(bytes)))
    }
}

impl From<&str> for ChatUserPart {
    fn from(text: &str) -> Self {
        ChatTextPart::new(text).into()
    }
}

impl From<String> for ChatUserPart {
    fn from(text: String) -> Self {
        ChatTextPart::new(text).into()
    }
}
