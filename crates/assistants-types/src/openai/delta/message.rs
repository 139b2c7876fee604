//! Growing a message.

use serde_json::Value;

use super::indexed::{apply_at, find};
use super::merge::{grow_extra, keep_latest, merge, replace};
use crate::openai::{
    Annotation, AnnotationDelta, Message, MessageContent, MessageDelta, MessageDeltaContent, Text, TextDelta,
};

impl Message {
    /// Adds what a delta of this message says.
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

    /// Where in `content` the part is that deltas call by this index.
    ///
    /// That is the index itself, unless deltas have left out indexes before it: such parts take no place.
    #[must_use]
    pub fn place_of(&self, index: i64) -> Option<usize> {
        find(&self.content, index).ok()
    }
}

/// Where a content delta goes, and what it starts from.
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

/// Grows a content part; `false` when it is of another kind.
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
                    // Only deltas have a quote in the published definition; it is worth keeping.
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
