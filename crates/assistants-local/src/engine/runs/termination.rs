//! Ends runs, and retries if the end cannot be stored.

use std::time::Duration;

use assistants_types::openai::{Run, StreamEvent};

use super::ending::end_run;
use super::event_log;
use super::live_run::Ending;
use super::live_run::{LiveState, UnstoredEnd};
use super::records::load_run;
use crate::engine::deadlines::DueTask;
use crate::engine::{Engine, EngineError, Interruption};
use crate::storage::{StorageError, Transaction};

/// The first and the maximum pause before storing the end of a run is retried. The pause doubles with each failure.
const INITIAL_WAIT: Duration = Duration::from_millis(100);

const MAX_WAIT: Duration = Duration::from_secs(5);

impl Engine {
    /// Cancels a run.
    ///
    /// `respond` receives the run in the status `cancelling`, and returns the response; when this function returns, the
    /// run is `cancelled`. If `stored` returns the response to an earlier request, nothing is done. Both are called in
    /// the transaction that ends the run.
    pub(crate) fn cancel<E: From<EngineError> + From<StorageError>>(
        &self,
        thread_id: &str,
        run_id: &str,
        stored: impl Fn(&dyn Transaction) -> Result<Option<String>, E>,
        respond: impl Fn(&dyn Transaction, &Run) -> Result<String, E>,
    ) -> Result<String, E> {
        // Checked first, so that no live run is created for a run that does not exist.
        let before = self.storage.read(|transaction| match stored(transaction)? {
            Some(response) => Ok::<_, E>(Some(response)),
            None => Ok(load_run(transaction, thread_id, run_id).map(|_| None)?),
        })?;
        if let Some(response) = before {
            return Ok(response);
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
                given = Some(respond(transaction, run)?);
            }
            Ok::<_, E>(events)
        })?;
        if let Some(response) = given {
            return Ok(response);
        }
        let run = self
            .storage
            .read(|transaction| load_run(transaction, thread_id, run_id))?;
        let status = run.object.status.as_str();
        Err(EngineError::state(format!("Cannot cancel run with status '{status}'.")).into())
    }

    /// Ends a run and everything in progress in it. `None` if it has ended already or does not exist.
    pub(crate) fn end(&self, run_id: &str, ending: &Ending) -> Result<Option<Vec<StreamEvent>>, StorageError> {
        self.end_in(run_id, |transaction, live| {
            end_run(transaction, run_id, ending, live, None)
        })
    }

    /// Ends a run by `work`, which returns the events of its end, or `None` if the run has ended already.
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

    /// Ends a run. If that cannot be stored, it is retried until it can.
    pub(crate) fn end_surely(&self, run_id: &str, ending: &Ending) {
        if let Err(error) = self.end(run_id, ending) {
            self.end_later(run_id, ending, &error);
        }
    }

    /// Ends a run when the storage works again. Its streams end now, with an error.
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
        log::error!("could not store the end of the run {run_id}, retrying in {wait:?}: {error}");
        self.deadlines.set_after(DueTask::End(run_id.to_owned()), wait);
    }

    /// Retries to store the end of a run.
    pub(crate) fn end_again(&self, run_id: &str) {
        let unstored = self.with_live(run_id, |_, live| {
            let unstored = live.unstored_end.clone();
            // The run may have ended in another way since.
            self.forget_unused(run_id, live);
            unstored
        });
        if let Some(unstored) = unstored {
            self.end_surely(run_id, &unstored.ending);
        }
    }

    /// Ends the streams of runs that were deleted with their thread.
    pub(crate) fn drop_runs(&self, run_ids: &[String]) {
        for run_id in run_ids {
            self.with_live(run_id, |_, live| {
                live.end_deleted();
                self.forget(run_id, live);
            });
        }
    }
}
