//! Creates the events for pieces of an answer.

use assistants_types::openai::{
    Annotation, AnnotationDelta, CalledFunctionDelta, FileCitationAnnotationDelta, FileCitationDelta,
    FilePathAnnotationDelta, FilePathDelta, FunctionCallDelta, ImageFileDelta, ImageFileDeltaContent, MessageDelta,
    MessageDeltaBody, MessageDeltaContent, Role, RunStepDelta, RunStepDeltaBody, StepDetailsDelta, StepToolCallDelta,
    StreamEvent, TextDelta, TextDeltaContent, ToolCall, ToolCallsDetailsDelta,
};

/// Creates the event for a piece of a message's text, and the annotations that end in it. `part` is the index of the content
/// part, `first` whether nothing of the message came before.
pub(crate) fn text_delta(
    message_id: &str,
    part: usize,
    first: bool,
    text: &str,
    annotations: Vec<AnnotationDelta>,
) -> StreamEvent {
    let text = TextDelta {
        value: Some(text.to_owned()),
        annotations: Some(annotations),
        ..TextDelta::default()
    };
    let content = TextDeltaContent {
        index: position(part),
        text: Some(text),
        ..TextDeltaContent::default()
    };
    message_delta(message_id, first, MessageDeltaContent::Text(content))
}

/// Creates the event for an image of a message.
pub(crate) fn image_delta(message_id: &str, part: usize, file_id: &str) -> StreamEvent {
    let content = ImageFileDeltaContent {
        index: position(part),
        image_file: Some(ImageFileDelta {
            file_id: Some(file_id.to_owned()),
            ..ImageFileDelta::default()
        }),
        ..ImageFileDeltaContent::default()
    };
    message_delta(message_id, part == 0, MessageDeltaContent::ImageFile(content))
}

fn message_delta(message_id: &str, first: bool, content: MessageDeltaContent) -> StreamEvent {
    StreamEvent::MessageDelta(MessageDelta {
        id: message_id.to_owned(),
        delta: MessageDeltaBody {
            role: first.then_some(Role::Assistant),
            content: Some(vec![content]),
            ..MessageDeltaBody::default()
        },
        ..MessageDelta::default()
    })
}

/// Creates the event of an annotation, with the text that belongs to it.
pub(crate) fn annotation_delta(
    message_id: &str,
    part: usize,
    index: usize,
    annotation: &Annotation,
    text: &str,
) -> StreamEvent {
    let index = position(index);
    let delta = match annotation {
        Annotation::FileCitation(citation) => Some(AnnotationDelta::FileCitation(FileCitationAnnotationDelta {
            index,
            text: Some(citation.text.clone()),
            file_citation: Some(FileCitationDelta {
                file_id: Some(citation.file_citation.file_id.clone()),
                ..FileCitationDelta::default()
            }),
            start_index: Some(citation.start_index),
            end_index: Some(citation.end_index),
            ..FileCitationAnnotationDelta::default()
        })),
        Annotation::FilePath(link) => Some(AnnotationDelta::FilePath(FilePathAnnotationDelta {
            index,
            text: Some(link.text.clone()),
            file_path: Some(FilePathDelta {
                file_id: Some(link.file_path.file_id.clone()),
                ..FilePathDelta::default()
            }),
            start_index: Some(link.start_index),
            end_index: Some(link.end_index),
            ..FilePathAnnotationDelta::default()
        })),
        _ => None,
    };
    text_delta(message_id, part, false, text, delta.into_iter().collect())
}

/// Creates the event for the beginning of a call: its id and name, without arguments.
pub(crate) fn call_delta(step_id: &str, index: usize, call: &ToolCall) -> StreamEvent {
    let function = CalledFunctionDelta {
        name: Some(call.function.name.clone()),
        arguments: Some(String::new()),
        ..CalledFunctionDelta::default()
    };
    step_delta(step_id, index, Some(call.id.clone()), function)
}

pub(crate) fn arguments_delta(step_id: &str, index: usize, text: &str) -> StreamEvent {
    let function = CalledFunctionDelta {
        arguments: Some(text.to_owned()),
        ..CalledFunctionDelta::default()
    };
    step_delta(step_id, index, None, function)
}

fn step_delta(step_id: &str, index: usize, id: Option<String>, function: CalledFunctionDelta) -> StreamEvent {
    let call = FunctionCallDelta {
        index: position(index),
        id,
        function: Some(function),
        ..FunctionCallDelta::default()
    };
    tool_call_delta(step_id, StepToolCallDelta::Function(call))
}

/// Creates the event for a piece of a call.
pub(crate) fn tool_call_delta(step_id: &str, call: StepToolCallDelta) -> StreamEvent {
    let details = ToolCallsDetailsDelta {
        tool_calls: Some(vec![call]),
        ..ToolCallsDetailsDelta::default()
    };
    let step_details = Some(StepDetailsDelta::ToolCalls(details));
    StreamEvent::RunStepDelta(RunStepDelta {
        id: step_id.to_owned(),
        delta: RunStepDeltaBody {
            step_details,
            ..RunStepDeltaBody::default()
        },
        ..RunStepDelta::default()
    })
}

/// Returns an index as a number of the protocol.
fn position(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}
