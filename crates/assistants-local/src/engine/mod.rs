//! What happens to runs, whichever protocol asks for it.
//!
//! The storage holds the truth: every change of a run's status is a transaction that first looks at the status it
//! changes. What the storage does not hold lives in the run's [`LiveRun`]: the streams that follow it and the answer that
//! is being written. Whoever changes a run locks its live run ([`Engine::with_live`]), commits, and then publishes, so events come
//! in the order of the commits. A live run is locked before the storage, never the other way round.
//!
//! A run has one of a bounded number of threads while its model answers ([`Workers`]); before that it is queued. It takes
//! no thread while it waits for outputs of functions. A model is never waited for: a cancelled run has ended at once, and
//! what its model says later is dropped. Readers of streams are never waited for either ([`event_log`]).
//!
//! An end that the storage does not take is stored as soon as it does ([`Engine::end_later`]).
//!
//! After a restart ([`Engine::recover`]) queued runs start, runs that wait for outputs go on waiting, and runs that
//! were at work end as failed, because what their model had said is lost.

mod chat;
mod deadlines;
mod expiry;
pub(crate) mod files;
mod housekeeping;
mod messages;
mod runs;
#[cfg(test)]
mod tests;
mod threads;
pub(crate) mod uploads;
pub(crate) mod vector_stores;
mod workers;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use assistants_types::openai::{Run, RunError, RunErrorCode, RunStatus, StreamEvent, VectorStoreFileStatus};

use self::chat::Chat;
pub(crate) use self::chat::{ChatHandle, ChatOutput};
use self::deadlines::{Deadlines, DueTask};
use self::housekeeping::Housekeeper;
pub(crate) use self::housekeeping::RESPONSES_KEPT;
pub(crate) use self::messages::{add_message, add_message_with_notes, delete_message};
use self::runs::Ending;
pub(crate) use self::runs::event_log::{Batch, Follower, READER_TIMEOUT};
pub(crate) use self::runs::history::{
    Cursor, Detail, History, HistoryEvent, Interruption, ReadOutcome, failure_of, last_message,
};
use self::runs::live_run::{LiveRun, LiveState};
pub(crate) use self::runs::notes::RunNotes;
pub(crate) use self::runs::replay::Since;
pub(crate) use self::runs::{load_run, steps};
use self::vector_stores::indexing::{INDEXERS, Indexing};
use self::workers::{Submitted, Workers};
use crate::model::Model;
use crate::search::PdfReader;
use crate::storage::blobs::FileStore;
use crate::storage::document::{Loaded, now};
use crate::storage::{ACTIVE, Kind, Storage, StorageError, work_in_background};

/// How long to wait before threads that could not be started are started again.
const THREAD_RETRY: Duration = Duration::from_millis(200);

/// Runs, and the storage of everything.
pub(crate) struct Engine {
    pub(crate) storage: Box<dyn Storage>,
    /// The bytes of files.
    pub(crate) files: FileStore,
    /// Reads PDF files elsewhere; without it they are read here.
    pdf_reader: Option<PdfReader>,
    indexing: Arc<Indexing>,
    indexers: Mutex<Vec<JoinHandle<()>>>,
    model: Arc<dyn Model>,
    /// How long a run may take from its creation.
    run_lifetime: Duration,
    live_runs: Mutex<HashMap<String, Arc<LiveRun>>>,
    deadlines: Arc<Deadlines<DueTask>>,
    next_expiry: expiry::NextExpiry,
    housekeeper: Arc<Housekeeper>,
    housekeeping: Mutex<Option<JoinHandle<()>>>,
    /// The chat completions that are queued or running, by id.
    chats: Mutex<HashMap<String, Chat>>,
    watcher: Mutex<Option<JoinHandle<()>>>,
    run_workers: Arc<Workers>,
    /// Chats have threads of their own: a client waits for each, and runs may take long.
    chat_workers: Arc<Workers>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Engine")
            .field("storage", &self.storage)
            .finish_non_exhaustive()
    }
}

/// Why the engine does not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
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

impl EngineError {
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
        max_running_runs: usize,
    ) -> Result<Arc<Self>, StorageError> {
        let engine = Arc::new(Self {
            storage,
            files,
            pdf_reader,
            indexing: Arc::default(),
            indexers: Mutex::default(),
            model,
            run_lifetime,
            live_runs: Mutex::default(),
            deadlines: Arc::default(),
            next_expiry: expiry::NextExpiry::default(),
            housekeeper: Arc::default(),
            housekeeping: Mutex::default(),
            chats: Mutex::default(),
            watcher: Mutex::default(),
            run_workers: Workers::new("run", max_running_runs),
            chat_workers: Workers::new("chat", max_running_runs),
        });
        let (deadlines, weak) = (Arc::clone(&engine.deadlines), Arc::downgrade(&engine));
        let watch = move || {
            work_in_background();
            deadlines.watch(|due| run_due_task(&weak, due));
        };
        let watcher = thread::Builder::new().name("run-deadlines".to_owned()).spawn(watch);
        let watcher = watcher.map_err(|error| StorageError {
            action: "starting the thread that watches deadlines".to_owned(),
            source: Some(Box::new(error)),
        })?;
        *engine.watcher.lock().unwrap_or_else(PoisonError::into_inner) = Some(watcher);
        match engine
            .start_indexers()
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

    fn start_indexers(self: &Arc<Self>) -> Result<(), StorageError> {
        for _ in 0..INDEXERS {
            let (indexing, weak) = (Arc::clone(&self.indexing), Arc::downgrade(self));
            let work = move || vector_stores::indexing::work(&indexing, &weak);
            let indexer = thread::Builder::new().name("indexer".to_owned()).spawn(work);
            let indexer = indexer.map_err(|error| StorageError {
                action: "starting the threads that index files".to_owned(),
                source: Some(Box::new(error)),
            })?;
            self.indexers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(indexer);
        }
        Ok(())
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
                    self.deadlines
                        .set_after(DueTask::Expiry(run.id.clone()), left.unsigned_abs());
                    self.queue_turn(&run.id);
                }
                RunStatus::RequiresAction => self
                    .deadlines
                    .set_after(DueTask::Expiry(run.id.clone()), left.unsigned_abs()),
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

    /// Ends all work: running runs fail, streams end, and no thread of the engine is left when this returns, unless a
    /// model does not come back within `timeout`. Runs that wait for outputs, or in the queue, stay as they are.
    pub(crate) fn stop(&self, timeout: Duration) {
        self.run_workers.close();
        self.chat_workers.close();
        self.stop_chats();
        self.deadlines.close();
        self.indexing.close();
        self.housekeeper.close();
        if let Some(reader) = &self.pdf_reader {
            reader.stop();
        }
        let known: Vec<String> = self.lock_live_runs().keys().cloned().collect();
        for run_id in known {
            let is_running = self.with_live(&run_id, |_, live| live.turn.is_some());
            let ending = Ending::Failed(server_error("The server was stopped while the run was at work."));
            if is_running && let Err(error) = self.end(&run_id, &ending) {
                log::error!("the run {run_id} could not be ended: {error}");
            }
            // The streams of other runs end too.
            self.with_live(&run_id, |_, live| {
                live.suspend();
                self.forget(&run_id, live);
            });
        }
        let indexers = std::mem::take(&mut *self.indexers.lock().unwrap_or_else(PoisonError::into_inner));
        for indexer in indexers {
            if indexer.join().is_err() {
                log::error!("a thread that indexes files panicked");
            }
        }
        let housekeeping = self.housekeeping.lock().unwrap_or_else(PoisonError::into_inner).take();
        if housekeeping.is_some_and(|thread| thread.join().is_err()) {
            log::error!("the housekeeping thread panicked");
        }
        let watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner).take();
        if watcher.is_some_and(|watcher| watcher.join().is_err()) {
            log::error!("the thread that watches deadlines panicked");
        }
        let now = Instant::now();
        let until = now.checked_add(timeout).unwrap_or(now);
        let left = self.run_workers.wait(until) + self.chat_workers.wait(until);
        if left > 0 {
            log::warn!("{left} threads are left behind: their model does not return");
        }
    }

    /// The name of the model that answers.
    pub(crate) fn model_name(&self) -> &str {
        self.model.name()
    }

    /// Does `work` with what is known of a run besides its stored state, under its lock.
    fn with_live<T>(&self, run_id: &str, work: impl FnOnce(&Arc<LiveRun>, &mut LiveState) -> T) -> T {
        loop {
            let live_run = self.live_run(run_id);
            let mut live = live_run.lock();
            // Between the two lines the run may have ended, and its live run with it.
            if !live.forgotten {
                return work(&live_run, &mut live);
            }
        }
    }

    /// The live run of that id, made when it is first asked for. It may be forgotten before it is locked: see
    /// [`with_live`](Self::with_live).
    fn live_run(&self, run_id: &str) -> Arc<LiveRun> {
        Arc::clone(self.lock_live_runs().entry(run_id.to_owned()).or_default())
    }

    /// Follows a run. When the server stops, that ends at once: nobody would end it later.
    fn follow(&self, live: &mut LiveState, ahead: impl IntoIterator<Item = StreamEvent>) -> Follower {
        let follower = live.follow(ahead);
        if self.run_workers.is_closed() {
            live.suspend();
        }
        follower
    }

    /// Forgets a run that has ended, under the lock of its live run.
    fn forget(&self, run_id: &str, live: &mut LiveState) {
        live.forgotten = true;
        self.lock_live_runs().remove(run_id);
        self.deadlines.remove(DueTask::Expiry(run_id.to_owned()));
        self.deadlines.remove(DueTask::End(run_id.to_owned()));
    }

    /// Forgets what is known of a run if that could be made anew, under the lock of its live run.
    fn forget_unused(&self, run_id: &str, live: &mut LiveState) {
        if live.is_unused() {
            live.forgotten = true;
            self.lock_live_runs().remove(run_id);
        }
    }

    fn start_threads_later(&self) {
        self.deadlines.set_after(DueTask::Threads, THREAD_RETRY);
    }

    fn start_threads(&self) {
        let workers = [&self.run_workers, &self.chat_workers];
        let started = workers.map(Workers::start_missing);
        if started.contains(&Submitted::NoThread) {
            self.start_threads_later();
        }
    }

    fn lock_live_runs(&self) -> MutexGuard<'_, HashMap<String, Arc<LiveRun>>> {
        self.live_runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the provider says of an id that it does not know.
fn not_found(kind: Kind, id: &str) -> String {
    match kind {
        Kind::File => format!("No such File object: {id}"),
        _ => format!("No {} found with id '{id}'.", kind.noun()),
    }
}

fn run_due_task(engine: &Weak<Engine>, due: DueTask) {
    let Some(engine) = engine.upgrade() else { return };
    match due {
        DueTask::Expiry(run_id) => engine.end_surely(&run_id, &Ending::Expired),
        DueTask::End(run_id) => engine.end_again(&run_id),
        DueTask::Chat(id) => engine.stop_chat(&id),
        DueTask::Threads => engine.start_threads(),
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
