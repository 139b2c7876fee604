//! Stores the end of a run whose answer is not complete.

use assistants_types::openai::{
    Message, MessageContent, MessageIncompleteDetails, MessageIncompleteReason, MessageStatus, Run,
    RunIncompleteDetails, RunStatus, RunStep, RunStepError, RunStepErrorCode, RunStepStatus, StreamEvent,
};

use super::history_store;
use super::live_run::Ending;
use super::live_run::LiveState;
use super::records::{open_steps, state_event};
use super::step_notes::StepNotes;
use super::usage::wire_usage;
use crate::clock::now;
use crate::engine::RunNotes;
use crate::model;
use crate::storage::object::{Loaded, load};
use crate::storage::{StorageError, Transaction};

/// Ends a run and everything in progress in it. `usage` is what the current turn used, if known.
pub(crate) fn end_run(
    transaction: &dyn Transaction,
    run_id: &str,
    ending: &Ending,
    live: &LiveState,
    usage: Option<model::Usage>,
) -> Result<Option<Vec<StreamEvent>>, StorageError> {
    let Some(mut run) = load::<Run>(transaction, run_id)?.filter(|run| !run.object.status.is_terminal()) else {
        return Ok(None);
    };
    let mut events = Vec::new();
    for step in open_steps(transaction, run_id)? {
        events.extend(end_open_step(transaction, step, ending, live, usage)?);
    }
    let mut notes = RunNotes::of(&run.document)?;
    notes.spend(usage.unwrap_or_default());
    run.object.usage = Some(wire_usage(notes.spent()));
    run.object.required_action = None;
    if let Ending::Cancelled = ending {
        run.object.status = RunStatus::Cancelling;
        events.push(state_event(run.object.clone()));
    }
    set_ended(&mut run.object, ending);
    run.document.tag = None;
    run.save(transaction)?;
    events.push(state_event(run.object));
    history_store::store(transaction, &run.document.id, &notes, live.history.as_deref(), &events)?;
    Ok(Some(events))
}

fn set_ended(run: &mut Run, ending: &Ending) {
    let now = Some(now());
    if !matches!(ending, Ending::Expired) {
        run.expires_at = None;
    }
    match ending {
        Ending::Failed(error) => {
            run.status = RunStatus::Failed;
            run.failed_at = now;
            run.last_error = Some(error.clone());
        }
        Ending::Cancelled => {
            run.status = RunStatus::Cancelled;
            run.cancelled_at = now;
        }
        Ending::Expired => run.status = RunStatus::Expired,
        Ending::Incomplete(reason) => {
            run.status = RunStatus::Incomplete;
            run.completed_at = now;
            run.incomplete_details = Some(RunIncompleteDetails {
                reason: Some(reason.clone()),
                ..RunIncompleteDetails::default()
            });
        }
    }
}

/// Ends a step that is in progress, and the message that it writes. Returns the events.
fn end_open_step(
    transaction: &dyn Transaction,
    mut step: Loaded<RunStep>,
    ending: &Ending,
    live: &LiveState,
    usage: Option<model::Usage>,
) -> Result<Vec<StreamEvent>, StorageError> {
    let mut events = Vec::new();
    if let Some(message_id) = step.object.message_id()
        && let Some(mut message) = load::<Message>(transaction, message_id)?
    {
        end_message(
            &mut message.object,
            ending,
            live.content_of(message_id).unwrap_or_default(),
        );
        message.save(transaction)?;
        events.push(StreamEvent::MessageIncomplete(Box::new(message.object)));
    }
    end_step(&mut step.object, ending);
    // Damaged notes of a step must not prevent the run from ending.
    let noted = StepNotes::of(&step.document)
        .inspect_err(|error| log::error!("the run {}: {error}", step.object.run_id))
        .unwrap_or_default()
        .map(|notes| notes.usage());
    step.object.usage = usage.or(noted).map(wire_usage);
    step.document.tag = None;
    step.save(transaction)?;
    let step = Box::new(step.object);
    events.push(match step.status {
        RunStepStatus::Failed => StreamEvent::RunStepFailed(step),
        RunStepStatus::Cancelled => StreamEvent::RunStepCancelled(step),
        RunStepStatus::Expired => StreamEvent::RunStepExpired(step),
        _ => StreamEvent::RunStepCompleted(step),
    });
    Ok(events)
}

fn end_message(message: &mut Message, ending: &Ending, content: Vec<MessageContent>) {
    let reason = match ending {
        Ending::Failed(_) => MessageIncompleteReason::RunFailed,
        Ending::Cancelled => MessageIncompleteReason::RunCancelled,
        Ending::Expired => MessageIncompleteReason::RunExpired,
        Ending::Incomplete(_) => MessageIncompleteReason::MaxTokens,
    };
    message.status = MessageStatus::Incomplete;
    message.incomplete_at = Some(now());
    message.incomplete_details = Some(MessageIncompleteDetails {
        reason,
        ..MessageIncompleteDetails::default()
    });
    // An answer that has not begun has no content.
    if content
        .iter()
        .any(|part| !matches!(part, MessageContent::Text(part) if part.text.value.is_empty()))
    {
        message.content = content;
    }
}

/// Ends a step. There is no status for a token limit: a step that wrote a message counts as completed, because the
/// message exists, and calls that will not be answered count as cancelled.
fn end_step(step: &mut RunStep, ending: &Ending) {
    let now = Some(now());
    match ending {
        Ending::Failed(error) => {
            step.status = RunStepStatus::Failed;
            step.failed_at = now;
            step.last_error = Some(RunStepError {
                code: RunStepErrorCode::from(error.code.as_str()),
                message: error.message.clone(),
                ..RunStepError::default()
            });
        }
        Ending::Expired => {
            step.status = RunStepStatus::Expired;
            step.expired_at = now;
        }
        Ending::Incomplete(_) if step.message_id().is_some() => {
            step.status = RunStepStatus::Completed;
            step.completed_at = now;
        }
        Ending::Cancelled | Ending::Incomplete(_) => {
            step.status = RunStepStatus::Cancelled;
            step.cancelled_at = now;
        }
    }
}
