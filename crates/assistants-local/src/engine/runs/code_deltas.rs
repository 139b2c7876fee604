//! Creates the events for calls of the code interpreter.

use assistants_types::openai::{
    CodeInterpreterCall, CodeInterpreterCallDelta, CodeInterpreterDelta, CodeInterpreterOutput,
    CodeInterpreterOutputDelta, ImageOutputDelta, LogsOutputDelta, OutputImageDelta, StepToolCallDelta, StreamEvent,
};

use super::deltas::tool_call_delta;

/// Creates the event for the beginning of a call: its id, without code. The hosted service sent it before the code.
pub(super) fn begun_delta(step_id: &str, call: &CodeInterpreterCall) -> StreamEvent {
    let begun = CodeInterpreterDelta {
        input: Some(String::new()),
        outputs: Some(Vec::new()),
        ..CodeInterpreterDelta::default()
    };
    delta(step_id, Some(call.id.clone()), begun)
}

/// Creates the event for a piece of the code.
pub(super) fn input_delta(step_id: &str, code: &str) -> StreamEvent {
    let input = CodeInterpreterDelta {
        input: Some(code.to_owned()),
        ..CodeInterpreterDelta::default()
    };
    delta(step_id, None, input)
}

/// Creates the event for the outputs of a call; none if there are no outputs.
pub(super) fn outputs_delta(step_id: &str, outputs: &[CodeInterpreterOutput]) -> Option<StreamEvent> {
    if outputs.is_empty() {
        return None;
    }
    let outputs = outputs.iter().enumerate();
    let outputs = outputs.map(|(index, output)| output_delta(i64::try_from(index).unwrap_or(i64::MAX), output));
    let outputs = CodeInterpreterDelta {
        outputs: Some(outputs.collect()),
        ..CodeInterpreterDelta::default()
    };
    Some(delta(step_id, None, outputs))
}

fn output_delta(index: i64, output: &CodeInterpreterOutput) -> CodeInterpreterOutputDelta {
    match output {
        CodeInterpreterOutput::Logs(output) => CodeInterpreterOutputDelta::Logs(LogsOutputDelta {
            index,
            logs: Some(output.logs.clone()),
            ..LogsOutputDelta::default()
        }),
        CodeInterpreterOutput::Image(output) => CodeInterpreterOutputDelta::Image(ImageOutputDelta {
            index,
            image: Some(OutputImageDelta {
                file_id: Some(output.image.file_id.clone()),
                ..OutputImageDelta::default()
            }),
            ..ImageOutputDelta::default()
        }),
        CodeInterpreterOutput::Unknown(value) => CodeInterpreterOutputDelta::Unknown(value.clone()),
        _ => CodeInterpreterOutputDelta::Unknown(serde_json::Value::Null),
    }
}

/// Creates the event for a piece of a call, which is the only one of its step.
fn delta(step_id: &str, id: Option<String>, code_interpreter: CodeInterpreterDelta) -> StreamEvent {
    let call = CodeInterpreterCallDelta {
        index: 0,
        id,
        code_interpreter: Some(code_interpreter),
        ..CodeInterpreterCallDelta::default()
    };
    tool_call_delta(step_id, StepToolCallDelta::CodeInterpreter(call))
}
