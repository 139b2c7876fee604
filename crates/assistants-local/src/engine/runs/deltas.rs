//! Creates the events for pieces of an answer.

use assistants_types::openai::{
    AnnotationDelta, CalledFunctionDelta, FunctionCallDelta, MessageDelta, MessageDeltaBody, MessageDeltaContent, Role,
    RunStepDelta, RunStepDeltaBody, StepDetailsDelta, StepToolCallDelta, StreamEvent, TextDelta, TextDeltaContent,
    ToolCall, ToolCallsDetailsDelta,
};

/// Creates the event for a piece of a message's text, and the annotations that end in it.
pub(crate) fn text_delta(message_id: &str, first: bool, text: &str, annotations: Vec<AnnotationDelta>) -> StreamEvent {
    let text = TextDelta {
        value: Some(text.to_owned()),
        annotations: Some(annotations),
        ..TextDelta::default()
    };
    let content = TextDeltaContent {
        index: 0,
        text: Some(text),
        ..TextDeltaContent::default()
    };
    StreamEvent::MessageDelta(MessageDelta {
        id: message_id.to_owned(),
        delta: MessageDeltaBody {
            role: first.then_some(Role::Assistant),
            content: Some(vec![MessageDeltaContent::Text(content)]),
            ..MessageDeltaBody::default()
        },
        ..MessageDelta::default()
    })
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
    let index = i64::try_from(index).unwrap_or(i64::MAX);
    let call = FunctionCallDelta {
        index,
        id,
        function: Some(function),
        ..FunctionCallDelta::default()
    };
    let details = ToolCallsDetailsDelta {
        tool_calls: Some(vec![StepToolCallDelta::Function(call)]),
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
