//! Shortcuts for creating and reading messages.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use super::{
    Annotation, CreateMessage, ImageFileContent, ImageUrlContent, Message, MessageContent, MessageDelta,
    MessageDeltaContent, MessageInput, MessagePart, Role, TextPart,
};

impl CreateMessage {
    /// A user message, from text or parts.
    #[must_use]
    pub fn user(content: impl Into<MessageInput>) -> Self {
        Self::new(Role::User, content)
    }

    /// A message attributed to the assistant, from text or parts.
    #[must_use]
    pub fn assistant(content: impl Into<MessageInput>) -> Self {
        Self::new(Role::Assistant, content)
    }
}

impl From<&str> for MessagePart {
    fn from(text: &str) -> Self {
        Self::Text(TextPart::new(text))
    }
}

impl From<String> for MessagePart {
    fn from(text: String) -> Self {
        Self::Text(TextPart::new(text))
    }
}

impl From<MessagePart> for MessageContent {
    /// The part as it is returned in a message of the thread.
    fn from(part: MessagePart) -> Self {
        match part {
            MessagePart::Text(part) => Self::from(part.text),
            MessagePart::ImageFile(ImageFileContent { image_file, extra }) => {
                Self::ImageFile(ImageFileContent { image_file, extra })
            }
            MessagePart::ImageUrl(ImageUrlContent { image_url, extra }) => {
                Self::ImageUrl(ImageUrlContent { image_url, extra })
            }
            MessagePart::Unknown(raw) => Self::Unknown(raw),
        }
    }
}

impl From<String> for MessageContent {
    fn from(value: String) -> Self {
        let text = super::Text {
            value,
            ..super::Text::default()
        };
        Self::Text(super::TextContent {
            text,
            ..super::TextContent::default()
        })
    }
}

impl MessageInput {
    /// The content as it is returned in a message of the thread: a list of parts, also for plain text.
    #[must_use]
    pub fn into_content(self) -> Vec<MessageContent> {
        match self {
            Self::Text(text) => vec![text.into()],
            Self::Parts(parts) => parts.into_iter().map(MessageContent::from).collect(),
            Self::Unknown(raw) => vec![MessageContent::Unknown(raw)],
        }
    }
}

impl Message {
    /// The text of all text parts, concatenated. Refusals and images are skipped.
    #[must_use]
    pub fn text(&self) -> String {
        self.texts().collect()
    }

    /// The text of each text part.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.content.iter().filter_map(|part| match part {
            MessageContent::Text(part) => Some(part.text.value.as_str()),
            _ => None,
        })
    }

    /// The text, parsed as JSON, for messages with a response format (`ResponseFormat::of`, with the feature
    /// `schemars`).
    ///
    /// # Errors
    ///
    /// If the text is not the JSON of a `T`, because the model refused or the message was truncated at a token limit.
    /// See [`refusal`](Self::refusal) and [`status`](Self::status).
    pub fn parse<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(&self.text())
    }

    /// The text of the model's refusal, if it refused to answer.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        self.content.iter().find_map(|part| match part {
            MessageContent::Refusal(part) => Some(part.refusal.as_str()),
            _ => None,
        })
    }

    /// The annotations of all text parts: citations, and files written by the code interpreter.
    pub fn annotations(&self) -> impl Iterator<Item = &Annotation> {
        self.content.iter().flat_map(|part| match part {
            MessageContent::Text(part) => part.text.annotations.as_slice(),
            _ => &[],
        })
    }
}

impl MessageDelta {
    /// The text that this delta adds; empty if there is none. Borrowed unless it consists of several parts.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        let mut texts = self.texts();
        let first = texts.next().unwrap_or_default();
        let mut all = Cow::Borrowed(first);
        for more in texts {
            all += more;
        }
        all
    }

    /// The text that this delta adds to each part.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.delta.content.iter().flatten().filter_map(|part| match part {
            MessageDeltaContent::Text(part) => part.text.as_ref()?.value.as_deref(),
            _ => None,
        })
    }
}
