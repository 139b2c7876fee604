//! Tests of what is not visible from outside: a failing storage, and the state that another server left behind.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use assistants_types::openai::{
    Assistant, CreateMessage, CreateRun, CreateVectorStore, File, Run, RunStatus, Thread as OpenAiThread, Upload,
    UploadPart, UploadStatus, VectorStoreFile, VectorStoreFileStatus,
};

use super::runs::end_run;
use super::runs::live_run::Ending;
use super::runs::live_run::LiveState;
use super::{Batch, Engine, EngineError, Follower, Position, Services, Since, add_message, vector_stores};
use crate::model::scripted::Scripted;
use crate::storage::blobs::{COPYING, FileStore};
use crate::storage::object::{insert, load};
use crate::storage::sqlite::Sqlite;
use crate::storage::{Document, Kind, Outcome, RESPONSES_KEPT, Storage, StorageError, StoredResponse, Transaction};

const HOUR: Duration = Duration::from_secs(3600);

/// Wakes a thread of the test.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Returns the names of the next events, at least one; none at the end.
fn next_names(follower: &mut Follower) -> Vec<String> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let start = Instant::now();
    loop {
        match follower.take(&waker, 100) {
            Batch::Entries(entries) => return entries.iter().map(|entry| entry.event().name().to_owned()).collect(),
            Batch::End => return Vec::new(),
            Batch::Pending => thread::park_timeout(Duration::from_secs(20)),
        }
        assert!(start.elapsed() < Duration::from_secs(60), "no event comes");
    }
}

/// Returns the names of all events up to the end of the stream.
fn names(mut follower: Follower) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let next = next_names(&mut follower);
        if next.is_empty() {
            return all;
        }
        all.extend(next);
    }
}

fn launch(engine: &Arc<Engine>, run: &Run) -> Follower {
    engine.launch(run, &[], Some(Position::default())).unwrap()
}

/// Returns whether this thread is the housekeeping thread, whose transactions occur at any time and are not counted.
fn is_housekeeping() -> bool {
    std::thread::current().name() == Some("housekeeping")
}

/// A storage that fails after a number of transactions.
#[derive(Debug)]
struct Failing {
    storage: Sqlite,
    /// The number of transactions that will still succeed.
    left: Arc<AtomicUsize>,
    /// The number of transactions that have failed.
    failures: Arc<AtomicUsize>,
}

impl Failing {
    /// Creates a storage that works until `left` is set.
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

    fn purge(&self) -> Result<Option<Duration>, StorageError> {
        self.storage.purge()
    }
}

/// A storage that panics once, after a number of transactions.
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

    fn purge(&self) -> Result<Option<Duration>, StorageError> {
        Ok(None)
    }
}

fn start(storage: impl Storage + 'static, run_lifetime: Duration) -> Arc<Engine> {
    Engine::start(
        Box::new(storage),
        FileStore::temporary().unwrap(),
        Services {
            model: Arc::new(Scripted),
            pdf_reader: None,
            code: None,
            embedder: None,
        },
        run_lifetime,
        2,
    )
    .unwrap()
}

/// Stores a queued run as if its server had been killed before starting it.
fn queued_run(engine: &Engine, message: &str) -> Run {
    let assistant = Assistant {
        id: "asst_1".to_owned(),
        ..Assistant::default()
    };
    let thread = OpenAiThread {
        id: "thread_1".to_owned(),
        ..OpenAiThread::default()
    };
    let created = engine.storage.transact(|transaction| {
        insert(transaction, &assistant, None, None)?;
        insert(transaction, &thread, None, None)?;
        add_message(transaction, "thread_1", &CreateMessage::user(message))?;
        engine.create_run(transaction, "thread_1", &CreateRun::new("asst_1"))
    });
    created.unwrap()
}

fn cancel(engine: &Engine, run: &Run) -> Result<String, EngineError> {
    engine.cancel("thread_1", &run.id, |_| Ok(None), |_, run| Ok(run.id.clone()))
}

fn stored(engine: &Engine, run: &Run) -> Run {
    let run = engine.storage.transact(|transaction| load::<Run>(transaction, &run.id));
    run.unwrap().unwrap().object
}

/// Waits for the thread that holds the live run of a run. A run is stored before its live run is forgotten.
fn wait_for_live(engine: &Engine, run: &Run) {
    let live_run = engine.lock_live_runs().get(&run.id).cloned();
    if let Some(live_run) = live_run {
        drop(live_run.lock());
    }
}

fn open(path: &Path) -> Sqlite {
    Sqlite::open(path).unwrap()
}

#[test]
fn a_run_that_cannot_be_stored_fails_as_soon_as_it_can() {
    // Storing the run succeeds; starting the turn, or creating the message, fails.
    for (works, message, want, text) in [
        (1, "Hello", "error done", None),
        (2, "Hello", "thread.run.in_progress error done", None),
        // Completing the message fails, so its text is not stored yet.
        (
            3,
            "Hello",
            "thread.run.in_progress thread.run.step.created thread.run.step.in_progress thread.message.created \
             thread.message.in_progress thread.message.delta error done",
            Some("Hello"),
        ),
    ] {
        let storage = Failing::new();
        let (left, failures) = (Arc::clone(&storage.left), Arc::clone(&storage.failures));
        let engine = start(storage, HOUR);
        left.store(works, Ordering::SeqCst);
        let run = queued_run(&engine, message);
        assert_eq!(names(launch(&engine, &run)).join(" "), want);
        // Storing is retried while the disk is full: the first failure, and two more.
        let begun = Instant::now();
        while failures.load(Ordering::SeqCst) < 3 {
            assert!(begun.elapsed() < Duration::from_secs(20), "the end is not tried again");
            thread::yield_now();
        }
        left.store(usize::MAX, Ordering::SeqCst);
        let begun = Instant::now();
        let ended = loop {
            let run = stored(&engine, &run);
            if run.status.is_terminal() {
                break run;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "the run does not end");
            thread::yield_now();
        };
        assert_eq!(ended.status, RunStatus::Failed);
        let message = engine
            .storage
            .transact(|transaction| super::last_message(transaction, &run))
            .unwrap();
        assert_eq!(message.map(|message| message.text()).as_deref(), text);
        wait_for_live(&engine, &run);
        assert!(engine.lock_live_runs().is_empty());
        engine.stop(HOUR);
    }
}

/// Cancels a run as [`Engine::cancel`] does, under a lock that the test holds already.
fn cancel_under_lock(engine: &Engine, run: &Run, live: &mut LiveState) {
    let ended = engine
        .storage
        .transact(|transaction| end_run(transaction, &run.id, &Ending::Cancelled, live, None));
    live.end(&ended.unwrap().unwrap());
    engine.forget(&run.id, live);
}

#[test]
fn a_run_that_is_cancelled_while_it_is_launched_ends_its_stream() {
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let run = queued_run(&engine, "Hello");
    let live_run = engine.live_run(&run.id);
    let mut live = live_run.lock();
    thread::scope(|scope| {
        let launched = scope.spawn(|| names(launch(&engine, &run)));
        // Referenced by the map, the test, and the launch, which waits for the lock.
        while Arc::strong_count(&live_run) < 3 {
            thread::yield_now();
        }
        cancel_under_lock(&engine, &run, &mut live);
        drop(live);
        assert_eq!(launched.join().unwrap(), ["thread.run.cancelled", "done"]);
    });
    engine.stop(HOUR);
}

/// `ASSISTANTS_LOCAL_ROUNDS` makes the test longer.
#[test]
fn streams_end_whatever_happens_to_their_runs() {
    let rounds = std::env::var("ASSISTANTS_LOCAL_ROUNDS").map_or(400, |rounds| rounds.parse().unwrap());
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let both = Barrier::new(2);
    for round in 0..rounds {
        let run = queued_run(&engine, "Hello");
        let (followers, message) = thread::scope(|scope| {
            let ending = scope.spawn(|| {
                both.wait();
                match round % 3 {
                    0 => drop(cancel(&engine, &run)),
                    1 => drop(engine.delete_thread("thread_1")),
                    _ => engine.end_surely(&run.id, &Ending::Expired),
                }
            });
            both.wait();
            let first = launch(&engine, &run);
            let second = engine.replay(&run, Since::Run);
            ending.join().unwrap();
            (
                [Some(first), second.ok()],
                format!("round {round}, {:?}", engine.run_workers),
            )
        });
        for follower in followers.into_iter().flatten() {
            let names = names(follower);
            let [.., last, done] = &names[..] else {
                panic!("{message}: {names:?}")
            };
            assert_eq!(done, "done", "{message}: {names:?}");
            let ends = ["cancelled", "completed", "expired", "failed"].map(|status| format!("thread.run.{status}"));
            assert!(last == "error" || ends.contains(last), "{message}: {names:?}");
        }
        drop(engine.delete_thread("thread_1"));
        let deleted = engine
            .storage
            .transact(|transaction| transaction.delete(Kind::Assistant, "asst_1", 0));
        assert!(deleted.unwrap());
    }
    engine.stop(HOUR);
    assert!(engine.lock_live_runs().is_empty());
}

#[test]
fn a_follower_that_reads_nothing_delays_neither_the_run_nor_others() {
    const WORDS: usize = 20_000;
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let run = queued_run(&engine, &format!("repeat {WORDS}"));
    let slow = launch(&engine, &run);
    let fast = engine.replay(&run, Since::Run).unwrap();
    for follower in [fast, slow] {
        let names = names(follower);
        let count = |wanted: &str| names.iter().filter(|name| *name == wanted).count();
        assert!(names.ends_with(&["thread.run.completed".to_owned(), "done".to_owned()]));
        // Missed text arrives as one piece.
        assert!(count("thread.message.delta") > 0 && count("thread.message.delta") <= WORDS);
    }
    engine.stop(HOUR);
}

#[test]
fn a_panic_of_the_engine_ends_the_run() {
    let left = Arc::new(AtomicUsize::new(usize::MAX));
    let storage = Panicking {
        storage: Sqlite::in_memory().unwrap(),
        left: Arc::clone(&left),
    };
    let engine = start(storage, HOUR);
    // Storing the run succeeds; starting the turn fails.
    left.store(2, Ordering::SeqCst);
    let run = queued_run(&engine, "Hello");
    assert_eq!(names(launch(&engine, &run)), ["thread.run.failed", "done"]);
    assert_eq!(stored(&engine, &run).status, RunStatus::Failed);
    engine.stop(HOUR);
}

#[test]
fn a_thread_expires_together_with_its_run() {
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let run = queued_run(&engine, "sleep 3600000");
    let seen = launch(&engine, &run);
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
    let seen = names(seen);
    assert_eq!(seen[seen.len() - 2..], ["error", "done"]);
    // The next expiry is known without a query, also after it was changed.
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
    let seen = names(engine.replay(&run, Since::Run).unwrap());
    assert_eq!(seen[seen.len() - 2..], ["thread.run.completed", "done"]);
    assert_eq!(stored(&engine, &run).status, RunStatus::Completed);
    engine.stop(HOUR);
}

#[test]
fn a_run_past_its_expiry_has_expired_when_the_next_server_starts() {
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
fn a_run_cancelled_before_it_began_reports_it() {
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let run = queued_run(&engine, "Hello");
    cancel(&engine, &run).unwrap();
    assert_eq!(names(launch(&engine, &run)), ["thread.run.cancelled", "done"]);
    engine.stop(HOUR);
}

#[test]
fn nothing_is_left_of_runs_that_have_ended() {
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let run = queued_run(&engine, "Hello");
    engine.watch_deadline(&run);
    let seen = names(launch(&engine, &run));
    assert_eq!(seen.last().map(String::as_str), Some("done"));
    assert!(cancel(&engine, &run).is_err());
    assert!(engine.lock_live_runs().is_empty());
    engine.stop(HOUR);
}

#[test]
fn a_stopped_engine_begins_no_run_and_ends_its_stream() {
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let run = queued_run(&engine, "Hello");
    engine.stop(HOUR);
    let seen = launch(&engine, &run);
    let late = engine.replay(&run, Since::Run).unwrap();
    assert_eq!(names(seen), ["error", "done"]);
    let late = names(late);
    assert_eq!(late[late.len() - 2..], ["error", "done"]);
    assert_eq!(stored(&engine, &run).status, RunStatus::Queued);
}

#[test]
fn a_turn_that_begins_after_the_stop_leaves_no_live_run() {
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let run = queued_run(&engine, "Hello");
    engine.stop(HOUR);
    // As on a thread that took the job from the queue just before the stop.
    engine.turn_or_end(&run.id);
    assert!(engine.lock_live_runs().is_empty());
    assert_eq!(stored(&engine, &run).status, RunStatus::Queued);
}

#[test]
fn a_vector_store_expires_when_it_is_not_used() {
    use assistants_types::openai::{CreateVectorStore, VectorStore, VectorStoreExpiration};

    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let params = CreateVectorStore::default().expires_after(VectorStoreExpiration::days(1));
    let made = engine
        .storage
        .transact(|transaction| super::vector_stores::create_store(transaction, &params));
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
    // Programs match these words.
    let refused = vector_stores::expired(&made.id).to_string();
    assert_eq!(refused, format!("Vector store '{}' has expired.", made.id));
    engine.stop(HOUR);
}

/// Stores a file of a vector store that is to be indexed, and returns its key.
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
        let store = vector_stores::create_store(transaction, &CreateVectorStore::default())?;
        let mut store = vector_stores::load_store(transaction, &store.id)?;
        let new = vector_stores::NewFile {
            file_id: "file-1",
            chunking: None,
            attributes: None,
            batch_id: None,
        };
        vector_stores::attach(transaction, &mut store, new)?;
        store.save(transaction)?;
        Ok::<_, EngineError>(format!("{}/file-1", store.object.id))
    });
    stored.unwrap()
}

/// Polls a file of a vector store until it is not `in_progress` any more.
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
fn indexing_continues_when_the_storage_works_again() {
    let storage = Failing::new();
    let (left, failures) = (Arc::clone(&storage.left), Arc::clone(&storage.failures));
    let engine = start(storage, HOUR);
    let key = waiting_file(&engine);
    // Looking for work and reading the file succeed; storing the result fails, and so does storing that failure.
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
fn a_run_does_not_wait_for_its_files_for_ever() {
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    engine.indexing.close();
    let key = waiting_file(&engine);
    let (store_id, _) = key.split_once('/').unwrap();
    let stores = vec![store_id.to_owned()];
    let indexed = engine.wait_for_files(stores, &Arc::default(), Duration::from_millis(1));
    assert!(!indexed.unwrap());
    engine.stop(HOUR);
}

#[test]
fn a_file_that_no_longer_exists_fails_in_its_vector_store() {
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let key = waiting_file(&engine);
    let gone = engine
        .storage
        .transact(|transaction| transaction.delete(Kind::File, "file-1", 0));
    assert!(gone.unwrap());
    engine.index_soon();
    let file = indexed(&engine, &key);
    assert_eq!(file.last_error.unwrap().message, "The file no longer exists.");
    engine.stop(HOUR);
}

/// Returns whether an object with this id is stored.
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
    engine.run_housekeeping(999, true).unwrap();
    assert_eq!(passages(), ["words"]);
    engine.run_housekeeping(1000, true).unwrap();
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
    engine.run_housekeeping(999, true).unwrap();
    assert!(is_stored(&engine, Kind::UploadPart, "part_1"));
    engine.run_housekeeping(1000, true).unwrap();
    assert!(!is_stored(&engine, Kind::UploadPart, "part_1"));
    assert!(engine.files.read("part_1").is_err());
    let stored = engine
        .storage
        .transact(|transaction| load::<Upload>(transaction, "upload_1"));
    assert_eq!(stored.unwrap().unwrap().object.status, UploadStatus::Expired);
    engine.run_housekeeping(1000 + 24 * 60 * 60, true).unwrap();
    assert!(!is_stored(&engine, Kind::Upload, "upload_1"));
    engine.stop(HOUR);
}

#[test]
fn stored_responses_and_download_urls_expire_without_a_request() {
    let engine = start(Sqlite::in_memory().unwrap(), HOUR);
    let kept = StoredResponse {
        request: String::new(),
        body: "{}".to_owned(),
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
            transaction.store_response("key", "POST /threads", &kept, 1000)?;
            transaction.insert(&download)?;
            engine.expires(transaction, Kind::Download, "token", 1000)
        })
        .unwrap();
    let answer = || {
        let found = engine
            .storage
            .transact(|transaction| transaction.stored_response("key", "POST /threads", 0));
        found.unwrap().is_some()
    };
    engine.run_housekeeping(1000 + RESPONSES_KEPT, false).unwrap();
    assert!(answer() && !is_stored(&engine, Kind::Download, "token"));
    engine.run_housekeeping(1001 + RESPONSES_KEPT, false).unwrap();
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
    engine.run_housekeeping(0, false).unwrap();
    assert!(engine.files.read("file-1").is_err());
    engine.stop(HOUR);
}
