//! Reads what is stored of a run: the run itself, its steps and its messages.

use assistants_types::openai::{
    Message, Run, RunStatus, RunStep, RunStepStatus, RunStepType, StepDetails, StreamEvent,
};

use crate::clock::now;
use crate::engine::EngineError;
use crate::ids;
use crate::storage::object::{Loaded, load};
use crate::storage::{ACTIVE, Kind, List, Order, StorageError, Transaction};

/// The ids that everything created by a turn refers to.
pub(crate) struct RunIds {
    pub(crate) run_id: String,
    pub(crate) thread_id: String,
    pub(crate) assistant_id: String,
}

pub(crate) fn new_step(run_ids: &RunIds, type_: RunStepType, step_details: StepDetails) -> RunStep {
    RunStep {
        id: ids::new("step_"),
        created_at: Some(now()),
        assistant_id: run_ids.assistant_id.clone(),
        thread_id: run_ids.thread_id.clone(),
        run_id: run_ids.run_id.clone(),
        type_,
        status: RunStepStatus::InProgress,
        step_details,
        metadata: Some(std::collections::BTreeMap::new()),
        ..RunStep::default()
    }
}

/// Returns the ids of the runs of a thread that have not ended.
pub(crate) fn active_runs(transaction: &dyn Transaction, thread_id: &str) -> Result<Vec<String>, StorageError> {
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

/// Returns a run. Fails if it does not belong to the thread.
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

/// Returns the steps of a run that have not ended, oldest first.
pub(super) fn open_steps(transaction: &dyn Transaction, run_id: &str) -> Result<Vec<Loaded<RunStep>>, StorageError> {
    steps(transaction, run_id, Some(ACTIVE))
}

/// Returns the steps of a run, oldest first.
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

/// Returns the event that reports a run's status.
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

/// Returns the last message that a run has written.
pub(crate) fn last_message(transaction: &dyn Transaction, run: &Run) -> Result<Option<Message>, StorageError> {
    let list = List {
        kind: Kind::Message,
        parent: Some(&run.thread_id),
        tag: Some(&run.id),
        order: Order::Descending,
        after: None,
        before: None,
        limit: 1,
    };
    let newest = transaction.list(&list)?.documents.into_iter().next();
    newest.map(|document| Ok(Loaded::parse(document)?.object)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_the_event_of_its_name() {
        for status in RunStatus::KNOWN {
            let want = format!("thread.run.{status}");
            let event = state_event(Run {
                status: status.clone(),
                ..Run::default()
            });
            assert_eq!(event.name(), want);
        }
    }
}
