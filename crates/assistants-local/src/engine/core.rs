//! The engine's state, and what its parts share.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use assistants_types::openai::StreamEvent;

use super::chat_queue::Chat;
use super::deadlines::{Deadlines, DueTask};
use super::housekeeper::Housekeeper;
use super::next_expiry::NextExpiry;
use super::runs::event_log::Follower;
use super::runs::live_run::{LiveRun, LiveState};
use super::runs::position::Position;
use super::vector_stores::embedding_thread::EmbeddingThread;
use super::vector_stores::index_queue::IndexQueue;
use super::workers::Workers;
use crate::code::Sessions;
use crate::embeddings::Embedder;
use crate::model::Model;
use crate::search::PdfReader;
use crate::storage::blobs::FileStore;
use crate::storage::{Kind, Storage, StorageError, Transaction};

/// How long to wait before a failed start of a thread is retried.
const THREAD_RETRY: Duration = Duration::from_millis(200);

/// The state of a server: its storage, and everything that is in progress.
pub(crate) struct Engine {
    pub(crate) storage: Box<dyn Storage>,
    /// The contents of files.
    pub(crate) files: FileStore,
    /// Reads PDF files in separate processes; `None` to read them in this process.
    pub(super) pdf_reader: Option<PdfReader>,
    /// Executes code; `None` if the server executes none.
    pub(super) code: Option<Arc<Sessions>>,
    pub(super) indexing: Arc<IndexQueue>,
    pub(super) indexers: Mutex<Vec<JoinHandle<()>>>,
    /// Computes missing vectors; `None` without an embedder, and once it is stopped.
    pub(super) reembedding: Mutex<Option<EmbeddingThread>>,
    pub(super) model: Arc<dyn Model>,
    /// Computes the vectors of passages and queries, and those that clients request; `None` to search by words only.
    pub(crate) embedder: Option<Arc<Embedder>>,
    /// How long a run may take from its creation until it expires.
    pub(super) run_lifetime: Duration,
    pub(super) live_runs: Mutex<HashMap<String, Arc<LiveRun>>>,
    pub(super) deadlines: Arc<Deadlines<DueTask>>,
    pub(super) next_expiry: NextExpiry,
    pub(super) housekeeper: Arc<Housekeeper>,
    pub(super) housekeeping: Mutex<Option<JoinHandle<()>>>,
    /// The chat completions that are queued or in progress, by id.
    pub(super) chats: Mutex<HashMap<String, Chat>>,
    pub(super) watcher: Mutex<Option<JoinHandle<()>>>,
    pub(super) run_workers: Arc<Workers>,
    /// Chats have threads of their own, because a client waits for each of them, and runs may take long.
    pub(super) chat_workers: Arc<Workers>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Engine")
            .field("storage", &self.storage)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Returns the name of the model.
    pub(crate) fn model_name(&self) -> &str {
        self.model.name()
    }

    /// Returns the names of all models.
    pub(crate) fn model_names(&self) -> Vec<String> {
        self.model.list()
    }

    /// Returns whether requests can name this model. May ask another server.
    pub(crate) fn knows_model(&self, name: &str) -> bool {
        self.model.knows(name)
    }

    /// Sets when an object expires, as Unix time in seconds. `kind` must be one of [`SWEPT`].
    pub(crate) fn expires(
        &self,
        transaction: &dyn Transaction,
        kind: Kind,
        id: &str,
        at: i64,
    ) -> Result<(), StorageError> {
        transaction.expire(kind, id, Some(at))?;
        self.next_expiry.0.fetch_min(at, Ordering::SeqCst);
        Ok(())
    }

    /// Runs `work` on the live run of a run, under its lock.
    pub(crate) fn with_live<T>(&self, run_id: &str, work: impl FnOnce(&Arc<LiveRun>, &mut LiveState) -> T) -> T {
        loop {
            let live_run = self.live_run(run_id);
            let mut live = live_run.lock();
            // The live run may have been forgotten before it was locked. What was written to it then would be lost.
            if !live.forgotten {
                return work(&live_run, &mut live);
            }
        }
    }

    /// Returns the live run with this id, which is created on first use. It may be forgotten before it is locked; see
    /// [`with_live`](Self::with_live).
    pub(super) fn live_run(&self, run_id: &str) -> Arc<LiveRun> {
        Arc::clone(self.lock_live_runs().entry(run_id.to_owned()).or_default())
    }

    /// Follows a run. The reader is at `position`, and gets the events `ahead` first. If the server is stopping, the
    /// stream ends at once, because nothing would end it later.
    pub(crate) fn follow(
        &self,
        live: &mut LiveState,
        ahead: impl IntoIterator<Item = StreamEvent>,
        position: Position,
    ) -> Follower {
        let follower = live.follow(ahead, position);
        if self.run_workers.is_closed() {
            live.suspend();
        }
        follower
    }

    /// Forgets a run that has ended. The caller holds the lock of its live run.
    pub(crate) fn forget(&self, run_id: &str, live: &mut LiveState) {
        live.forgotten = true;
        self.lock_live_runs().remove(run_id);
        self.deadlines.remove(DueTask::Expiry(run_id.to_owned()));
        self.deadlines.remove(DueTask::End(run_id.to_owned()));
    }

    /// Forgets a live run that contains nothing. The caller holds its lock.
    pub(crate) fn forget_unused(&self, run_id: &str, live: &mut LiveState) {
        if live.is_unused() {
            live.forgotten = true;
            self.lock_live_runs().remove(run_id);
        }
    }

    pub(crate) fn start_threads_later(&self) {
        self.deadlines.set_after(DueTask::Threads, THREAD_RETRY);
    }

    pub(crate) fn lock_live_runs(&self) -> MutexGuard<'_, HashMap<String, Arc<LiveRun>>> {
        self.live_runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
