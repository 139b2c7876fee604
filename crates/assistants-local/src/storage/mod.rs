//! Where objects live: JSON documents behind one trait.
//!
//! The engine knows nothing of tables. It keeps each object as the JSON that goes over the wire, with the few columns
//! that lists and look-ups need, and does everything that must hold together inside one [`Transaction`].

pub(crate) mod blobs;
pub(crate) mod document;

use std::fmt;
use std::time::Duration;

pub(crate) use self::sqlite::gate::work_in_background;
use crate::search::TextIndex;

pub(crate) mod pair;
pub(crate) mod private;
pub(crate) mod sqlite;

/// The kinds of object kept. Their names are written to disk: a name in use never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// At the root.
    Assistant,
    /// At the root.
    Thread,
    /// Below its thread; tagged with the id of the run that wrote it.
    Message,
    /// Below its thread; tagged with [`ACTIVE`] while it is not over.
    Run,
    /// Below its run; tagged with [`ACTIVE`] while it is not over.
    RunStep,
    /// Below its run: what one turn said and how it ended.
    RunHistory,
    /// Below its assistant: what it was after a change.
    AssistantVersion,
    /// Below its file: an address from which the file can be fetched without a key.
    Download,
    /// In a folder.
    User,
    /// At the root; tagged with the id of the vector store that it works on.
    Operation,
    /// At the root; tagged with its purpose.
    File,
    /// At the root; tagged with the id of the thread for whose attachments it was made.
    VectorStore,
    /// The expiry of a vector store that goes when its time is over, instead of staying without being searched. There
    /// are no documents of this kind.
    SearchIndex,
    /// Below its vector store, under an id made of both; tagged with its status.
    VectorStoreFile,
    /// Below its vector store.
    VectorStoreFileBatch,
    /// At the root; tagged with the id of the file that it became.
    Upload,
    /// Below its upload.
    UploadPart,
}

/// The tag of runs and steps that are not over.
pub(crate) const ACTIVE: &str = "active";

impl Kind {
    /// The name on disk.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Assistant => "assistant",
            Self::Thread => "thread",
            Self::Message => "message",
            Self::Run => "run",
            Self::RunStep => "run_step",
            Self::RunHistory => "run_history",
            Self::AssistantVersion => "assistant_version",
            Self::Download => "download",
            Self::User => "user",
            Self::Operation => "operation",
            Self::File => "file",
            Self::Upload => "upload",
            Self::UploadPart => "upload_part",
            Self::VectorStore => "vector_store",
            Self::SearchIndex => "search_index",
            Self::VectorStoreFile => "vector_store_file",
            Self::VectorStoreFileBatch => "vector_store_file_batch",
        }
    }

    /// The name in messages to users.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::RunStep => "run step",
            Self::RunHistory => "history of a run",
            Self::AssistantVersion => "version of an assistant",
            Self::UploadPart => "upload part",
            Self::VectorStore => "vector store",
            Self::SearchIndex => "search index",
            Self::VectorStoreFile => "file",
            Self::VectorStoreFileBatch => "file batch",
            other => other.as_str(),
        }
    }
}

/// One stored object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    /// The object that this one is deleted with; `None` at the root.
    pub(crate) parent: Option<String>,
    /// What lists filter by; the meaning depends on the kind.
    pub(crate) tag: Option<String>,
    /// Seconds since 1970.
    pub(crate) created_at: i64,
    /// The object as it goes over the wire.
    pub(crate) body: String,
    /// What the server notes about the object and does not show.
    pub(crate) notes: Option<String>,
}

/// The direction of a list: objects stand in the order in which they were stored, without ties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// Oldest first.
    Ascending,
    /// Newest first.
    #[default]
    Descending,
}

/// Which part of a list to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List<'a> {
    pub(crate) kind: Kind,
    /// `None`: the list of the root.
    pub(crate) parent: Option<&'a str>,
    /// `None`: every tag.
    pub(crate) tag: Option<&'a str>,
    pub(crate) order: Order,
    /// The sequence number behind which the part starts.
    pub(crate) after: Option<i64>,
    /// The sequence number in front of which the part ends. Without `after`, the nearest objects in front of it.
    pub(crate) before: Option<i64>,
    pub(crate) limit: usize,
}

/// A part of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) documents: Vec<Document>,
    /// Whether the list goes on in the direction that was read.
    pub(crate) has_more: bool,
}

/// A part of the list of a folder, newest first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FolderListing {
    pub(crate) documents: Vec<Document>,
    /// The sequence number behind which the list goes on, if it does.
    pub(crate) next: Option<i64>,
}

/// The answer to a request that carried an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptAnswer {
    /// Digest of the request's body.
    pub(crate) request: String,
    /// The answer's body.
    pub(crate) answer: String,
}

/// Reads and writes that happen together or not at all.
pub(crate) trait Transaction: TextIndex {
    /// The object of that kind and id.
    fn get(&self, kind: Kind, id: &str) -> Result<Option<Document>, StorageError>;

    /// Adds an object at the end of its list. Its parent must exist.
    fn insert(&self, document: &Document) -> Result<(), StorageError>;

    /// Gives an existing object a new tag, body and notes; its place in the list stays.
    fn update(&self, document: &Document) -> Result<(), StorageError>;

    /// Stores an object in the place of the one with its id, which must exist, and puts it at the end of the list. It is
    /// the same object still: answers that show it stay. What was indexed of it goes. Nothing below it and no folder
    /// may refer to it.
    fn replace(&self, document: &Document) -> Result<(), StorageError>;

    /// Removes an object and everything below it; `false` if there is none. `now` is in seconds since 1970.
    ///
    /// The place of the object stays known until [`forget`](Self::forget), so that a walk that deletes what it reads can
    /// go on. The bytes of files, and of parts of uploads, become [`removals`](Self::removals), and answers that show the
    /// object are deleted.
    fn delete(&self, kind: Kind, id: &str, now: i64) -> Result<bool, StorageError>;

    /// The place of an object, also of a lately deleted one, in the list of `kind` below `parent`.
    fn sequence(&self, kind: Kind, parent: Option<&str>, id: &str) -> Result<Option<i64>, StorageError>;

    /// A part of a list.
    fn list(&self, list: &List<'_>) -> Result<Listing, StorageError>;

    /// How many objects of a kind are below `parent`.
    fn count(&self, kind: Kind, parent: &str) -> Result<u64, StorageError>;

    /// Puts an existing object into a folder, a list of one kind that cuts across parents.
    fn put_in_folder(&self, kind: Kind, id: &str, folder: &str) -> Result<(), StorageError>;

    /// The objects of a kind in a folder, newest first, behind the sequence number `after`.
    fn in_folder(
        &self,
        kind: Kind,
        folder: &str,
        after: Option<i64>,
        limit: usize,
    ) -> Result<FolderListing, StorageError>;

    /// Every object of a kind with that tag, oldest first.
    fn tagged(&self, kind: Kind, tag: &str) -> Result<Vec<Document>, StorageError>;

    /// The objects of a kind whose id ends with a slash and this.
    fn ending(&self, kind: Kind, end: &str) -> Result<Vec<Document>, StorageError>;

    /// Sets when an object's time is over, in seconds since 1970; `None`: never.
    fn expire(&self, kind: Kind, id: &str, at: Option<i64>) -> Result<(), StorageError>;

    /// The objects of a kind whose time is over.
    fn expired(&self, kind: Kind, now: i64) -> Result<Vec<String>, StorageError>;

    /// When the first object of that kind expires.
    fn next_expiry(&self, kind: Kind) -> Result<Option<i64>, StorageError>;

    /// The answer kept for an idempotency key and place, if it is not older than `since` (seconds since 1970).
    fn kept_answer(&self, key: &str, place: &str, since: i64) -> Result<Option<KeptAnswer>, StorageError>;

    /// Keeps an answer, in place of one for the same key and place. It is deleted with the first of the objects that it
    /// shows: those whose `id` is in it.
    fn keep_answer(&self, key: &str, place: &str, kept: &KeptAnswer, now: i64) -> Result<(), StorageError>;

    /// Forgets the answers that were kept before `answers_before`, and the places of objects that were deleted before
    /// `places_before`, in seconds since 1970.
    fn forget(&self, answers_before: i64, places_before: i64) -> Result<(), StorageError>;

    /// The files and parts of uploads that were deleted, and whose bytes were not removed yet.
    fn removals(&self) -> Result<Vec<String>, StorageError>;

    /// Notes that the bytes of a deleted file are removed.
    fn removed(&self, id: &str) -> Result<(), StorageError>;

    /// Whether an object of that kind has this text in its body. Reads all of them.
    fn mentioned(&self, kind: Kind, text: &str) -> Result<bool, StorageError>;
}

/// What becomes of a transaction when its work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Commit,
    RollBack,
}

/// A place to keep documents.
pub(crate) trait Storage: fmt::Debug + Send + Sync {
    /// Runs `work` in a transaction that sees no other one's writes and that no other one writes into.
    ///
    /// When this returns `Ok` after [`Outcome::Commit`], the writes survive the end of the process. `work` may be
    /// called again from its start when the storage has to repeat the transaction.
    fn transaction(&self, work: &mut dyn FnMut(&dyn Transaction) -> Outcome) -> Result<(), StorageError>;

    /// As [`transaction`](Self::transaction), for `work` that only reads: it sees what was committed before, and need not
    /// wait for those who write.
    fn reading(&self, work: &mut dyn FnMut(&dyn Transaction)) -> Result<(), StorageError> {
        self.transaction(&mut |transaction| {
            work(transaction);
            Outcome::RollBack
        })
    }

    /// Has `tell` called after each commit that deleted something. The first one given stays.
    fn on_deletion(&self, tell: Box<dyn Fn() + Send + Sync>);

    /// Takes what was deleted out of the logs and indexes that the storage keeps. Does a part of that, so that nobody
    /// waits long for it, and returns how long to wait before the next part; `None` when it is done.
    fn purge(&self) -> Result<Option<Duration>, StorageError>;
}

impl dyn Storage + '_ {
    /// Runs `work` in a transaction: `Ok` commits and `Err` takes everything back.
    pub(crate) fn transact<T, E: From<StorageError>>(
        &self,
        mut work: impl FnMut(&dyn Transaction) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut result = None;
        self.transaction(&mut |transaction| {
            let worked = work(transaction);
            let outcome = if worked.is_ok() {
                Outcome::Commit
            } else {
                Outcome::RollBack
            };
            result = Some(worked);
            outcome
        })?;
        result.expect("a storage that returns Ok has called the work")
    }

    /// Runs `work`, which only reads, on one state of the storage.
    pub(crate) fn read<T, E: From<StorageError>>(
        &self,
        mut work: impl FnMut(&dyn Transaction) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut result = None;
        self.reading(&mut |transaction| result = Some(work(transaction)))?;
        result.expect("a storage that returns Ok has called the work")
    }
}

/// The storage could not read or write.
#[derive(Debug, thiserror::Error)]
#[error("{action}")]
pub(crate) struct StorageError {
    /// What was being done and what went wrong, for the client that asked for it: without a path of this machine.
    pub(crate) action: String,
    /// The cause, for the log, with the path.
    #[source]
    pub(crate) source: Option<Box<dyn std::error::Error + Send + Sync>>,
}
