//! Applies deltas to run steps.

use serde_json::Value;

use super::indexed::{apply_at, find};
use super::merge::{grow_extra, keep_latest, merge, replace};
use crate::openai::{
    CalledFunctionDelta, CodeInterpreterDelta, CodeInterpreterOutput, CodeInterpreterOutputDelta,
    MessageCreationDetails, RunStep, RunStepDelta, StepDetails, StepDetailsDelta, StepToolCall, StepToolCallDelta,
    ToolCallsDetails,
};

impl RunStep {
    /// Applies a delta of this step.
    pub fn apply(&mut self, delta: &RunStepDelta) {
        self.apply_details(delta.delta.step_details.as_ref());
        grow_extra(self, &delta.delta.extra);
        keep_latest(self, &delta.extra);
    }

    /// The position of the tool call that deltas address by this index; see
    /// [`Message::place_of`](crate::openai::Message::place_of).
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
            // The first delta of a step without details, or details of another type: start over.
            (details, Some(delta)) => {
                *details = match delta {
                    StepDetailsDelta::ToolCalls(_) => StepDetails::ToolCalls(ToolCallsDetails::default()),
                    StepDetailsDelta::MessageCreation(_) => {
                        StepDetails::MessageCreation(MessageCreationDetails::default())
                    }
                    StepDetailsDelta::Unknown(_) => StepDetails::Unknown(Value::Null),
                };
                self.apply_details(Some(delta));
            }
        }
    }
}

/// The index of a tool call delta, and the initial value of its call.
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
                // Names are sent as a whole: some servers repeat them in every delta, but none splits them.
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
            // The form of the delta is specified only as "an object"; it is used if it matches that of the step.
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
