//! Applies deltas to messages.

use serde_json::Value;

use super::indexed::{apply_at, find};
use super::merge::{grow_extra, keep_latest, merge, replace};
use crate::openai::{
    Annotation, AnnotationDelta, Message, MessageContent, MessageDelta, MessageDeltaContent, Text, TextDelta,
};

impl Message {
    /// Applies a delta of this message.
    ///
    /// ```
    /// use assistants_types::openai::{Message, StreamEvent};
    ///
    /// let mut message = Message { id: "msg_1".into(), ..Message::default() };
    /// for word in ["Hello", " world"] {
    ///     let data = format!(r#"{{"id":"msg_1","delta":{{"content":[{{"index":0,"type":"text","text":{{"value":"{word}"}}}}]}}}}"#);
    ///     let StreamEvent::MessageDelta(delta) = StreamEvent::parse("thread.message.delta", &data)? else { continue };
    ///     message.apply(&delta);
    /// }
    /// assert_eq!(message.text(), "Hello world");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn apply(&mut self, delta: &MessageDelta) {
        if let Some(role) = &delta.delta.role {
            self.role = role.clone();
        }
        for part in delta.delta.content.iter().flatten() {
            let (index, start) = content(part);
            apply_at(&mut self.content, index, part, start, grow_content);
        }
        grow_extra(self, &delta.delta.extra);
        keep_latest(self, &delta.extra);
    }

    /// The position in `content` of the part that deltas address by this index.
    ///
    /// This is the index itself, unless deltas have skipped lower indexes: skipped parts take no space.
    #[must_use]
    pub fn place_of(&self, index: i64) -> Option<usize> {
        find(&self.content, index).ok()
    }
}

/// The index of a content delta, and the initial value of its part.
fn content(delta: &MessageDeltaContent) -> (Option<i64>, impl Fn() -> MessageContent) {
    let index = match delta {
        MessageDeltaContent::Text(part) => Some(part.index),
        MessageDeltaContent::Refusal(part) => Some(part.index),
        MessageDeltaContent::ImageFile(part) => Some(part.index),
        MessageDeltaContent::ImageUrl(part) => Some(part.index),
        MessageDeltaContent::Unknown(raw) => raw.get("index").and_then(Value::as_i64),
    };
    (index, move || match delta {
        MessageDeltaContent::Text(_) => MessageContent::Text(Default::default()),
        MessageDeltaContent::Refusal(_) => MessageContent::Refusal(Default::default()),
        MessageDeltaContent::ImageFile(_) => MessageContent::ImageFile(Default::default()),
        MessageDeltaContent::ImageUrl(_) => MessageContent::ImageUrl(Default::default()),
        MessageDeltaContent::Unknown(_) => MessageContent::Unknown(Value::Null),
    })
}

/// Applies a delta to a content part; `false` if its type differs.
fn grow_content(content: &mut MessageContent, delta: &MessageDeltaContent) -> bool {
    match (content, delta) {
        (MessageContent::Text(content), MessageDeltaContent::Text(delta)) => {
            if let Some(delta) = &delta.text {
                grow_text(&mut content.text, delta);
            }
            grow_extra(content, &delta.extra);
        }
        (MessageContent::Refusal(content), MessageDeltaContent::Refusal(delta)) => {
            content.refusal.push_str(delta.refusal.as_deref().unwrap_or_default());
            grow_extra(content, &delta.extra);
        }
        (MessageContent::ImageFile(content), MessageDeltaContent::ImageFile(delta)) => {
            if let Some(delta) = &delta.image_file {
                replace(&mut content.image_file.file_id, delta.file_id.as_ref());
                content.image_file.detail = delta.detail.clone().or(content.image_file.detail.take());
                grow_extra(&mut content.image_file, &delta.extra);
            }
            grow_extra(content, &delta.extra);
        }
        (MessageContent::ImageUrl(content), MessageDeltaContent::ImageUrl(delta)) => {
            if let Some(delta) = &delta.image_url {
                replace(&mut content.image_url.url, delta.url.as_ref());
                content.image_url.detail = delta.detail.clone().or(content.image_url.detail.take());
                grow_extra(&mut content.image_url, &delta.extra);
            }
            grow_extra(content, &delta.extra);
        }
        (MessageContent::Unknown(raw), MessageDeltaContent::Unknown(delta)) => merge(raw, delta),
        _ => return false,
    }
    true
}

fn grow_text(text: &mut Text, delta: &TextDelta) {
    text.value.push_str(delta.value.as_deref().unwrap_or_default());
    for annotation in delta.annotations.iter().flatten() {
        let index = match annotation {
            AnnotationDelta::FileCitation(one) => Some(one.index),
            AnnotationDelta::FilePath(one) => Some(one.index),
            AnnotationDelta::Unknown(raw) => raw.get("index").and_then(Value::as_i64),
        };
        let start = || match annotation {
            AnnotationDelta::FileCitation(_) => Annotation::FileCitation(Default::default()),
            AnnotationDelta::FilePath(_) => Annotation::FilePath(Default::default()),
            AnnotationDelta::Unknown(_) => Annotation::Unknown(Value::Null),
        };
        apply_at(&mut text.annotations, index, annotation, start, grow_annotation);
    }
    grow_extra(text, &delta.extra);
}

fn grow_annotation(annotation: &mut Annotation, delta: &AnnotationDelta) -> bool {
    match (annotation, delta) {
        (Annotation::FileCitation(annotation), AnnotationDelta::FileCitation(delta)) => {
            replace(&mut annotation.text, delta.text.as_ref());
            replace(&mut annotation.start_index, delta.start_index.as_ref());
            replace(&mut annotation.end_index, delta.end_index.as_ref());
            if let Some(citation) = &delta.file_citation {
                replace(&mut annotation.file_citation.file_id, citation.file_id.as_ref());
                if let Some(quote) = &citation.quote {
                    // The published definition has a quote in deltas only; it is kept nevertheless.
                    annotation
                        .file_citation
                        .extra
                        .insert("quote".to_owned(), quote.as_str().into());
                }
                grow_extra(&mut annotation.file_citation, &citation.extra);
            }
            grow_extra(annotation, &delta.extra);
        }
        (Annotation::FilePath(annotation), AnnotationDelta::FilePath(delta)) => {
            replace(&mut annotation.text, delta.text.as_ref());
            replace(&mut annotation.start_index, delta.start_index.as_ref());
            replace(&mut annotation.end_index, delta.end_index.as_ref());
            if let Some(path) = &delta.file_path {
                replace(&mut annotation.file_path.file_id, path.file_id.as_ref());
                grow_extra(&mut annotation.file_path, &path.extra);
            }
            grow_extra(annotation, &delta.extra);
        }
        (Annotation::Unknown(raw), AnnotationDelta::Unknown(delta)) => merge(raw, delta),
        _ => return false,
    }
    true
}
