//! Content of messages.

use super::{
    Author, ChunkContent, Citation, ContentPart, ContentPartKind, FileChunk, Message, MessageContent, MessageData, Text,
};

/// The text of all parts, separated by line breaks.
fn join(parts: &[ContentPart]) -> String {
    let texts: Vec<&str> = parts.iter().filter_map(ContentPart::as_str).collect();
    texts.join("\n")
}

impl ContentPart {
    /// The text of the part; `None` if the type of the part is unknown.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.as_text().map(|text| text.content.as_str())
    }
}

impl MessageContent {
    /// A text part.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::from(text.into())
    }

    /// The text of all parts, separated by line breaks. Parts of unknown type are skipped.
    #[must_use]
    pub fn to_text(&self) -> String {
        join(&self.content)
    }

    /// The text without a copy; `None` unless there is exactly one part, and it is text.
    #[must_use]
    pub fn single_text(&self) -> Option<&str> {
        match self.content.as_slice() {
            [part] => part.as_str(),
            _ => None,
        }
    }
}

impl ChunkContent {
    /// The text of all parts, separated by line breaks.
    #[must_use]
    pub fn to_text(&self) -> String {
        join(&self.content)
    }
}

impl From<String> for ContentPart {
    fn from(text: String) -> Self {
        Self {
            kind: Some(ContentPartKind::Text(Text {
                content: text,
                ..Text::default()
            })),
            ..Self::default()
        }
    }
}

impl From<&str> for ContentPart {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

macro_rules! from_text {
    ($($content:ident),+) => {$(
        impl From<String> for $content {
            fn from(text: String) -> Self {
                Self { content: vec![text.into()], ..Self::default() }
            }
        }

        impl From<&str> for $content {
            fn from(text: &str) -> Self {
                Self::from(text.to_owned())
            }
        }

        impl From<&String> for $content {
            fn from(text: &String) -> Self {
                Self::from(text.as_str())
            }
        }
    )+};
}

from_text!(MessageContent, ChunkContent);

impl<T: Into<MessageContent>> From<T> for MessageData {
    /// A message from the default author of the thread.
    fn from(content: T) -> Self {
        Self {
            content: Some(content.into()),
            ..Self::default()
        }
    }
}

impl MessageData {
    /// A message from a user.
    #[must_use]
    pub fn user(author: impl Into<String>, content: impl Into<MessageContent>) -> Self {
        Self::from(content).author(Author::user(author))
    }

    /// A message attributed to an assistant.
    #[must_use]
    pub fn assistant(author: impl Into<String>, content: impl Into<MessageContent>) -> Self {
        Self::from(content).author(Author::assistant(author))
    }
}

impl Author {
    /// A user. The service requires an identifier but does not check that the user exists.
    #[must_use]
    pub fn user(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            role: "USER".to_owned(),
            ..Self::default()
        }
    }

    /// An assistant.
    #[must_use]
    pub fn assistant(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            role: "ASSISTANT".to_owned(),
            ..Self::default()
        }
    }

    /// Whether the author is a user. The role is compared without regard to case.
    #[must_use]
    pub fn is_user(&self) -> bool {
        self.role.eq_ignore_ascii_case("user")
    }

    /// Whether the author is an assistant. The role is compared without regard to case.
    #[must_use]
    pub fn is_assistant(&self) -> bool {
        self.role.eq_ignore_ascii_case("assistant")
    }
}

impl Message {
    /// The text of all parts, separated by line breaks. Parts of unknown type are skipped.
    #[must_use]
    pub fn text(&self) -> String {
        self.content.as_ref().map(MessageContent::to_text).unwrap_or_default()
    }

    /// The texts of the parts.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.content
            .iter()
            .flat_map(|content| &content.content)
            .filter_map(ContentPart::as_str)
    }

    /// The role of the author, as sent, such as `USER`; empty if unknown.
    #[must_use]
    pub fn role(&self) -> &str {
        self.author.as_ref().map_or("", |author| author.role.as_str())
    }

    /// Whether the author is an assistant.
    #[must_use]
    pub fn is_from_assistant(&self) -> bool {
        self.author.as_ref().is_some_and(Author::is_assistant)
    }

    /// Whether the author is a user.
    #[must_use]
    pub fn is_from_user(&self) -> bool {
        self.author.as_ref().is_some_and(Author::is_user)
    }

    /// The file passages that the message cites.
    pub fn chunks(&self) -> impl Iterator<Item = &FileChunk> {
        self.citations.iter().flat_map(Citation::chunks)
    }
}

impl Citation {
    /// The file passages among the sources.
    pub fn chunks(&self) -> impl Iterator<Item = &FileChunk> {
        self.sources.iter().filter_map(super::Source::as_chunk)
    }
}

impl FileChunk {
    /// The text of the passage.
    #[must_use]
    pub fn text(&self) -> String {
        self.content.as_ref().map(ChunkContent::to_text).unwrap_or_default()
    }
}
