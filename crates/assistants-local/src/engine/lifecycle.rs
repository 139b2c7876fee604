//! Starts and stops the engine, and resumes what an earlier process left behind.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use assistants_types::openai::{Run, RunStatus, VectorStoreFileStatus};

use super::core::Engine;
use super::deadlines::DueTask;
use super::next_expiry::NextExpiry;
use super::runs::live_run::Ending;
use super::vector_stores::indexing::INDEXERS;
use super::workers::{Submitted, Workers};
use super::{housekeeping, vector_stores};
use crate::clock::now;
use crate::code::Sessions;
use crate::embeddings::Embedder;
use crate::model::Model;
use crate::search::PdfReader;
use crate::storage::blobs::FileStore;
use crate::storage::object::Loaded;
use crate::storage::{ACTIVE, Kind, Storage, StorageError, work_in_background};

/// What does the work of an engine outside of it.
pub(crate) struct Services {
    pub(crate) model: Arc<dyn Model>,
    /// Reads PDF files in separate processes; `None` to read them in this process.
    pub(crate) pdf_reader: Option<PdfReader>,
    /// Executes code; `None` if the server executes none.
    pub(crate) code: Option<Arc<Sessions>>,
    /// Computes vectors; `None` to search by words only.
    pub(crate) embedder: Option<Embedder>,
}

impl Engine {
    /// Creates an engine that uses these services, and resumes the runs of an earlier process.
    pub(crate) fn start(
        storage: Box<dyn Storage>,
        files: FileStore,
        services: Services,
        run_lifetime: Duration,
        max_running_runs: usize,
    ) -> Result<Arc<Self>, StorageError> {
        let engine = Arc::new(Self {
            storage,
            files,
            pdf_reader: services.pdf_reader,
            code: services.code,
            indexing: Arc::default(),
            indexers: Mutex::default(),
            reembedding: Mutex::default(),
            model: services.model,
            embedder: services.embedder.map(Arc::new),
            run_lifetime,
            live_runs: Mutex::default(),
            deadlines: Arc::default(),
            next_expiry: NextExpiry::default(),
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
            .and_then(|()| engine.start_reembedding())
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

    fn start_reembedding(self: &Arc<Self>) -> Result<(), StorageError> {
        if self.embedder.is_some() {
            let started = vector_stores::reembedding::start(self)?;
            *self.reembedding.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
        }
        Ok(())
    }

    /// Resumes the runs and the indexing that an earlier process left behind.
    fn recover(self: &Arc<Self>) -> Result<(), StorageError> {
        let (left, waits_for_index) = self.storage.read(|transaction| {
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
                    let message = "The server was stopped while the run was in progress.";
                    self.end(&run.id, &Ending::server_error(message)).map(|_| ())?;
                }
            }
        }
        Ok(())
    }

    /// Completes changes to files that an earlier process left half done.
    fn recover_files(&self) -> Result<(), StorageError> {
        // Pending removals first, because they would look like files unknown to the database.
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
        // Data that an earlier process deleted may still be in the log.
        self.housekeeper.deleted();
        Ok(())
    }

    /// Stops everything. Runs in progress fail, streams end, and no thread of the engine is left when this returns,
    /// except for models that do not return within `timeout`. Queued runs, and those that wait for tool outputs, keep
    /// their state.
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
        if let Some(sessions) = &self.code {
            sessions.close();
        }
        if let Some(embedder) = &self.embedder {
            embedder.stop();
        }
        let reembedding = self.reembedding.lock().unwrap_or_else(PoisonError::into_inner).take();
        let known: Vec<String> = self.lock_live_runs().keys().cloned().collect();
        for run_id in known {
            let is_running = self.with_live(&run_id, |_, live| live.turn.is_some());
            let ending = Ending::server_error("The server was stopped while the run was in progress.");
            if is_running && let Err(error) = self.end(&run_id, &ending) {
                log::error!("the run {run_id} could not be ended: {error}");
            }
            // The streams of other runs end as well.
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
        if let Some(reembedding) = reembedding {
            reembedding.stop();
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
            log::warn!("left {left} threads running because their model has not returned");
        }
        if let Some(sessions) = &self.code {
            sessions.wait(until);
        }
    }

    fn start_threads(&self) {
        let workers = [&self.run_workers, &self.chat_workers];
        let started = workers.map(Workers::start_missing);
        if started.contains(&Submitted::NoThread) {
            self.start_threads_later();
        }
    }
}

fn run_due_task(engine: &Weak<Engine>, due: DueTask) {
    let Some(engine) = engine.upgrade() else { return };
    match due {
        DueTask::Expiry(run_id) => engine.end_surely(&run_id, &Ending::Expired),
        DueTask::End(run_id) => engine.end_again(&run_id),
        DueTask::Chat(id) => engine.stop_chat(&id),
        DueTask::CodeSession(thread_id) => engine.end_code_session(&thread_id),
        DueTask::Threads => engine.start_threads(),
    }
}
