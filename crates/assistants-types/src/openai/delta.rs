//! Growing a message or a run step by the deltas of a stream.
//!
//! Deltas address the parts of a list by `index`. What is text is appended, what is a list again goes by index, and
//! everything else replaces what stood there. That holds for members that this crate does not know as well.

use std::cmp::Ordering;

use serde_json::Value;

use super::{
    Annotation, AnnotationDelta, CalledFunctionDelta, CodeInterpreterDelta, CodeInterpreterOutput,
    CodeInterpreterOutputDelta, Message, MessageContent, MessageDelta, MessageDeltaContent, RunStep, RunStepDelta,
    StepDetails, StepDetailsDelta, StepToolCall, StepToolCallDelta, Text, TextDelta,
};
use crate::Extra;
use crate::object::Object;

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

impl RunStep {
    /// Adds what a delta of this step says.
    pub fn apply(&mut self, delta: &RunStepDelta) {
        self.apply_details(delta.delta.step_details.as_ref());
        grow_extra(self, &delta.delta.extra);
        keep_latest(self, &delta.extra);
    }

    /// Where in the tool calls the one is that deltas call by this index; as [`Message::place_of`].
    #[must_use]
    pub fn place_of_call(&self, index: i64) -> Option<usize> {
        find(self.tool_calls(), index).ok()
    }

    fn apply_details(&mut self, delta: Option<&StepDetailsDelta>) {
        match (&mut self.step_details, delta) {
            (_, None) => {}
            (StepDetails::ToolCalls(details), Some(StepDetailsDelta::ToolCalls(delta))) => {
                for call in delta.tool_calls.iter().flatten() {
                    let (index, start) = tool_call(call);
                    apply_at(&mut details.tool_calls, index, call, start, grow_tool_call);
                }
                grow_extra(details, &delta.extra);
            }
            (StepDetails::MessageCreation(details), Some(StepDetailsDelta::MessageCreation(delta))) => {
                if let Some(id) = delta
                    .message_creation
                    .as_ref()
                    .and_then(|creation| creation.message_id.as_ref())
                {
                    details.message_creation.message_id.clone_from(id);
                }
                grow_extra(details, &delta.extra);
            }
            (StepDetails::Unknown(raw), Some(StepDetailsDelta::Unknown(delta))) => merge(raw, delta),
            // The first delta of a step whose details are not known yet, or details of another kind: start anew.
            (details, Some(delta)) => {
                *details = match delta {
                    StepDetailsDelta::ToolCalls(_) => StepDetails::ToolCalls(super::ToolCallsDetails::default()),
                    StepDetailsDelta::MessageCreation(_) => {
                        StepDetails::MessageCreation(super::MessageCreationDetails::default())
                    }
                    StepDetailsDelta::Unknown(_) => StepDetails::Unknown(Value::Null),
                };
                self.apply_details(Some(delta));
            }
        }
    }
}

/// An item of a list that deltas address by index.
///
/// Items are in the order of their indexes, and an index that no delta named takes no place, so that memory is in
/// proportion to what arrived. An item whose index is not its place remembers it.
trait Indexed {
    /// The index that the item remembers.
    fn index(&self) -> Option<i64>;

    fn set_index(&mut self, index: i64);
}

macro_rules! indexed {
    ($name:ident: $($arm:ident)+) => {
        impl Indexed for $name {
            fn index(&self) -> Option<i64> {
                match self {
                    $(Self::$arm(item) => item.extra.index(),)+
                    // The delta it began with is in it, with its index.
                    Self::Unknown(raw) => raw.get("index").and_then(Value::as_i64),
                }
            }

            fn set_index(&mut self, index: i64) {
                match self {
                    $(Self::$arm(item) => item.extra.set_index(index),)+
                    Self::Unknown(_) => {}
                }
            }
        }
    };
}

indexed!(MessageContent: Text Refusal ImageFile ImageUrl);
indexed!(Annotation: FileCitation FilePath);
indexed!(StepToolCall: CodeInterpreter FileSearch Function);
indexed!(CodeInterpreterOutput: Logs Image);

/// The place of the item of that index, or the place where it would be.
fn find<T: Indexed>(items: &[T], index: i64) -> Result<usize, usize> {
    let index_at = |at: usize| items[at].index().unwrap_or(at as i64);
    // Nearly always the index is the place.
    if let Ok(at) = usize::try_from(index)
        && at < items.len()
        && index_at(at) == index
    {
        return Ok(at);
    }
    let (mut low, mut high) = (0, items.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match index_at(middle).cmp(&index) {
            Ordering::Less => low = middle + 1,
            Ordering::Equal => return Ok(middle),
            Ordering::Greater => high = middle,
        }
    }
    Err(low)
}

/// Applies one delta to the item of that index, which is made first if it is not there. Without an index it is one more.
fn apply_at<T: Indexed, D>(
    items: &mut Vec<T>,
    index: Option<i64>,
    delta: &D,
    start: impl Fn() -> T,
    grow: impl Fn(&mut T, &D) -> bool,
) {
    let found = match index {
        Some(index) if index >= 0 => find(items, index).map_err(|at| (at, index)),
        _ => {
            let last = items.last().and_then(Indexed::index);
            Err((
                items.len(),
                last.map_or(items.len() as i64, |last| last.saturating_add(1)),
            ))
        }
    };
    let begin = |index: i64, at: usize| {
        let mut item = start();
        grow(&mut item, delta);
        if index != at as i64 {
            item.set_index(index);
        }
        item
    };
    match found {
        Ok(at) if grow(&mut items[at], delta) => {}
        // Something of another kind stands there.
        Ok(at) => items[at] = begin(index.unwrap_or(at as i64), at),
        Err((at, index)) => items.insert(at, begin(index, at)),
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

/// Where a call delta goes, and what it starts from.
fn tool_call(delta: &StepToolCallDelta) -> (Option<i64>, impl Fn() -> StepToolCall) {
    let index = match delta {
        StepToolCallDelta::CodeInterpreter(call) => Some(call.index),
        StepToolCallDelta::FileSearch(call) => Some(call.index),
        StepToolCallDelta::Function(call) => Some(call.index),
        StepToolCallDelta::Unknown(raw) => raw.get("index").and_then(Value::as_i64),
    };
    (index, move || match delta {
        StepToolCallDelta::CodeInterpreter(_) => StepToolCall::CodeInterpreter(Default::default()),
        StepToolCallDelta::FileSearch(_) => StepToolCall::FileSearch(Default::default()),
        StepToolCallDelta::Function(_) => StepToolCall::Function(Default::default()),
        StepToolCallDelta::Unknown(_) => StepToolCall::Unknown(Value::Null),
    })
}

fn grow_tool_call(call: &mut StepToolCall, delta: &StepToolCallDelta) -> bool {
    match (call, delta) {
        (StepToolCall::Function(call), StepToolCallDelta::Function(delta)) => {
            replace(&mut call.id, delta.id.as_ref());
            if let Some(CalledFunctionDelta {
                name,
                arguments,
                output,
                extra,
            }) = &delta.function
            {
                // A name comes whole: some servers repeat it in every delta, none splits it.
                replace(&mut call.function.name, name.as_ref().filter(|name| !name.is_empty()));
                call.function
                    .arguments
                    .push_str(arguments.as_deref().unwrap_or_default());
                if let Some(output) = output {
                    call.function.output = Some(output.clone());
                }
                grow_extra(&mut call.function, extra);
            }
            grow_extra(call, &delta.extra);
        }
        (StepToolCall::CodeInterpreter(call), StepToolCallDelta::CodeInterpreter(delta)) => {
            replace(&mut call.id, delta.id.as_ref());
            if let Some(CodeInterpreterDelta { input, outputs, extra }) = &delta.code_interpreter {
                call.code_interpreter
                    .input
                    .push_str(input.as_deref().unwrap_or_default());
                for output in outputs.iter().flatten() {
                    let (index, start) = code_output(output);
                    apply_at(
                        &mut call.code_interpreter.outputs,
                        index,
                        output,
                        start,
                        grow_code_output,
                    );
                }
                grow_extra(&mut call.code_interpreter, extra);
            }
            grow_extra(call, &delta.extra);
        }
        (StepToolCall::FileSearch(call), StepToolCallDelta::FileSearch(delta)) => {
            replace(&mut call.id, delta.id.as_ref());
            // The delta's form is not specified further than "an object"; take it when it is what a step holds.
            if delta.file_search.as_object().is_some_and(|members| !members.is_empty())
                && let Ok(file_search) = serde_json::from_value(delta.file_search.clone())
            {
                call.file_search = file_search;
            }
            grow_extra(call, &delta.extra);
        }
        (StepToolCall::Unknown(raw), StepToolCallDelta::Unknown(delta)) => merge(raw, delta),
        _ => return false,
    }
    true
}

fn code_output(delta: &CodeInterpreterOutputDelta) -> (Option<i64>, impl Fn() -> CodeInterpreterOutput) {
    let index = match delta {
        CodeInterpreterOutputDelta::Logs(output) => Some(output.index),
        CodeInterpreterOutputDelta::Image(output) => Some(output.index),
        CodeInterpreterOutputDelta::Unknown(raw) => raw.get("index").and_then(Value::as_i64),
    };
    (index, move || match delta {
        CodeInterpreterOutputDelta::Logs(_) => CodeInterpreterOutput::Logs(Default::default()),
        CodeInterpreterOutputDelta::Image(_) => CodeInterpreterOutput::Image(Default::default()),
        CodeInterpreterOutputDelta::Unknown(_) => CodeInterpreterOutput::Unknown(Value::Null),
    })
}

fn grow_code_output(output: &mut CodeInterpreterOutput, delta: &CodeInterpreterOutputDelta) -> bool {
    match (output, delta) {
        (CodeInterpreterOutput::Logs(output), CodeInterpreterOutputDelta::Logs(delta)) => {
            output.logs.push_str(delta.logs.as_deref().unwrap_or_default());
            grow_extra(output, &delta.extra);
        }
        (CodeInterpreterOutput::Image(output), CodeInterpreterOutputDelta::Image(delta)) => {
            let id = delta.image.as_ref().and_then(|image| image.file_id.as_ref());
            replace(&mut output.image.file_id, id);
            if let Some(image) = &delta.image {
                grow_extra(&mut output.image, &image.extra);
            }
            grow_extra(output, &delta.extra);
        }
        (CodeInterpreterOutput::Unknown(raw), CodeInterpreterOutputDelta::Unknown(delta)) => merge(raw, delta),
        _ => return false,
    }
    true
}

fn replace<T: Clone>(slot: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        slot.clone_from(value);
    }
}

/// Grows the members that this crate does not know, as raw JSON grows.
fn grow_extra<T: Object>(object: &mut T, delta: &Extra) {
    for_each_unknown(object, delta, |into, key, value| match into.get_mut(key) {
        Some(there) if !is_label(key) => merge(there, value),
        _ => {
            into.insert(key.to_owned(), value.clone());
        }
    });
}

/// Takes over the unknown members of what is around a delta: they are about the event, and do not grow.
fn keep_latest<T: Object>(object: &mut T, delta: &Extra) {
    for_each_unknown(object, delta, |into, key, value| {
        into.insert(key.to_owned(), value.clone());
    });
}

/// Those members of a delta that are unknown to the object as well.
fn for_each_unknown<T: Object>(object: &mut T, delta: &Extra, mut take: impl FnMut(&mut Extra, &str, &Value)) {
    if delta.is_bare() {
        return;
    }
    let into = object.extra_mut();
    for (key, value) in delta.members() {
        if !T::KEYS.contains(&key.as_str()) {
            take(into, key, value);
        }
    }
}

/// Whether a text member says which object this is, and so comes whole.
fn is_label(key: &str) -> bool {
    matches!(key, "type" | "index" | "id")
}

/// Grows raw JSON: text is appended, objects member by member, items of lists by their `index`, the rest replaced.
pub(crate) fn merge(into: &mut Value, delta: &Value) {
    match (into, delta) {
        (Value::Object(into), Value::Object(delta)) => {
            for (key, value) in delta {
                match into.get_mut(key) {
                    Some(slot) if !is_label(key) => merge(slot, value),
                    _ => {
                        into.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (Value::String(into), Value::String(delta)) => into.push_str(delta),
        (Value::Array(into), Value::Array(delta)) => {
            for item in delta {
                let index = item.get("index").and_then(Value::as_u64);
                match into
                    .iter_mut()
                    .find(|one| index.is_some() && one.get("index").and_then(Value::as_u64) == index)
                {
                    Some(slot) => merge(slot, item),
                    None => into.push(item.clone()),
                }
            }
        }
        (_, Value::Null) => {}
        (slot, value) => *slot = value.clone(),
    }
}
