//! Growing a message or a run step by the deltas of a stream.
//!
//! Deltas address the parts of a list by `index`. What is text is appended, what is a list again goes by index, and
//! everything else replaces what stood there.

use serde_json::Value;

use super::{
    Annotation, AnnotationDelta, CalledFunctionDelta, CodeInterpreterDelta, CodeInterpreterOutput,
    CodeInterpreterOutputDelta, Message, MessageContent, MessageDelta, MessageDeltaContent, RunStep, RunStepDelta,
    StepDetails, StepDetailsDelta, StepToolCall, StepToolCallDelta, Text, TextDelta,
};

/// How far an index may lie behind the end of its list. A list is filled up to the index, so a hostile one must not
/// decide how much memory that takes; what lies further out is put at the end.
const LARGEST_GAP: usize = 128;

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
    }
}

impl RunStep {
    /// Adds what a delta of this step says.
    pub fn apply(&mut self, delta: &RunStepDelta) {
        match (&mut self.step_details, &delta.delta.step_details) {
            (_, None) => {}
            (StepDetails::ToolCalls(details), Some(StepDetailsDelta::ToolCalls(delta))) => {
                for call in delta.tool_calls.iter().flatten() {
                    let (index, start) = tool_call(call);
                    apply_at(&mut details.tool_calls, index, call, start, grow_tool_call);
                }
            }
            (StepDetails::MessageCreation(details), Some(StepDetailsDelta::MessageCreation(delta))) => {
                if let Some(id) = delta
                    .message_creation
                    .as_ref()
                    .and_then(|creation| creation.message_id.as_ref())
                {
                    details.message_creation.message_id.clone_from(id);
                }
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
                let known = RunStepDelta {
                    delta: super::RunStepDeltaBody {
                        step_details: Some(delta.clone()),
                        ..Default::default()
                    },
                    ..Default::default()
                };
                self.apply(&known);
            }
        }
    }
}

/// Applies one delta to the item at `index`, which is made first if it is not there.
fn apply_at<T: Default, D>(
    items: &mut Vec<T>,
    index: Option<i64>,
    delta: &D,
    start: impl Fn() -> T,
    grow: impl Fn(&mut T, &D) -> bool,
) {
    let index = index
        .and_then(|index| usize::try_from(index).ok())
        .unwrap_or(items.len());
    if index > items.len() + LARGEST_GAP {
        items.push(start());
    } else if index >= items.len() {
        items.resize_with(index, T::default);
        items.push(start());
    }
    let at = index.min(items.len() - 1);
    if !grow(&mut items[at], delta) {
        // Something of another kind stands there, such as the filling of a gap.
        items[at] = start();
        grow(&mut items[at], delta);
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
        }
        (MessageContent::Refusal(content), MessageDeltaContent::Refusal(delta)) => {
            content.refusal.push_str(delta.refusal.as_deref().unwrap_or_default());
        }
        (MessageContent::ImageFile(content), MessageDeltaContent::ImageFile(delta)) => {
            if let Some(delta) = &delta.image_file {
                replace(&mut content.image_file.file_id, delta.file_id.as_ref());
                content.image_file.detail = delta.detail.clone().or(content.image_file.detail.take());
            }
        }
        (MessageContent::ImageUrl(content), MessageDeltaContent::ImageUrl(delta)) => {
            if let Some(delta) = &delta.image_url {
                replace(&mut content.image_url.url, delta.url.as_ref());
                content.image_url.detail = delta.detail.clone().or(content.image_url.detail.take());
            }
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
            }
        }
        (Annotation::FilePath(annotation), AnnotationDelta::FilePath(delta)) => {
            replace(&mut annotation.text, delta.text.as_ref());
            replace(&mut annotation.start_index, delta.start_index.as_ref());
            replace(&mut annotation.end_index, delta.end_index.as_ref());
            if let Some(path) = &delta.file_path {
                replace(&mut annotation.file_path.file_id, path.file_id.as_ref());
            }
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
                ..
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
            }
        }
        (StepToolCall::CodeInterpreter(call), StepToolCallDelta::CodeInterpreter(delta)) => {
            replace(&mut call.id, delta.id.as_ref());
            if let Some(CodeInterpreterDelta { input, outputs, .. }) = &delta.code_interpreter {
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
            }
        }
        (StepToolCall::FileSearch(call), StepToolCallDelta::FileSearch(delta)) => {
            replace(&mut call.id, delta.id.as_ref());
            // The delta's form is not specified further than "an object"; take it when it is what a step holds.
            if delta.file_search.as_object().is_some_and(|members| !members.is_empty())
                && let Ok(file_search) = serde_json::from_value(delta.file_search.clone())
            {
                call.file_search = file_search;
            }
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
        }
        (CodeInterpreterOutput::Image(output), CodeInterpreterOutputDelta::Image(delta)) => {
            let id = delta.image.as_ref().and_then(|image| image.file_id.as_ref());
            replace(&mut output.image.file_id, id);
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

/// Grows raw JSON: text is appended, objects member by member, items of lists by their `index`, the rest replaced.
pub(crate) fn merge(into: &mut Value, delta: &Value) {
    match (into, delta) {
        (Value::Object(into), Value::Object(delta)) => {
            for (key, value) in delta {
                match into.get_mut(key) {
                    Some(slot) if key != "type" && key != "index" && key != "id" => merge(slot, value),
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
