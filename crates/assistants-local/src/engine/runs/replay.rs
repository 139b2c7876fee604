//! Replays the events of a run after a position, for a reader that was disconnected or comes late.
//!
//! The events are reconstructed from the storage, in an order in which they could have been published. What is missing
//! of a text, or of the arguments of a call, is one delta, except that each citation has one of its own. After that, the
//! reader follows the run like the first one.

use assistants_types::openai::{
    Message, MessageStatus, RequiredAction, RequiredToolOutputs, Run, RunStatus, RunStep, RunStepStatus, StepDetails,
    StepToolCall, StreamEvent, Thread, ThreadCreated, ToolCall, ToolCallFunction, ToolCallsDetails,
};

use super::live_run::LiveState;
use super::position::{OpenStep, Position, RunPoint, StepPoint, UnknownPosition};
use super::records::{load_run, state_event};
use super::replay_text::{Missing, push_calls, push_text};
use super::step_notes::StepNotes;
use super::steps;
use crate::engine::{Engine, EngineError, Follower};
use crate::storage::object::{Loaded, load};
use crate::storage::{Kind, StorageError, Transaction};

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
        self.follow_again(&run.id, |transaction, live| {
            let stored = load::<Run>(transaction, &run.id)?;
            let stored = stored.ok_or_else(|| EngineError::not_found(Kind::Run, &run.id))?;
            let after = start(transaction, &run.id, since)?;
            let mut past = past_events(transaction, run, &stored.object, after, live)?;
            if let Since::Thread = since
                && let Some(thread) = load::<Thread>(transaction, &run.thread_id)?
            {
                let created = ThreadCreated {
                    data: thread.object,
                    ..ThreadCreated::default()
                };
                past.events.insert(0, StreamEvent::ThreadCreated(created));
            }
            Ok(past)
        })
    }

    /// Follows a run of a thread from an event on, which is not repeated.
    pub(crate) fn replay_after(
        &self,
        thread_id: &str,
        run_id: &str,
        after: &Position,
    ) -> Result<Follower, EngineError> {
        // Checked first, so that no live run is created for a run that does not exist.
        self.storage
            .read(|transaction| load_run(transaction, thread_id, run_id).map(drop))?;
        self.follow_again(run_id, |transaction, live| {
            let run = load_run(transaction, thread_id, run_id)?.object;
            past_events(transaction, &queued(&run), &run, after.clone(), live)
        })
    }

    fn follow_again(
        &self,
        run_id: &str,
        past: impl Fn(&dyn Transaction, &LiveState) -> Result<Past, EngineError>,
    ) -> Result<Follower, EngineError> {
        self.with_live(run_id, |_, live| {
            let past = self.storage.read(|transaction| past(transaction, live));
            let follower = past.map(|past| match past.is_live {
                true => self.follow(live, past.events, past.after),
                false => Follower::of(past.events, past.after),
            });
            self.forget_unused(run_id, live);
            follower
        })
    }
}

/// Returns the position at which a stream began.
pub(crate) fn start(transaction: &dyn Transaction, run_id: &str, since: Since<'_>) -> Result<Position, StorageError> {
    let Since::Outputs(call_id) = since else {
        return Ok(Position::default());
    };
    let steps = steps(transaction, run_id, None)?;
    let waits: Vec<usize> = (0..steps.len()).filter(|index| waited(&steps[*index])).collect();
    let answered = waits.iter().position(|index| has_call(&steps[*index].object, call_id));
    let Some(turn) = answered else {
        return Ok(Position::default());
    };
    let index = waits[turn];
    let step = &steps[index].object;
    Ok(Position {
        turn,
        run: RunPoint::Waits,
        steps: steps_before_wait(&steps, index)?,
        open: vec![OpenStep {
            number: index + 1,
            point: StepPoint::InProgress,
            lengths: calls(step).iter().map(|call| call.function.arguments.len()).collect(),
            id: step.id.clone(),
            message_id: None,
        }],
    })
}

/// What a reader lacks.
struct Past {
    /// What it had before.
    after: Position,
    events: Vec<StreamEvent>,
    /// Whether more events will follow.
    is_live: bool,
}

/// Returns the state of a run when it was created, as far as it is still known.
fn queued(run: &Run) -> Run {
    Run {
        status: RunStatus::Queued,
        started_at: None,
        completed_at: None,
        cancelled_at: None,
        failed_at: None,
        last_error: None,
        incomplete_details: None,
        required_action: None,
        usage: None,
        ..run.clone()
    }
}

/// Returns the events after a position. `queued` is the state of the run when it was queued.
fn past_events(
    transaction: &dyn Transaction,
    queued: &Run,
    run: &Run,
    mut after: Position,
    live: &LiveState,
) -> Result<Past, EngineError> {
    let steps = steps(transaction, &run.id, None)?;
    let objects: Vec<&RunStep> = steps.iter().map(|step| &step.object).collect();
    after.find_steps(&objects)?;
    let mut replay = Replay {
        transaction,
        live,
        after: &after,
        turn: 0,
        reached: RunPoint::Nothing,
        events: Vec::new(),
    };
    replay.turns(queued, run, &steps)?;
    let is_live = run.status.is_running();
    if !is_live && run.status != RunStatus::RequiresAction {
        if run.status == RunStatus::Cancelled {
            replay.run_event(RunPoint::Cancelling, || Run {
                status: RunStatus::Cancelling,
                cancelled_at: None,
                ..run.clone()
            });
        }
        replay.run_event(RunPoint::Ended, || run.clone());
    }
    let Replay {
        turn, reached, events, ..
    } = replay;
    if (after.turn, after.run) > (turn, reached) {
        return Err(UnknownPosition.into());
    }
    Ok(Past { after, events, is_live })
}

/// Returns whether a run has waited for the outputs of a step's calls. They are stored when it begins to wait.
fn waited(step: &Loaded<RunStep>) -> bool {
    let is_function = |call: &StepToolCall| matches!(call, StepToolCall::Function(_));
    step.object.tool_calls().iter().any(is_function)
}

/// Returns how many steps a run had when it began to wait for the outputs of the step at `index`.
fn steps_before_wait(steps: &[Loaded<RunStep>], index: usize) -> Result<usize, StorageError> {
    let notes = StepNotes::of(&steps[index].document)?;
    let noted = notes.and_then(|notes| notes.steps).unwrap_or(index + 1);
    Ok(noted.clamp(index + 1, steps.len()))
}

fn has_call(step: &RunStep, call_id: &str) -> bool {
    step.tool_calls()
        .iter()
        .any(|call| matches!(call, StepToolCall::Function(call) if call.id == call_id))
}

fn calls(step: &RunStep) -> Vec<ToolCall> {
    step.tool_calls().iter().filter_map(tool_call).collect()
}

/// Collects what a reader lacks.
struct Replay<'a> {
    transaction: &'a dyn Transaction,
    live: &'a LiveState,
    /// What the reader has.
    after: &'a Position,
    turn: usize,
    /// The last event of the run itself in this turn.
    reached: RunPoint,
    events: Vec<StreamEvent>,
}

impl Replay<'_> {
    /// Adds the turns of a run, up to the end of its last step.
    fn turns(&mut self, queued: &Run, run: &Run, steps: &[Loaded<RunStep>]) -> Result<(), EngineError> {
        if !self.after.has_run_event(0, RunPoint::Created) {
            self.events.push(StreamEvent::RunCreated(Box::new(queued.clone())));
        }
        let mut first = 0;
        loop {
            let waiting = (first..steps.len()).find(|index| waited(&steps[*index]));
            let end = match waiting {
                Some(index) => steps_before_wait(steps, index)?,
                None => steps.len(),
            };
            self.run_event(RunPoint::Queued, || queued.clone());
            let with_status = |status| Run {
                status,
                started_at: run.started_at,
                ..queued.clone()
            };
            let has_begun = run.status != RunStatus::Queued || first < steps.len();
            if run.started_at.is_some() && has_begun {
                self.run_event(RunPoint::InProgress, || with_status(RunStatus::InProgress));
            }
            for (index, step) in steps.iter().enumerate().take(end).skip(first) {
                self.step(index + 1, &step.object, Some(index) != waiting)?;
            }
            let Some(index) = waiting else { return Ok(()) };
            let step = &steps[index].object;
            self.run_event(RunPoint::Waits, || match run.status {
                RunStatus::RequiresAction if end == steps.len() => run.clone(),
                _ => Run {
                    required_action: Some(required(step)),
                    ..with_status(RunStatus::RequiresAction)
                },
            });
            if self.after.step(index + 1).is_some() {
                self.events.extend(end_of(step));
            }
            if step.status != RunStepStatus::Completed {
                return Ok(());
            }
            first = end;
            self.turn += 1;
        }
    }

    /// Adds an event of the run itself.
    fn run_event(&mut self, point: RunPoint, run: impl FnOnce() -> Run) {
        self.reached = point;
        if !self.after.has_run_event(self.turn, point) {
            self.events.push(state_event(run()));
        }
    }

    /// Adds the events of a step, with its end only if `to_end`.
    fn step(&mut self, number: usize, step: &RunStep, to_end: bool) -> Result<(), EngineError> {
        let Some(had) = self.after.step(number) else {
            return Ok(());
        };
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
        if had.point < StepPoint::Created {
            self.events.push(StreamEvent::RunStepCreated(Box::new(begun.clone())));
        }
        if had.point < StepPoint::InProgress {
            self.events.push(StreamEvent::RunStepInProgress(Box::new(begun)));
        }
        match step.message_id() {
            Some(message_id) => {
                if let Some(message) = load::<Message>(self.transaction, message_id)? {
                    self.message(&message.object, &had)?;
                }
            }
            None => self.calls(step, &had)?,
        }
        if to_end {
            self.events.extend(end_of(step));
        }
        Ok(())
    }

    fn calls(&mut self, step: &RunStep, had: &OpenStep) -> Result<(), UnknownPosition> {
        let open = self
            .live
            .turn
            .as_ref()
            .and_then(|turn| turn.calls.as_ref())
            .filter(|open| *open.step_id == *step.id);
        let stored = calls(step);
        let is_lost = stored.is_empty() && end_of(step).is_some();
        let missing = Missing {
            had: &had.lengths,
            is_lost,
        };
        let calls = open.map_or(&stored, |open| &open.calls);
        push_calls(step, calls, missing, &mut self.events)
    }

    fn message(&mut self, message: &Message, had: &OpenStep) -> Result<(), UnknownPosition> {
        let begun = Message {
            status: MessageStatus::InProgress,
            incomplete_details: None,
            completed_at: None,
            incomplete_at: None,
            content: Vec::new(),
            ..message.clone()
        };
        if had.point < StepPoint::MessageCreated {
            self.events.push(StreamEvent::MessageCreated(Box::new(begun.clone())));
        }
        if had.point < StepPoint::MessageInProgress {
            self.events.push(StreamEvent::MessageInProgress(Box::new(begun)));
        }
        if had.point < StepPoint::MessageEnded {
            push_text(message, self.live, &had.lengths, &mut self.events)?;
            let ended = Box::new(message.clone());
            self.events.extend(match message.status {
                MessageStatus::Completed => Some(StreamEvent::MessageCompleted(ended)),
                MessageStatus::Incomplete => Some(StreamEvent::MessageIncomplete(ended)),
                _ => None,
            });
        }
        Ok(())
    }
}

/// Returns the event of the end of a step, if it has ended.
fn end_of(step: &RunStep) -> Option<StreamEvent> {
    let ended = Box::new(step.clone());
    match step.status {
        RunStepStatus::Completed => Some(StreamEvent::RunStepCompleted(ended)),
        RunStepStatus::Failed => Some(StreamEvent::RunStepFailed(ended)),
        RunStepStatus::Cancelled => Some(StreamEvent::RunStepCancelled(ended)),
        RunStepStatus::Expired => Some(StreamEvent::RunStepExpired(ended)),
        _ => None,
    }
}

fn required(step: &RunStep) -> RequiredAction {
    RequiredAction {
        submit_tool_outputs: RequiredToolOutputs {
            tool_calls: calls(step),
            ..RequiredToolOutputs::default()
        },
        ..RequiredAction::default()
    }
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
