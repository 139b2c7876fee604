//! What happens to runs, whichever protocol asks for it.
//!
//! The storage holds the truth: every change of a run's status is a transaction that first looks at the status it
//! changes. What the storage does not hold lives in the run's [`Slot`]: the streams that follow it and the answer that
//! is being written. Whoever changes a run locks its slot, commits, and then publishes, so events come in the order of
//! the commits. A slot is locked before the storage, never the other way round.
//!
//! A run is at work on a thread of its own while its model answers, and takes no thread while it waits for outputs of
//! functions. A model is never waited for: a cancelled run is over at once, and what its model says later is dropped.
//!
//! After a restart ([`Engine::recover`]) queued runs start, runs that wait for outputs go on waiting, and runs that
//! were at work end as failed, because what their model had said is lost.

mod catch_up;
mod chat;
mod deadlines;
mod expiries;
mod file_search;
pub(crate) mod files;
mod history;
mod housekeeping;
mod indexing;
pub(crate) mod legacy;
mod messages;
mod notes;
mod runs;
mod slot;
pub(crate) mod stores;
#[cfg(test)]
mod tests;
mod threads;
mod turn;
pub(crate) mod uploads;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use assistants_types::openai::{Run, RunError, RunErrorCode, RunStatus, VectorStoreFileStatus};

pub(crate) use self::catch_up::Since;
use self::deadlines::Deadlines;
pub(crate) use self::history::{Detail, Gone, History, Moment, Place, Told, failure_of, last_message};
pub(crate) use self::housekeeping::ANSWERS_KEPT;
use self::housekeeping::Housekeeper;
use self::indexing::Bell;
pub(crate) use self::messages::{add_message, add_message_with_notes, delete_message};
pub(crate) use self::notes::RunNotes;
use self::runs::Ending;
pub(crate) use self::runs::{load_run, steps};
use self::slot::Slot;
pub(crate) use self::slot::Subscriber;
use crate::files::FileStore;
use crate::model::{Model, Stop};
use crate::object::{Loaded, now};
use crate::search::PdfReader;
use crate::storage::{ACTIVE, Kind, Storage, StorageError};

/// How long to wait before a run whose end could not be stored is ended again.
const EXPIRY_RETRY: Duration = Duration::from_secs(5);

/// Runs, and the storage of everything.
pub(crate) struct Engine {
    pub(crate) storage: Box<dyn Storage>,
    /// The bytes of files.
    pub(crate) files: FileStore,
    /// Reads PDF files elsewhere; without it they are read here.
    pdf_reader: Option<PdfReader>,
    /// Calls the thread that indexes files.
    bell: Arc<Bell>,
    indexer: Mutex<Option<JoinHandle<()>>>,
    model: Arc<dyn Model>,
    /// How long a run may take from its creation.
    run_lifetime: Duration,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    deadlines: Arc<Deadlines>,
    next_expiry: expiries::Next,
    housekeeper: Arc<Housekeeper>,
    housekeeping: Mutex<Option<JoinHandle<()>>>,
    /// The chat completions at work, by id.
    chats: Mutex<HashMap<String, Arc<Stop>>>,
    watcher: Mutex<Option<JoinHandle<()>>>,
    turns: Mutex<Turns>,
    turn_ended: Condvar,
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Engine")
            .field("storage", &self.storage)
            .finish_non_exhaustive()
    }
}

/// What is at work.
#[derive(Debug, Default)]
struct Turns {
    running: usize,
    /// No turn begins any more.
    closed: bool,
}

/// Why the engine does not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{}", not_found(*kind, id))]
    NotFound { kind: Kind, id: String },
    /// What was asked for cannot be done as long as things are as they are.
    #[error("{message}")]
    State { message: String },
    /// The request contradicts what is there, or itself.
    #[error("{message}")]
    Invalid {
        message: String,
        param: Option<String>,
        code: Option<&'static str>,
    },
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Refusal {
    pub(crate) fn not_found(kind: Kind, id: &str) -> Self {
        Self::NotFound {
            kind,
            id: id.to_owned(),
        }
    }

    pub(crate) fn state(message: impl Into<String>) -> Self {
        Self::State {
            message: message.into(),
        }
    }

    /// The same, with the parameter that is at fault.
    pub(crate) fn at(self, param: &str) -> Self {
        match self {
            Self::NotFound { .. } => Self::invalid_param(param, self.to_string()),
            other => other,
        }
    }

    pub(crate) fn invalid_param(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid {
            message: message.into(),
            param: Some(param.into()),
            code: None,
        }
    }
}

impl Engine {
    /// An engine that answers with `model`; takes up what an earlier process left in the storage.
    pub(crate) fn start(
        storage: Box<dyn Storage>,
        files: FileStore,
        pdf_reader: Option<PdfReader>,
        model: Arc<dyn Model>,
        run_lifetime: Duration,
    ) -> Result<Arc<Self>, StorageError> {
        let engine = Arc::new(Self {
            storage,
            files,
            pdf_reader,
            bell: Arc::default(),
            indexer: Mutex::default(),
            model,
            run_lifetime,
            slots: Mutex::default(),
            deadlines: Arc::default(),
            next_expiry: expiries::Next::default(),
            housekeeper: Arc::default(),
            housekeeping: Mutex::default(),
            chats: Mutex::default(),
            watcher: Mutex::default(),
            turns: Mutex::default(),
            turn_ended: Condvar::new(),
        });
        let (deadlines, weak) = (Arc::clone(&engine.deadlines), Arc::downgrade(&engine));
        let watch = move || deadlines.watch(|run_id| expire(&weak, run_id));
        let watcher = thread::Builder::new().name("run-deadlines".to_owned()).spawn(watch);
        let watcher = watcher.map_err(|error| StorageError {
            action: "starting the thread that watches deadlines".to_owned(),
            source: Some(Box::new(error)),
        })?;
        *engine.watcher.lock().unwrap_or_else(PoisonError::into_inner) = Some(watcher);
        let (bell, weak) = (Arc::clone(&engine.bell), Arc::downgrade(&engine));
        let work = move || indexing::work(&bell, &weak);
        let indexer = thread::Builder::new().name("indexer".to_owned()).spawn(work);
        let indexer = indexer.map_err(|error| StorageError {
            action: "starting the thread that indexes files".to_owned(),
            source: Some(Box::new(error)),
        });
        let indexer = indexer.map(|indexer| {
            *engine.indexer.lock().unwrap_or_else(PoisonError::into_inner) = Some(indexer);
        });
        match indexer
            .and_then(|()| engine.recover_files())
            .and_then(|()| engine.recover())
            .and_then(|()| engine.start_housekeeping())
        {
            Ok(()) => Ok(engine),
            Err(error) => {
                engine.stop(Duration::ZERO);
                Err(error)
            }
        }
    }

    /// Takes up the runs, and the files to be indexed, that an earlier process left behind.
    fn recover(self: &Arc<Self>) -> Result<(), StorageError> {
        let (left, waits_for_index) = self.storage.transact(|transaction| {
            let unindexed = transaction.tagged(Kind::VectorStoreFile, VectorStoreFileStatus::InProgress.as_str())?;
            Ok::<_, StorageError>((transaction.tagged(Kind::Run, ACTIVE)?, !unindexed.is_empty()))
        })?;
        if waits_for_index {
            self.index_soon();
        }
        for document in left {
            let run = Loaded::<Run>::parse(document)?.object;
            let left = run
                .expires_at
                .map_or(time::Duration::ZERO, |expires_at| expires_at - now());
            match run.status {
                _ if !left.is_positive() => self.end(&run.id, &Ending::Expired).map(|_| ())?,
                RunStatus::Queued => {
                    self.deadlines.set_after(&run.id, left.unsigned_abs());
                    self.spawn_turn(&run.id);
                }
                RunStatus::RequiresAction => self.deadlines.set_after(&run.id, left.unsigned_abs()),
                _ => {
                    let message = "The server was stopped while the run was at work.";
                    self.end(&run.id, &Ending::Failed(server_error(message))).map(|_| ())?;
                }
            }
        }
        Ok(())
    }

    /// Finishes what an earlier process left half done with bytes.
    fn recover_files(&self) -> Result<(), StorageError> {
        // First what is to be removed, which would look like bytes that nobody knows.
        self.remove_bytes()?;
        self.storage.transact(|transaction| {
            self.files.recover(|id| {
                let is_file = transaction.get(Kind::File, id)?.is_some();
                Ok(is_file || transaction.get(Kind::UploadPart, id)?.is_some())
            })
        })
    }

    fn start_housekeeping(self: &Arc<Self>) -> Result<(), StorageError> {
        let (housekeeper, weak) = (Arc::clone(&self.housekeeper), Arc::downgrade(self));
        let work = move || housekeeping::work(&housekeeper, &weak);
        let thread = thread::Builder::new().name("housekeeping".to_owned()).spawn(work);
        let thread = thread.map_err(|error| StorageError {
            action: "starting the housekeeping thread".to_owned(),
            source: Some(Box::new(error)),
        })?;
        *self.housekeeping.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        let housekeeper = Arc::clone(&self.housekeeper);
        self.storage.on_deletion(Box::new(move || housekeeper.deleted()));
        // What an earlier process has deleted may still be in the log.
        self.housekeeper.deleted();
        Ok(())
    }

    /// Ends all work: runs at work fail, streams end, and no thread of the engine is left when this returns, unless a
    /// model does not come back within `patience`. Runs that wait for outputs, or for their turn, stay as they are.
    pub(crate) fn stop(&self, patience: Duration) {
        self.lock_turns().closed = true;
        self.stop_chats();
        self.deadlines.close();
        self.bell.close();
        self.housekeeper.close();
        if let Some(reader) = &self.pdf_reader {
            reader.stop();
        }
        let at_work: Vec<String> = self.lock_slots().keys().cloned().collect();
        for run_id in at_work {
            let is_at_work = self.slot(&run_id).lock().turn.is_some();
            let ending = Ending::Failed(server_error("The server was stopped while the run was at work."));
            if is_at_work && let Err(error) = self.end(&run_id, &ending) {
                log::error!("the run {run_id} could not be ended: {error}");
            }
        }
        // The streams of runs that are not at work end with their slots.
        let slots = std::mem::take(&mut *self.lock_slots());
        for slot in slots.values() {
            slot.lock().leave_history();
        }
        drop(slots);
        let indexer = self.indexer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if indexer.is_some_and(|indexer| indexer.join().is_err()) {
            log::error!("the thread that indexes files panicked");
        }
        let housekeeping = self.housekeeping.lock().unwrap_or_else(PoisonError::into_inner).take();
        if housekeeping.is_some_and(|thread| thread.join().is_err()) {
            log::error!("the housekeeping thread panicked");
        }
        let watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner).take();
        if watcher.is_some_and(|watcher| watcher.join().is_err()) {
            log::error!("the thread that watches deadlines panicked");
        }
        let until = Instant::now() + patience;
        let mut turns = self.lock_turns();
        while turns.running > 0 {
            let Some(left) = until
                .checked_duration_since(Instant::now())
                .filter(|left| !left.is_zero())
            else {
                log::warn!("{} runs are left behind: their model does not return", turns.running);
                return;
            };
            turns = self
                .turn_ended
                .wait_timeout(turns, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// The name of the model that answers.
    pub(crate) fn model_name(&self) -> &str {
        self.model.name()
    }

    /// What is known of a run besides its stored state; made when it is first asked for.
    fn slot(&self, run_id: &str) -> Arc<Slot> {
        Arc::clone(self.lock_slots().entry(run_id.to_owned()).or_default())
    }

    /// Lets go of a run that is over.
    fn forget(&self, run_id: &str) {
        self.lock_slots().remove(run_id);
        self.deadlines.remove(run_id);
    }

    /// Lets go of a slot that was made to look at a run that is over, or that nobody is in.
    fn forget_idle_slot(&self, run_id: &str) {
        let mut slots = self.lock_slots();
        // Whoever is about to use the slot holds it too; then it stays.
        if slots.get(run_id).is_some_and(|slot| Arc::strong_count(slot) == 1) {
            slots.remove(run_id);
        }
    }

    fn lock_slots(&self) -> MutexGuard<'_, HashMap<String, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the provider says of an id that it does not know.
fn not_found(kind: Kind, id: &str) -> String {
    match kind {
        Kind::File => format!("No such File object: {id}"),
        _ => format!("No {} found with id '{id}'.", kind.noun()),
    }
}

fn expire(engine: &Weak<Engine>, run_id: &str) {
    let Some(engine) = engine.upgrade() else { return };
    if engine.stop_chat(run_id) {
        return;
    }
    if let Err(error) = engine.end(run_id, &Ending::Expired) {
        log::error!("the run {run_id} could not be ended as expired: {error}");
        engine.deadlines.set_after(run_id, EXPIRY_RETRY);
    }
}

/// A failure of the server itself. The message begins with the provider's words, by which programs decide to try again.
fn server_error(message: &str) -> RunError {
    RunError {
        code: RunErrorCode::ServerError,
        message: format!("Sorry, something went wrong. {message}"),
        ..RunError::default()
    }
}
