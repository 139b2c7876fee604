//! The life of a run outside its turns: how it is created, how outputs reach it, and how it ends early.

pub(crate) mod deltas;
pub(crate) mod event_log;
pub(crate) mod file_search;
pub(crate) mod history;
pub(crate) mod live_run;
pub(crate) mod notes;
pub(crate) mod replay;
pub(crate) mod turn;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use assistants_types::openai::{
    Annotation, Assistant, CreateRun, Message, MessageIncompleteDetails, MessageIncompleteReason, MessageStatus,
    ResponseFormat, Run, RunError, RunIncompleteDetails, RunIncompleteReason, RunStatus, RunStep, RunStepError,
    RunStepErrorCode, RunStepStatus, StepDetails, StepToolCall, StreamEvent, ToolChoice, ToolOutput,
    TruncationStrategy, TruncationType,
};

use self::live_run::{LiveState, UnstoredEnd};
use self::turn::content;
use super::deadlines::DueTask;
use super::messages::{active_run, add_message};
use super::{Engine, EngineError, Follower, Interruption, RunNotes, threads};
use crate::ids;
use crate::model;
use crate::storage::document::{Loaded, insert_with_notes, load, now};
use crate::storage::{ACTIVE, Kind, List, Order, StorageError, Transaction};

/// How long to wait before an end that the storage did not take is stored again: at first, and at most. In between the
/// wait doubles each time.
const INITIAL_WAIT: Duration = Duration::from_millis(100);
const MAX_WAIT: Duration = Duration::from_secs(5);

/// How a run ends before its answer is complete.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    Failed(RunError),
    Cancelled,
    Expired,
    Incomplete(RunIncompleteReason),
}

impl Engine {
    /// Stores a new run, queued, on an existing thread. [`launch`](Self::launch) starts it after the commit.
    pub(crate) fn create_run(
        &self,
        transaction: &dyn Transaction,
        thread_id: &str,
        params: &CreateRun,
    ) -> Result<Run, EngineError> {
        self.create_run_with_notes(transaction, thread_id, params, None)
    }

    /// Stores a new run, with what the protocol that asks for it notes about it.
    pub(crate) fn create_run_with_notes(
        &self,
        transaction: &dyn Transaction,
        thread_id: &str,
        params: &CreateRun,
        notes: Option<&RunNotes>,
    ) -> Result<Run, EngineError> {
        if transaction.get(Kind::Thread, thread_id)?.is_none() {
            return Err(EngineError::not_found(Kind::Thread, thread_id));
        }
        let Some(assistant) = load::<Assistant>(transaction, &params.assistant_id)? else {
            return Err(EngineError::not_found(Kind::Assistant, &params.assistant_id));
        };
        if let Some(run_id) = active_run(transaction, thread_id)? {
            return Err(EngineError::state(format!(
                "Thread {thread_id} already has an active run {run_id}."
            )));
        }
        for message in params.additional_messages.as_ref().into_iter().flatten() {
            add_message(transaction, thread_id, message)?;
        }
        let run = self.new_run(thread_id, assistant.object, params);
        let notes = notes.map(RunNotes::to_text);
        insert_with_notes(transaction, &run, Some(thread_id), Some(ACTIVE), notes)?;
        Ok(run)
    }

    fn new_run(&self, thread_id: &str, assistant: Assistant, params: &CreateRun) -> Run {
        let created_at = now();
        let mut instructions = params
            .instructions
            .as_ref()
            .cloned()
            .or(assistant.instructions)
            .unwrap_or_default();
        if let Some(more) = params.additional_instructions.as_ref().filter(|more| !more.is_empty()) {
            if !instructions.is_empty() {
                instructions.push('\n');
            }
            instructions.push_str(more);
        }
        Run {
            id: ids::new("run_"),
            created_at: Some(created_at),
            thread_id: thread_id.to_owned(),
            assistant_id: assistant.id,
            status: RunStatus::Queued,
            expires_at: Some(created_at + whole_seconds(self.run_lifetime)),
            model: params.model.as_ref().cloned().unwrap_or(assistant.model),
            instructions,
            tools: params.tools.as_ref().cloned().unwrap_or(assistant.tools),
            metadata: Some(params.metadata.as_ref().cloned().unwrap_or_default()),
            temperature: params.temperature.as_ref().copied().or(assistant.temperature),
            top_p: params.top_p.as_ref().copied().or(assistant.top_p),
            max_prompt_tokens: params.max_prompt_tokens.as_ref().copied(),
            max_completion_tokens: params.max_completion_tokens.as_ref().copied(),
            truncation_strategy: Some(
                params
                    .truncation_strategy
                    .as_ref()
                    .cloned()
                    .unwrap_or_else(|| TruncationStrategy::new(TruncationType::Auto)),
            ),
            tool_choice: Some(params.tool_choice.as_ref().cloned().unwrap_or(ToolChoice::Auto)),
            parallel_tool_calls: params.parallel_tool_calls.unwrap_or(true),
            response_format: Some(
                params
                    .response_format
                    .as_ref()
                    .cloned()
                    .or(assistant.response_format)
                    .unwrap_or(ResponseFormat::Auto),
            ),
            ..Run::default()
        }
    }

    /// Starts a run whose creation, or whose outputs, were committed. Whoever follows it takes `events`, which say what
    /// was committed, and what comes after them.
    pub(crate) fn launch(self: &Arc<Self>, run: &Run, events: &[StreamEvent], follow: bool) -> Option<Follower> {
        let follower = self.with_live(&run.id, |_, live| {
            live.resume_history();
            let follower = follow.then(|| self.follow(live, []));
            live.publish(events);
            follower
        });
        self.queue_turn(&run.id);
        follower
    }

    /// Begins to watch the deadline of a new run. One that goes on keeps the deadline it has.
    pub(crate) fn watch_deadline(&self, run: &Run) {
        self.deadlines
            .set_after(DueTask::Expiry(run.id.clone()), self.run_lifetime);
    }

    /// Stores the outputs that a run waits for, and queues it again. [`launch`](Self::launch) goes on after the commit
    /// with the events returned.
    pub(crate) fn submit_outputs(
        transaction: &dyn Transaction,
        thread_id: &str,
        run_id: &str,
        outputs: &[ToolOutput],
    ) -> Result<(Run, Vec<StreamEvent>), EngineError> {
        let mut run = load_run(transaction, thread_id, run_id)?;
        if run.object.status != RunStatus::RequiresAction {
            let status = run.object.status.as_str();
            return Err(EngineError::state(format!(
                "Runs in status \"{status}\" do not accept tool outputs."
            )));
        }
        check_outputs(&run.object, outputs)?;
        let mut events = Vec::new();
        for mut step in open_steps(transaction, run_id)? {
            if let StepDetails::ToolCalls(details) = &mut step.object.step_details {
                for call in &mut details.tool_calls {
                    if let StepToolCall::Function(call) = call {
                        let given = outputs
                            .iter()
                            .find(|output| output.tool_call_id.as_ref() == Some(&call.id));
                        call.function.output = given.map(|given| given.output.clone().unwrap_or_default());
                    }
                }
            }
            step.object.status = RunStepStatus::Completed;
            step.object.completed_at = Some(now());
            step.object.usage = step
                .document
                .notes
                .as_deref()
                .map(read_usage)
                .transpose()?
                .map(wire_usage);
            step.document.tag = None;
            step.save(transaction)?;
            events.push(StreamEvent::RunStepCompleted(Box::new(step.object)));
        }
        run.object.status = RunStatus::Queued;
        run.object.required_action = None;
        run.save(transaction)?;
        events.push(StreamEvent::RunQueued(Box::new(run.object.clone())));
        Ok((run.object, events))
    }

    /// Cancels a run. `answer` is given the run as it was while it was `cancelling`: by the time the caller has the
    /// answer, it is over. Where `stored` knows the answer of an earlier request, nothing is done. Both are called in the
    /// transaction that ends the run.
    pub(crate) fn cancel<E: From<EngineError> + From<StorageError>>(
        &self,
        thread_id: &str,
        run_id: &str,
        stored: impl Fn(&dyn Transaction) -> Result<Option<String>, E>,
        answer: impl Fn(&dyn Transaction, &Run) -> Result<String, E>,
    ) -> Result<String, E> {
        // Before the run becomes live: a run that does not exist must not.
        let before = self.storage.transact(|transaction| match stored(transaction)? {
            Some(answer) => Ok::<_, E>(Some(answer)),
            None => Ok(load_run(transaction, thread_id, run_id).map(|_| None)?),
        })?;
        if let Some(answer) = before {
            return Ok(answer);
        }
        let mut given = None;
        self.end_in(run_id, |transaction, live| {
            given = stored(transaction)?;
            if given.is_some() {
                return Ok(None);
            }
            let events = end_run(transaction, run_id, &Ending::Cancelled, live, None)?;
            let cancelling = events.iter().flatten().find_map(|event| match event {
                StreamEvent::RunCancelling(run) => Some(run),
                _ => None,
            });
            if let Some(run) = cancelling {
                given = Some(answer(transaction, run)?);
            }
            Ok::<_, E>(events)
        })?;
        if let Some(answer) = given {
            return Ok(answer);
        }
        let run = self
            .storage
            .transact(|transaction| load_run(transaction, thread_id, run_id))?;
        let status = run.object.status.as_str();
        Err(EngineError::state(format!("Cannot cancel run with status '{status}'.")).into())
    }

    /// Ends a run that is not over, and everything that is open in it. `None` if it was over, or is gone.
    pub(super) fn end(&self, run_id: &str, ending: &Ending) -> Result<Option<Vec<StreamEvent>>, StorageError> {
        self.end_in(run_id, |transaction, live| {
            end_run(transaction, run_id, ending, live, None)
        })
    }

    /// Ends a run by `work`, which gives the events of its end, or `None` for a run that is over.
    fn end_in<E: From<StorageError>>(
        &self,
        run_id: &str,
        mut work: impl FnMut(&dyn Transaction, &LiveState) -> Result<Option<Vec<StreamEvent>>, E>,
    ) -> Result<Option<Vec<StreamEvent>>, E> {
        self.with_live(run_id, |_, live| {
            let ended = self.storage.transact(|transaction| work(transaction, live));
            if let Ok(Some(events)) = &ended {
                live.end(events);
            }
            match ended {
                Ok(_) => self.forget(run_id, live),
                Err(_) => self.forget_unused(run_id, live),
            }
            ended
        })
    }

    /// Ends a run; where the storage does not take that, once it does.
    pub(super) fn end_surely(&self, run_id: &str, ending: &Ending) {
        if let Err(error) = self.end(run_id, ending) {
            self.end_later(run_id, ending, &error);
        }
    }

    /// Ends a run once the storage works again. Its streams end now, with an error.
    pub(super) fn end_later(&self, run_id: &str, ending: &Ending, error: &StorageError) {
        let wait = self.with_live(run_id, |_, live| {
            if live.unstored_end.is_none() {
                let message = format!("The server could not store the run: {error}.");
                live.break_off(
                    Interruption::NotStored(message.clone()),
                    event_log::server_error(message),
                );
            }
            let unstored = live.unstored_end.get_or_insert_with(|| UnstoredEnd {
                ending: ending.clone(),
                wait: INITIAL_WAIT,
            });
            let wait = unstored.wait;
            unstored.wait = (wait * 2).min(MAX_WAIT);
            wait
        });
        log::error!("the end of the run {run_id} is stored in {wait:?}, because it could not be now: {error}");
        self.deadlines.set_after(DueTask::End(run_id.to_owned()), wait);
    }

    /// Stores an end that could not be stored before.
    pub(super) fn end_again(&self, run_id: &str) {
        let unstored = self.with_live(run_id, |_, live| {
            let unstored = live.unstored_end.clone();
            // The run may have ended otherwise since.
            self.forget_unused(run_id, live);
            unstored
        });
        if let Some(unstored) = unstored {
            self.end_surely(run_id, &unstored.ending);
        }
    }

    /// Deletes a thread with its messages and runs. A run that is at work on it is dropped.
    pub(crate) fn delete_thread(&self, id: &str) -> Result<(), EngineError> {
        let active = self.storage.transact(|transaction| {
            threads::delete(transaction, id)?.ok_or_else(|| EngineError::not_found(Kind::Thread, id))
        })?;
        self.drop_runs(&active);
        Ok(())
    }

    /// Ends the streams of the runs of a thread that was deleted with its runs.
    pub(super) fn drop_runs(&self, run_ids: &[String]) {
        for run_id in run_ids {
            self.with_live(run_id, |_, live| {
                live.end_deleted();
                self.forget(run_id, live);
            });
        }
    }
}

/// The ids of the runs of a thread that are not over.
pub(super) fn active_runs(transaction: &dyn Transaction, thread_id: &str) -> Result<Vec<String>, StorageError> {
    let list = List {
        kind: Kind::Run,
        parent: Some(thread_id),
        tag: Some(ACTIVE),
        order: Order::Ascending,
        after: None,
        before: None,
        limit: usize::MAX,
    };
    let active = transaction.list(&list)?.documents;
    Ok(active.into_iter().map(|run| run.id).collect())
}

/// The run of that id, if it is one of that thread.
pub(crate) fn load_run(
    transaction: &dyn Transaction,
    thread_id: &str,
    run_id: &str,
) -> Result<Loaded<Run>, EngineError> {
    if transaction.get(Kind::Thread, thread_id)?.is_none() {
        return Err(EngineError::not_found(Kind::Thread, thread_id));
    }
    load::<Run>(transaction, run_id)?
        .filter(|run| run.object.thread_id == thread_id)
        .ok_or_else(|| EngineError::not_found(Kind::Run, run_id))
}

/// All calls must be answered at once, each of them once.
fn check_outputs(run: &Run, outputs: &[ToolOutput]) -> Result<(), EngineError> {
    let wanted: Vec<&str> = run.tool_calls().iter().map(|call| call.id.as_str()).collect();
    let mut given = Vec::new();
    for (index, output) in outputs.iter().enumerate() {
        let Some(id) = output.tool_call_id.as_deref() else {
            let param = format!("tool_outputs[{index}].tool_call_id");
            let message = format!("Missing required parameter: '{param}'.");
            return Err(EngineError::invalid_param(param, message));
        };
        given.push(id);
    }
    let (wanted_once, given_once): (HashSet<_>, HashSet<_>) = (wanted.iter().collect(), given.iter().collect());
    if wanted_once == given_once && given.len() == given_once.len() {
        return Ok(());
    }
    Err(EngineError::state(format!(
        "Expected tool outputs for call_ids {}, got {}",
        list(&wanted),
        list(&given)
    )))
}

/// Ids as the provider lists them in its error messages.
fn list(ids: &[&str]) -> String {
    let quoted: Vec<String> = ids.iter().map(|id| format!("'{id}'")).collect();
    format!("[{}]", quoted.join(", "))
}

/// The steps of a run that are not over, oldest first.
pub(super) fn open_steps(transaction: &dyn Transaction, run_id: &str) -> Result<Vec<Loaded<RunStep>>, StorageError> {
    steps(transaction, run_id, Some(ACTIVE))
}

/// The steps of a run, oldest first.
pub(crate) fn steps(
    transaction: &dyn Transaction,
    run_id: &str,
    tag: Option<&str>,
) -> Result<Vec<Loaded<RunStep>>, StorageError> {
    let list = List {
        kind: Kind::RunStep,
        parent: Some(run_id),
        tag,
        order: Order::Ascending,
        after: None,
        before: None,
        limit: usize::MAX,
    };
    transaction
        .list(&list)?
        .documents
        .into_iter()
        .map(Loaded::parse)
        .collect()
}

/// Ends a run and what is open in it. `usage` is what the turn that ends took, if it is known.
pub(super) fn end_run(
    transaction: &dyn Transaction,
    run_id: &str,
    ending: &Ending,
    live: &LiveState,
    usage: Option<model::Usage>,
) -> Result<Option<Vec<StreamEvent>>, StorageError> {
    let Some(mut run) = load::<Run>(transaction, run_id)?.filter(|run| !run.object.status.is_terminal()) else {
        return Ok(None);
    };
    let now = Some(now());
    let mut events = Vec::new();
    for mut step in open_steps(transaction, run_id)? {
        if let Some(message_id) = step.object.message_id()
            && let Some(mut message) = load::<Message>(transaction, message_id)?
        {
            end_message(
                &mut message.object,
                ending,
                live.text_of(message_id).unwrap_or_default(),
                live.annotations_of(message_id).unwrap_or_default(),
            );
            message.save(transaction)?;
            events.push(StreamEvent::MessageIncomplete(Box::new(message.object)));
        }
        end_step(&mut step.object, ending);
        let noted = step.document.notes.as_deref().and_then(|notes| {
            // A run must come to its end, whatever is noted beside its steps.
            read_usage(notes)
                .inspect_err(|error| log::error!("the run {run_id}: {error}"))
                .ok()
        });
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
    }
    let mut notes = RunNotes::of(&run.document)?;
    notes.spend(usage.unwrap_or_default());
    run.object.usage = Some(wire_usage(notes.spent()));
    run.object.required_action = None;
    match ending {
        Ending::Failed(error) => {
            run.object.status = RunStatus::Failed;
            run.object.failed_at = now;
            run.object.last_error = Some(error.clone());
            run.object.expires_at = None;
        }
        Ending::Cancelled => {
            run.object.status = RunStatus::Cancelling;
            events.push(StreamEvent::RunCancelling(Box::new(run.object.clone())));
            run.object.status = RunStatus::Cancelled;
            run.object.cancelled_at = now;
            run.object.expires_at = None;
        }
        Ending::Expired => run.object.status = RunStatus::Expired,
        Ending::Incomplete(reason) => {
            run.object.status = RunStatus::Incomplete;
            run.object.completed_at = now;
            run.object.incomplete_details = Some(RunIncompleteDetails {
                reason: Some(reason.clone()),
                ..RunIncompleteDetails::default()
            });
            run.object.expires_at = None;
        }
    }
    run.document.tag = None;
    run.save(transaction)?;
    events.push(state_event(run.object));
    history::store(transaction, &run.document.id, &notes, live, &events)?;
    Ok(Some(events))
}

/// The event that says what a run's status is.
pub(super) fn state_event(run: Run) -> StreamEvent {
    let run = Box::new(run);
    match run.status {
        RunStatus::InProgress => StreamEvent::RunInProgress(run),
        RunStatus::RequiresAction => StreamEvent::RunRequiresAction(run),
        RunStatus::Cancelling => StreamEvent::RunCancelling(run),
        RunStatus::Cancelled => StreamEvent::RunCancelled(run),
        RunStatus::Failed => StreamEvent::RunFailed(run),
        RunStatus::Completed => StreamEvent::RunCompleted(run),
        RunStatus::Incomplete => StreamEvent::RunIncomplete(run),
        RunStatus::Expired => StreamEvent::RunExpired(run),
        _ => StreamEvent::RunQueued(run),
    }
}

fn end_message(message: &mut Message, ending: &Ending, text: &str, annotations: &[Annotation]) {
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
    if !text.is_empty() {
        message.content = content(text, annotations);
    }
}

/// A step has no status for a token limit: the message it wrote is there, so it counts as completed; calls that
/// nobody will answer any more count as cancelled.
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

fn whole_seconds(duration: Duration) -> time::Duration {
    let seconds = duration
        .as_secs()
        .saturating_add(u64::from(duration.subsec_nanos() > 0));
    // Longer than a thousand years is as good as that, and stays inside the calendar.
    time::Duration::seconds(
        i64::try_from(seconds)
            .unwrap_or(i64::MAX)
            .min(1000 * 365 * 24 * 60 * 60),
    )
}

/// Usage as it goes over the wire.
pub(super) fn wire_usage(usage: model::Usage) -> assistants_types::openai::Usage {
    let signed = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
    assistants_types::openai::Usage {
        prompt_tokens: signed(usage.prompt_tokens),
        completion_tokens: signed(usage.completion_tokens),
        total_tokens: signed(usage.prompt_tokens.saturating_add(usage.completion_tokens)),
        ..assistants_types::openai::Usage::default()
    }
}

/// Usage as it is noted beside a step that waits for outputs: the protocol shows it only once the step is over.
pub(super) fn write_usage(usage: model::Usage) -> String {
    format!("{} {}", usage.prompt_tokens, usage.completion_tokens)
}

pub(super) fn read_usage(notes: &str) -> Result<model::Usage, StorageError> {
    let numbers = notes.split_once(' ').and_then(|(prompt, completion)| {
        Some(model::Usage {
            prompt_tokens: prompt.parse().ok()?,
            completion_tokens: completion.parse().ok()?,
        })
    });
    numbers.ok_or_else(|| StorageError {
        action: "reading the usage of a run step: what is stored is damaged".to_owned(),
        source: None,
    })
}
