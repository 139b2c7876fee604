//! What cannot be seen from outside: a storage that fails, and what another server has left behind.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use assistants_types::openai::{
    Assistant, CreateMessage, CreateRun, CreateVectorStore, File, Run, RunStatus, StreamEvent, Thread, Upload,
    UploadPart, UploadStatus, VectorStoreFile, VectorStoreFileStatus,
};

use super::{ANSWERS_KEPT, Engine, Refusal, Since, Subscriber, add_message, stores};
use crate::files::{COPYING, FileStore};
use crate::model::scripted::Scripted;
use crate::object::{insert, load};
use crate::storage::sqlite::Sqlite;
use crate::storage::{Document, KeptAnswer, Kind, Outcome, Storage, StorageError, Transaction};
use crate::stream::{self, Room, Writer};

const HOUR: Duration = Duration::from_secs(3600);

/// Sends the names of events to the test.
#[derive(Debug)]
struct Names(Sender<String>, Writer);

impl Subscriber for Names {
    fn event(&mut self, event: &StreamEvent) {
        // The test has seen enough.
        drop(self.0.send(event.name().to_owned()));
    }

    fn room(&self) -> Room {
        self.1.room()
    }
}

fn subscriber() -> (Box<dyn Subscriber>, Receiver<String>) {
    let (names, seen) = channel();
    (Box::new(Names(names, stream::channel().0)), seen)
}

/// Whether this is the engine's housekeeping, which comes at any time and does not count.
fn is_housekeeping() -> bool {
    std::thread::current().name() == Some("housekeeping")
}

/// A storage that works for a while.
#[derive(Debug)]
struct Failing {
    storage: Sqlite,
    /// How many more transactions work.
    left: Arc<AtomicUsize>,
    /// How many have not worked.
    failures: Arc<AtomicUsize>,
}

impl Failing {
    /// One that works until `left` is set.
    fn new() -> Self {
        Self {
            storage: Sqlite::in_memory().unwrap(),
            left: Arc::new(AtomicUsize::new(usize::MAX)),
            failures: Arc::default(),
        }
    }
}

impl Storage for Failing {
    fn transaction(&self, work: &mut dyn FnMut(&dyn Transaction) -> Outcome) -> Result<(), StorageError> {
        if is_housekeeping() {
            return self.storage.transaction(work);
        }
        let one_less = |left: usize| left.checked_sub(1);
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less) {
            Ok(_) => self.storage.transaction(work),
            Err(_) => {
                self.failures.fetch_add(1, Ordering::SeqCst);
                Err(StorageError {
                    action: "the test's disk is full".to_owned(),
                    source: None,
                })
            }
        }
    }

    fn on_deletion(&self, tell: Box<dyn Fn() + Send + Sync>) {
        self.storage.on_deletion(tell);
    }

    fn purge(&self) -> Result<bool, StorageError> {
        self.storage.purge()
    }
}

/// A storage that panics once, after some transactions.
#[derive(Debug)]
struct Panicking {
    storage: Sqlite,
    left: Arc<AtomicUsize>,
}

impl Storage for Panicking {
    fn transaction(&self, work: &mut dyn FnMut(&dyn Transaction) -> Outcome) -> Result<(), StorageError> {
        if is_housekeeping() {
            return self.storage.transaction(work);
        }
        let one_less = |left: usize| left.checked_sub(1);
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
        assert_ne!(left, Ok(1), "on purpose");
        self.storage.transaction(work)
    }

    fn on_deletion(&self, _: Box<dyn Fn() + Send + Sync>) {}

    fn purge(&self) -> Result<bool, StorageError> {
        Ok(true)
    }
}

fn start(storage: impl Storage + 'static, run_lifetime: Duration) -> Arc<Engine> {
    Engine::start(
        Box::new(storage),
        FileStore::temporary().unwrap(),
        None,
        Arc::new(Scripted),
        run_lifetime,
    )
    .unwrap()
}

/// Stores a queued run as if its server had died before it could start it.
fn queued_run(engine: &Engine, message: &str) -> Run {
    let assistant = Assistant {
        id: "asst_1".to_owned(),
        ..Assistant::default()
    };
    let thread = Thread {
        id: "thread_1".to_owned(),
        ..Thread::default()
    };
    let created = engine.storage.transact(|transaction| {
        insert(transaction, &assistant, None, None)?;
        insert(transaction, &thread, None, None)?;
        add_message(transaction, "thread_1", &CreateMessage::user(message))?;
        engine.create_run(transaction, "thread_1", &CreateRun::new("asst_1"))
    });
    created.unwrap()
}

fn cancel(engine: &Engine, run: &Run) -> Result<String, Refusal> {
    engine.cancel("thread_1", &run.id, |_| Ok(None), |_, run| Ok(run.id.clone()))
}

fn stored(engine: &Engine, run: &Run) -> Run {
    let run = engine.storage.transact(|transaction| load::<Run>(transaction, &run.id));
    run.unwrap().unwrap().object
}

fn open(path: &Path) -> Sqlite {
    Sqlite::open(path).unwrap()
}

#[test]
fn a_storage_that_fails_ends_the_stream_with_an_error() {
    // Storing the run works; then beginning the turn, or opening the message, does not.
    for (works, want) in [
        (1, vec!["error", "done"]),
        (2, vec!["thread.run.in_progress", "error", "done"]),
    ] {
        let storage = Failing::new();
        let left = Arc::clone(&storage.left);
        let engine = start(storage, HOUR);
        left.store(works, Ordering::SeqCst);
        let run = queued_run(&engine, "Hello");
        let (subscriber, seen) = subscriber();
        engine.launch(&run, &[], Some(subscriber));
        assert_eq!(seen.iter().collect::<Vec<_>>(), want);
        // The disk has room again: the run is still there to be ended.
        left.store(usize::MAX, Ordering::SeqCst);
        assert!(!stored(&engine, &run).status.is_terminal());
        cancel(&engine, &run).unwrap();
        assert_eq!(stored(&engine, &run).status, RunStatus::Cancelled);
        engine.stop(HOUR);
    }
}

#[test]
fn a_panic_of_the_engine_ends_the_run() {
    let left = Arc::new(AtomicUsize::new(usize::MAX));
    let storage = Panicking {
        storage: Sqlite::in_memory().unwrap(),
        left: Arc::clone(&left),
    };
    let engine = start(storage, HOUR);
    // Storing the run works; beginning the turn does not.
    left.store(2, Ordering::SeqCst);
    let run = queued_run(&engine, "Hello");
    let (subscriber, seen) = subscriber();
    engine.launch(&run, &[], Some(subscriber));
    for want in ["thread.run.failed", "done"] {
        assert_eq!(seen.recv_timeout(Duration::from_secs(20)).as_deref(), Ok(want));
    }
    assert_eq!(stored(&engine, &run).status, RunStatus::Failed);
    engine.stop(HOUR);
}

#[test]
fn a_thread_goes_when_its_time_is_over_and_its_run_with_it() {
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let run = queued_run(&engine, "sleep 3600000");
    let (subscriber, seen) = subscriber();
    engine.launch(&run, &[], Some(subscriber));
    let expires = |kind, id: &str, at| {
        engine
            .storage
            .transact(|transaction| engine.expires(transaction, kind, id, at))
            .unwrap();
    };
    let is_there = |kind, id: &str| {
        engine
            .storage
            .transact(|transaction| transaction.get(kind, id))
            .unwrap()
            .is_some()
    };
    engine.sweep(0).unwrap();
    expires(Kind::Assistant, "asst_1", 2000);
    expires(Kind::Thread, "thread_1", 1000);
    engine.sweep(999).unwrap();
    assert!(is_there(Kind::Thread, "thread_1"));
    engine.sweep(1000).unwrap();
    assert!(!is_there(Kind::Thread, "thread_1") && !is_there(Kind::Run, &run.id));
    let seen: Vec<String> = seen.iter().collect();
    assert_eq!(seen[seen.len() - 2..], ["error", "done"]);
    // The next one is known without a look at the storage, also when it is moved.
    expires(Kind::Assistant, "asst_1", 1500);
    engine.sweep(1499).unwrap();
    assert!(is_there(Kind::Assistant, "asst_1"));
    engine.sweep(1500).unwrap();
    assert!(!is_there(Kind::Assistant, "asst_1"));
    engine.stop(HOUR);
}

#[test]
fn a_queued_run_is_started_by_the_next_server() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let engine = start(open(&path), HOUR);
    let run = queued_run(&engine, "Hello");
    engine.stop(HOUR);
    drop(engine);

    let engine = start(open(&path), HOUR);
    let (subscriber, seen) = subscriber();
    engine.catch_up(&run, Since::Run, subscriber).unwrap();
    let seen: Vec<String> = seen.iter().collect();
    assert_eq!(seen[seen.len() - 2..], ["thread.run.completed", "done"]);
    assert_eq!(stored(&engine, &run).status, RunStatus::Completed);
    engine.stop(HOUR);
}

#[test]
fn a_run_whose_time_is_over_has_expired_when_the_next_server_starts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let engine = start(open(&path), Duration::ZERO);
    let run = queued_run(&engine, "Hello");
    engine.stop(HOUR);
    drop(engine);

    let engine = start(open(&path), HOUR);
    assert_eq!(stored(&engine, &run).status, RunStatus::Expired);
    engine.stop(HOUR);
}

#[test]
fn a_run_that_was_cancelled_before_it_began_tells_so() {
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let run = queued_run(&engine, "Hello");
    cancel(&engine, &run).unwrap();
    let (subscriber, seen) = subscriber();
    engine.launch(&run, &[], Some(subscriber));
    assert_eq!(seen.iter().collect::<Vec<_>>(), ["thread.run.cancelled", "done"]);
    engine.stop(HOUR);
}

#[test]
fn nothing_is_left_of_runs_that_are_over() {
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let run = queued_run(&engine, "Hello");
    let (subscriber, seen) = subscriber();
    engine.watch_deadline(&run);
    engine.launch(&run, &[], Some(subscriber));
    assert_eq!(seen.iter().last().as_deref(), Some("done"));
    assert!(cancel(&engine, &run).is_err());
    assert!(engine.lock_slots().is_empty());
    engine.stop(HOUR);
}

#[test]
fn a_stopped_engine_begins_no_run() {
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let run = queued_run(&engine, "Hello");
    engine.stop(HOUR);
    let (subscriber, seen) = subscriber();
    engine.launch(&run, &[], Some(subscriber));
    assert_eq!(seen.iter().collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(stored(&engine, &run).status, RunStatus::Queued);
}

#[test]
fn a_vector_store_expires_when_it_is_not_used() {
    use assistants_types::openai::{CreateVectorStore, VectorStore, VectorStoreExpiration};

    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let params = CreateVectorStore::default().expires_after(VectorStoreExpiration::days(1));
    let made = engine
        .storage
        .transact(|transaction| super::stores::create_store(transaction, &params));
    let made: VectorStore = made.unwrap();
    let at = made.expires_at.unwrap().unix_timestamp();
    let status = || {
        let store = engine
            .storage
            .transact(|transaction| load::<VectorStore>(transaction, &made.id));
        store.unwrap().unwrap().object.status.to_string()
    };
    engine.expire_stores(at - 1).unwrap();
    assert_eq!(status(), "completed");
    engine.expire_stores(at).unwrap();
    assert_eq!(status(), "expired");
    engine.stop(HOUR);
}

/// Stores a file of a vector store that waits to be indexed; its key.
fn waiting_file(engine: &Engine) -> String {
    let mut bytes = engine.files.create().unwrap();
    bytes.write(b"words").unwrap();
    bytes.stage("file-1").unwrap().settle(true, true);
    let file = File {
        id: "file-1".to_owned(),
        filename: "a.txt".to_owned(),
        ..File::default()
    };
    let stored = engine.storage.transact(|transaction| {
        insert(transaction, &file, None, None)?;
        let store = stores::create_store(transaction, &CreateVectorStore::default())?;
        let mut store = stores::load_store(transaction, &store.id)?;
        let new = stores::NewFile {
            file_id: "file-1",
            chunking: None,
            attributes: None,
            batch_id: None,
        };
        stores::attach(transaction, &mut store, new)?;
        store.save(transaction)?;
        Ok::<_, Refusal>(format!("{}/file-1", store.object.id))
    });
    stored.unwrap()
}

/// The status of a file of a vector store once it is no longer `in_progress`. Looks until it is.
fn indexed(engine: &Engine, key: &str) -> VectorStoreFile {
    let start = Instant::now();
    loop {
        let look = |transaction: &dyn Transaction| load::<VectorStoreFile>(transaction, key);
        let file = engine.storage.transact(look).unwrap().unwrap().object;
        if file.status != VectorStoreFileStatus::InProgress {
            return file;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "it is still not indexed");
        std::thread::yield_now();
    }
}

#[test]
fn indexing_goes_on_when_the_storage_works_again() {
    let storage = Failing::new();
    let (left, failures) = (Arc::clone(&storage.left), Arc::clone(&storage.failures));
    let engine = start(storage, HOUR);
    let key = waiting_file(&engine);
    // Looking for work and reading the file work; noting what came of it does not, and noting that neither.
    left.store(2, Ordering::SeqCst);
    engine.index_soon();
    while failures.load(Ordering::SeqCst) < 2 {
        std::thread::yield_now();
    }
    left.store(usize::MAX, Ordering::SeqCst);
    assert_eq!(indexed(&engine, &key).status, VectorStoreFileStatus::Completed);
    engine.stop(HOUR);
}

#[test]
fn a_file_that_is_gone_fails_in_its_vector_store() {
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let key = waiting_file(&engine);
    let gone = engine
        .storage
        .transact(|transaction| transaction.delete(Kind::File, "file-1", 0));
    assert!(gone.unwrap());
    engine.index_soon();
    let file = indexed(&engine, &key);
    assert_eq!(file.last_error.unwrap().message, "The file is gone.");
    engine.stop(HOUR);
}

/// What the storage has under an id.
fn is_stored(engine: &Engine, kind: Kind, id: &str) -> bool {
    let found = engine.storage.transact(|transaction| transaction.get(kind, id));
    found.unwrap().is_some()
}

#[test]
fn a_vector_store_that_expires_loses_its_passages_without_a_request() {
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let key = waiting_file(&engine);
    engine.index_soon();
    assert_eq!(indexed(&engine, &key).status, VectorStoreFileStatus::Completed);
    let (store_id, _) = key.split_once('/').unwrap();
    let passages = || {
        engine
            .storage
            .transact(|transaction| transaction.passages(&key))
            .unwrap()
    };
    assert_eq!(passages(), ["words"]);
    engine
        .storage
        .transact(|transaction| transaction.expire(Kind::VectorStore, store_id, Some(1000)))
        .unwrap();
    engine.keep_house(999, true).unwrap();
    assert_eq!(passages(), ["words"]);
    engine.keep_house(1000, true).unwrap();
    assert!(passages().is_empty());
    engine.stop(HOUR);
}

#[test]
fn a_file_that_waits_when_its_vector_store_expires_is_not_indexed() {
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let key = waiting_file(&engine);
    let (store_id, _) = key.split_once('/').unwrap();
    engine
        .storage
        .transact(|transaction| transaction.expire(Kind::VectorStore, store_id, Some(1000)))
        .unwrap();
    engine.expire_stores(1000).unwrap();
    assert_eq!(indexed(&engine, &key).status, VectorStoreFileStatus::Cancelled);
    engine.stop(HOUR);
}

#[test]
fn an_upload_that_expires_loses_its_parts_and_a_day_later_itself_without_a_request() {
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let upload = Upload {
        id: "upload_1".to_owned(),
        status: UploadStatus::Pending,
        ..Upload::default()
    };
    let part = UploadPart {
        id: "part_1".to_owned(),
        upload_id: "upload_1".to_owned(),
        ..UploadPart::default()
    };
    let bytes = engine.files.create().unwrap().stage("part_1").unwrap();
    engine
        .storage
        .transact(|transaction| {
            insert(transaction, &upload, None, None)?;
            insert(transaction, &part, Some("upload_1"), None)?;
            engine.expires(transaction, Kind::Upload, "upload_1", 1000)
        })
        .unwrap();
    bytes.settle(true, true);
    engine.keep_house(999, true).unwrap();
    assert!(is_stored(&engine, Kind::UploadPart, "part_1"));
    engine.keep_house(1000, true).unwrap();
    assert!(!is_stored(&engine, Kind::UploadPart, "part_1"));
    assert!(engine.files.read("part_1").is_err());
    let stored = engine
        .storage
        .transact(|transaction| load::<Upload>(transaction, "upload_1"));
    assert_eq!(stored.unwrap().unwrap().object.status, UploadStatus::Expired);
    engine.keep_house(1000 + 24 * 60 * 60, true).unwrap();
    assert!(!is_stored(&engine, Kind::Upload, "upload_1"));
    engine.stop(HOUR);
}

#[test]
fn kept_answers_and_addresses_of_files_go_without_a_request() {
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let kept = KeptAnswer {
        request: String::new(),
        answer: "{}".to_owned(),
    };
    let download = Document {
        kind: Kind::Download,
        id: "token".to_owned(),
        parent: None,
        tag: None,
        created_at: 0,
        body: String::new(),
        notes: None,
    };
    engine
        .storage
        .transact(|transaction| {
            transaction.keep_answer("key", "POST /threads", &kept, 1000)?;
            transaction.insert(&download)?;
            engine.expires(transaction, Kind::Download, "token", 1000)
        })
        .unwrap();
    let answer = || {
        let found = engine
            .storage
            .transact(|transaction| transaction.kept_answer("key", "POST /threads", 0));
        found.unwrap().is_some()
    };
    engine.keep_house(1000 + ANSWERS_KEPT, false).unwrap();
    assert!(answer() && !is_stored(&engine, Kind::Download, "token"));
    engine.keep_house(1001 + ANSWERS_KEPT, false).unwrap();
    assert!(!answer());
    engine.stop(HOUR);
}

#[test]
fn bytes_of_a_file_that_is_deleted_during_a_backup_are_removed_after_it() {
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    waiting_file(&engine);
    let copying = std::fs::File::open(engine.files.folder().join(COPYING)).unwrap();
    copying.lock_shared().unwrap();
    let deleted = engine
        .storage
        .transact(|transaction| super::files::delete(transaction, "file-1"));
    assert!(deleted.unwrap());
    engine.remove_bytes().unwrap();
    assert!(engine.files.read("file-1").is_ok());
    drop(copying);
    engine.keep_house(0, false).unwrap();
    assert!(engine.files.read("file-1").is_err());
    engine.stop(HOUR);
}
