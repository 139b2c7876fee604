//! Replays the events of a run, for a repeated request whose first response was lost.
//!
//! The events are reconstructed from the storage, in the order in which they were published. Each text, and the
//! arguments of each call, are one delta. After that, the reader follows the run like the first one.

use assistants_types::openai::{
    Annotation, Message, MessageStatus, Run, RunStatus, RunStep, RunStepStatus, StepDetails, StepToolCall, StreamEvent,
    Thread, ThreadCreated, ToolCall, ToolCallFunction, ToolCallsDetails,
};

use super::deltas::{arguments_delta, call_delta, text_delta};
use super::file_search::annotation_delta;
use super::live_run::LiveState;
use super::records::state_event;
use super::steps;
use crate::engine::{Engine, EngineError, Follower};
use crate::storage::object::load;
use crate::storage::{Kind, Transaction};

/// Where the stream to replay began.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Since<'a> {
    /// With the thread that was created for the run.
    Thread,
    /// With the run.
    Run,
    /// With the tool output that was submitted for this call.
    Outputs(&'a str),
}

impl Engine {
    /// Follows a run from where its stream began. `run` is its state when the original request queued it.
    pub(crate) fn replay(&self, run: &Run, since: Since<'_>) -> Result<Follower, EngineError> {
        self.with_live(&run.id, |_, live| {
            let past = self
                .storage
                .transact(|transaction| past_events(transaction, run, since, live));
            let follower = past.map(|(events, is_live)| match is_live {
                true => self.follow(live, events),
                false => Follower::of(events),
            });
            self.forget_unused(&run.id, live);
            follower
        })
    }
}

/// Returns the events since then, and whether more will follow.
fn past_events(
    transaction: &dyn Transaction,
    queued: &Run,
    since: Since<'_>,
    live: &LiveState,
) -> Result<(Vec<StreamEvent>, bool), EngineError> {
    let Some(run) = load::<Run>(transaction, &queued.id)? else {
        return Err(EngineError::not_found(Kind::Run, &queued.id));
    };
    let run = run.object;
    let mut events = Vec::new();
    if let Since::Thread = since
        && let Some(thread) = load::<Thread>(transaction, &queued.thread_id)?
    {
        let created = ThreadCreated {
            data: thread.object,
            ..ThreadCreated::default()
        };
        events.push(StreamEvent::ThreadCreated(created));
    }
    let steps: Vec<RunStep> = steps(transaction, &queued.id, None)?
        .into_iter()
        .map(|step| step.object)
        .collect();
    let mut rest = &steps[..];
    if let Since::Outputs(call_id) = since {
        let answered = steps.iter().position(|step| has_call(step, call_id));
        if let Some((step, later)) = answered.and_then(|index| steps.get(index..)?.split_first()) {
            events.push(StreamEvent::RunStepCompleted(Box::new(step.clone())));
            rest = later;
        }
    } else {
        events.push(StreamEvent::RunCreated(Box::new(queued.clone())));
    }
    events.push(StreamEvent::RunQueued(Box::new(queued.clone())));
    if run.started_at.is_some() && run.status != RunStatus::Queued {
        let at_work = Run {
            status: RunStatus::InProgress,
            started_at: run.started_at,
            ..queued.clone()
        };
        events.push(StreamEvent::RunInProgress(Box::new(at_work)));
    }
    for step in rest {
        replay_step(transaction, step, live, &mut events)?;
    }
    let is_live = run.status.is_running();
    if !is_live {
        if run.status == RunStatus::Cancelled {
            events.push(state_event(Run {
                status: RunStatus::Cancelling,
                cancelled_at: None,
                ..run.clone()
            }));
        }
        events.push(state_event(run));
    }
    Ok((events, is_live))
}

fn has_call(step: &RunStep, call_id: &str) -> bool {
    step.tool_calls()
        .iter()
        .any(|call| matches!(call, StepToolCall::Function(call) if call.id == call_id))
}

fn replay_step(
    transaction: &dyn Transaction,
    step: &RunStep,
    live: &LiveState,
    events: &mut Vec<StreamEvent>,
) -> Result<(), EngineError> {
    let mut begun = RunStep {
        status: RunStepStatus::InProgress,
        last_error: None,
        expired_at: None,
        cancelled_at: None,
        failed_at: None,
        completed_at: None,
        usage: None,
        ..step.clone()
    };
    if let StepDetails::ToolCalls(details) = &mut begun.step_details {
        *details = ToolCallsDetails::default();
    }
    events.push(StreamEvent::RunStepCreated(Box::new(begun.clone())));
    events.push(StreamEvent::RunStepInProgress(Box::new(begun)));
    if let Some(message_id) = step.message_id() {
        if let Some(message) = load::<Message>(transaction, message_id)? {
            replay_message(&message.object, live, events);
        }
    } else {
        let open = live
            .turn
            .as_ref()
            .and_then(|turn| turn.calls.as_ref())
            .filter(|open| *open.step_id == *step.id);
        let stored: Vec<ToolCall> = step.tool_calls().iter().filter_map(tool_call).collect();
        let calls = open.map_or(&stored, |open| &open.calls);
        for (index, call) in calls.iter().enumerate() {
            events.push(call_delta(&step.id, index, call));
            events.push(arguments_delta(&step.id, index, &call.function.arguments));
        }
    }
    let ended = Box::new(step.clone());
    events.extend(match step.status {
        RunStepStatus::Completed => Some(StreamEvent::RunStepCompleted(ended)),
        RunStepStatus::Failed => Some(StreamEvent::RunStepFailed(ended)),
        RunStepStatus::Cancelled => Some(StreamEvent::RunStepCancelled(ended)),
        RunStepStatus::Expired => Some(StreamEvent::RunStepExpired(ended)),
        _ => None,
    });
    Ok(())
}

fn replay_message(message: &Message, live: &LiveState, events: &mut Vec<StreamEvent>) {
    let begun = Message {
        status: MessageStatus::InProgress,
        incomplete_details: None,
        completed_at: None,
        incomplete_at: None,
        content: Vec::new(),
        ..message.clone()
    };
    events.push(StreamEvent::MessageCreated(Box::new(begun.clone())));
    events.push(StreamEvent::MessageInProgress(Box::new(begun)));
    let stored = message.text();
    let text = live.text_of(&message.id).unwrap_or(&stored);
    if !text.is_empty() {
        events.push(text_delta(&message.id, true, text, Vec::new()));
    }
    let stored: Vec<Annotation> = message.annotations().cloned().collect();
    let annotations = live.annotations_of(&message.id).unwrap_or(&stored);
    for (index, annotation) in annotations.iter().enumerate() {
        events.push(annotation_delta(&message.id, index, annotation, ""));
    }
    let ended = Box::new(message.clone());
    events.extend(match message.status {
        MessageStatus::Completed => Some(StreamEvent::MessageCompleted(ended)),
        MessageStatus::Incomplete => Some(StreamEvent::MessageIncomplete(ended)),
        _ => None,
    });
}

fn tool_call(call: &StepToolCall) -> Option<ToolCall> {
    let StepToolCall::Function(call) = call else {
        return None;
    };
    let function = ToolCallFunction {
        name: call.function.name.clone(),
        arguments: call.function.arguments.clone(),
        ..ToolCallFunction::default()
    };
    Some(ToolCall {
        id: call.id.clone(),
        function,
        ..ToolCall::default()
    })
}
