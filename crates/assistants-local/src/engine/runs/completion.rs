//! Stores the completion of an answer.

use assistants_types::openai::{
    CalledFunction, FunctionCall, Message, MessageStatus, RequiredAction, RequiredToolOutputs, Run, RunStatus, RunStep,
    RunStepStatus, StepToolCall, StreamEvent, ToolCallFunction, ToolCallsDetails,
};

use super::history_store;
use super::live_run::{LiveState, OpenCalls, OpenMessage};
use super::records::{state_event, steps};
use super::step_notes::StepNotes;
use super::usage::wire_usage;
use crate::clock::now;
use crate::engine::RunNotes;
use crate::model::Usage;
use crate::storage::object::load;
use crate::storage::{StorageError, Transaction};

pub(crate) fn complete_message(
    transaction: &dyn Transaction,
    open: &OpenMessage,
    usage: Option<Usage>,
) -> Result<Vec<StreamEvent>, StorageError> {
    let mut events = Vec::new();
    if let Some(mut message) = load::<Message>(transaction, &open.id)? {
        message.object.status = MessageStatus::Completed;
        message.object.completed_at = Some(now());
        message.object.content = open.content();
        message.save(transaction)?;
        events.push(StreamEvent::MessageCompleted(Box::new(message.object)));
    }
    if let Some(mut step) = load::<RunStep>(transaction, &open.step_id)? {
        step.object.status = RunStepStatus::Completed;
        step.object.completed_at = Some(now());
        step.object.usage = usage.map(wire_usage);
        step.document.tag = None;
        step.save(transaction)?;
        events.push(StreamEvent::RunStepCompleted(Box::new(step.object)));
    }
    Ok(events)
}

pub(crate) fn open_message_of(live: &LiveState) -> Option<&OpenMessage> {
    live.turn.as_ref()?.message.as_ref()
}

/// Completes a run.
pub(crate) fn complete(
    transaction: &dyn Transaction,
    run_id: &str,
    live: &LiveState,
    usage: Usage,
) -> Result<Vec<StreamEvent>, StorageError> {
    let Some(mut run) = load::<Run>(transaction, run_id)? else {
        return Ok(Vec::new());
    };
    let mut events = match open_message_of(live) {
        Some(open) => complete_message(transaction, open, Some(usage))?,
        None => Vec::new(),
    };
    let mut notes = RunNotes::of(&run.document)?;
    notes.spend(usage);
    run.object.status = RunStatus::Completed;
    run.object.completed_at = Some(now());
    run.object.expires_at = None;
    run.object.usage = Some(wire_usage(notes.spent()));
    run.document.tag = None;
    run.save(transaction)?;
    events.push(state_event(run.object));
    history_store::store(transaction, run_id, &notes, live.history.as_deref(), &events)?;
    Ok(events)
}

/// Makes a run wait for tool outputs.
pub(crate) fn require_outputs(
    transaction: &dyn Transaction,
    run_id: &str,
    live: &LiveState,
    open: &OpenCalls,
    usage: Usage,
) -> Result<Vec<StreamEvent>, StorageError> {
    let Some(mut run) = load::<Run>(transaction, run_id)? else {
        return Ok(Vec::new());
    };
    // Text that the model wrote after the calls.
    let mut events = match open_message_of(live) {
        Some(message) => complete_message(transaction, message, None)?,
        None => Vec::new(),
    };
    let steps = steps(transaction, run_id, None)?.len();
    if let Some(mut step) = load::<RunStep>(transaction, &open.step_id)? {
        let tool_calls = open.calls.iter().map(|call| {
            let ToolCallFunction { name, arguments, .. } = call.function.clone();
            let function = CalledFunction {
                name,
                arguments,
                ..CalledFunction::default()
            };
            StepToolCall::from(FunctionCall {
                id: call.id.clone(),
                function,
                ..FunctionCall::default()
            })
        });
        let details = ToolCallsDetails {
            tool_calls: tool_calls.collect(),
            ..ToolCallsDetails::default()
        };
        step.object.step_details = details.into();
        step.document.notes = Some(StepNotes::new(usage, open.state.clone(), steps).to_text());
        step.save(transaction)?;
    }
    let mut notes = RunNotes::of(&run.document)?;
    notes.spend(usage);
    run.document.notes = Some(notes.to_text());
    run.object.status = RunStatus::RequiresAction;
    run.object.required_action = Some(RequiredAction {
        submit_tool_outputs: RequiredToolOutputs {
            tool_calls: open.calls.clone(),
            ..RequiredToolOutputs::default()
        },
        ..RequiredAction::default()
    });
    run.save(transaction)?;
    events.push(state_event(run.object));
    history_store::store(transaction, run_id, &notes, live.history.as_deref(), &events)?;
    Ok(events)
}
