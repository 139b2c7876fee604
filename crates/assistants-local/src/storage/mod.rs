//! Storage: JSON documents behind a trait.
//!
//! The engine does not depend on tables. It stores each object as the JSON that is sent to clients, with the few
//! columns that lists and look-ups need. Everything that must be consistent happens in one [`Transaction`].

pub(crate) mod blobs;
pub(crate) mod document;

use std::fmt;
use std::time::Duration;

pub(crate) use self::sqlite::priority_lock::work_in_background;
use crate::search::TextIndex;

pub(crate) mod pair;
pub(crate) mod private;
pub(crate) mod sqlite;

/// The kinds of stored objects. Their names are stored in databases and must not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// At the root.
    Assistant,
    /// At the root.
    Thread,
    /// Below its thread; tagged with the id of the run that wrote it.
    Message,
    /// Below its thread; tagged with [`ACTIVE`] until it has ended.
    Run,
    /// Below its run; tagged with [`ACTIVE`] until it has ended.
    RunStep,
    /// Below its run: the events of one turn, for replay.
    RunHistory,
    /// Below its assistant: its state after a change.
    AssistantVersion,
    /// Below its file: a secret by which the file can be downloaded without a key.
    Download,
    /// In a folder.
    User,
    /// At the root; tagged with the id of the vector store that it is about.
    Operation,
    /// At the root; tagged with its purpose.
    File,
    /// At the root; tagged with the id of the thread if it was created for a thread's attachments.
    VectorStore,
    /// Only for expiries: a vector store that is deleted when it expires, as the search indexes of Yandex are. Other
    /// vector stores stay when they expire, and cannot be searched. No documents have this kind.
    SearchIndex,
    /// Below its vector store, with an id made of both ids; tagged with its status.
    VectorStoreFile,
    /// Below its vector store.
    VectorStoreFileBatch,
    /// At the root; tagged with the id of the file that it produced.
    Upload,
    /// Below its upload.
    UploadPart,
}

/// The tag of runs and steps that have not ended.
pub(crate) const ACTIVE: &str = "active";

impl Kind {
    /// Returns the name in databases.
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

    /// Returns the name in messages to users.
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

/// A stored object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    /// The object with which this one is deleted; `None` at the root.
    pub(crate) parent: Option<String>,
    /// A text by which lists are filtered; its meaning depends on the kind.
    pub(crate) tag: Option<String>,
    /// Unix time in seconds.
    pub(crate) created_at: i64,
    /// The object as it is sent to clients.
    pub(crate) body: String,
    /// Data that is stored with the object but not sent to clients.
    pub(crate) notes: Option<String>,
}

/// The direction of a list. Objects are ordered by when they were stored; there are no ties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// Oldest first.
    Ascending,
    /// Newest first.
    #[default]
    Descending,
}

/// Selects a part of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List<'a> {
    pub(crate) kind: Kind,
    /// `None` selects objects at the root.
    pub(crate) parent: Option<&'a str>,
    /// `None` selects all tags.
    pub(crate) tag: Option<&'a str>,
    pub(crate) order: Order,
    /// Starts after this sequence number.
    pub(crate) after: Option<i64>,
    /// Ends before this sequence number. Without `after`, the objects nearest to it are selected.
    pub(crate) before: Option<i64>,
    pub(crate) limit: usize,
}

/// A part of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) documents: Vec<Document>,
    /// Whether there are more objects in the direction of the list.
    pub(crate) has_more: bool,
}

/// A part of the list of a folder, newest first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FolderListing {
    pub(crate) documents: Vec<Document>,
    /// The sequence number after which the list continues, if it does.
    pub(crate) next: Option<i64>,
}

/// The response stored for a request with an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredResponse {
    /// A digest of the request's body.
    pub(crate) request: String,
    /// The body of the response.
    pub(crate) answer: String,
}

/// Reads and writes that take effect together or not at all.
pub(crate) trait Transaction: TextIndex {
    /// Returns the object with this kind and id.
    fn get(&self, kind: Kind, id: &str) -> Result<Option<Document>, StorageError>;

    /// Adds an object at the end of its list. Its parent must exist.
    fn insert(&self, document: &Document) -> Result<(), StorageError>;

    /// Replaces the tag, body and notes of an existing object. Its position in the list stays the same.
    fn update(&self, document: &Document) -> Result<(), StorageError>;

    /// Replaces the existing object with the same id, and moves it to the end of the list.
    ///
    /// Stored responses that show the object are kept, because it is still the same object. Its passages are removed.
    /// It must have no children and be in no folder.
    fn replace(&self, document: &Document) -> Result<(), StorageError>;

    /// Deletes an object and everything below it. Returns `false` if it does not exist. `now` is the Unix time in
    /// seconds.
    ///
    /// The position of the object is kept until [`forget`](Self::forget), so that a client that deletes objects while
    /// it lists them can continue. The bytes of deleted files and upload parts become [`removals`](Self::removals).
    /// Stored responses that show the object are deleted.
    fn delete(&self, kind: Kind, id: &str, now: i64) -> Result<bool, StorageError>;

    /// Returns the position of an object, or of a recently deleted one, in the list of `kind` below `parent`.
    fn sequence(&self, kind: Kind, parent: Option<&str>, id: &str) -> Result<Option<i64>, StorageError>;

    /// Returns a part of a list.
    fn list(&self, list: &List<'_>) -> Result<Listing, StorageError>;

    /// Returns the number of objects of a kind below `parent`.
    fn count(&self, kind: Kind, parent: &str) -> Result<u64, StorageError>;

    /// Adds an existing object to a folder, which is a list of objects of one kind with any parents.
    fn put_in_folder(&self, kind: Kind, id: &str, folder: &str) -> Result<(), StorageError>;

    /// Returns the objects of a kind in a folder, newest first, after the sequence number `after`.
    fn in_folder(
        &self,
        kind: Kind,
        folder: &str,
        after: Option<i64>,
        limit: usize,
    ) -> Result<FolderListing, StorageError>;

    /// Returns all objects of a kind with this tag, oldest first.
    fn tagged(&self, kind: Kind, tag: &str) -> Result<Vec<Document>, StorageError>;

    /// Returns the objects of a kind whose id ends with a slash and `end`.
    fn ending(&self, kind: Kind, end: &str) -> Result<Vec<Document>, StorageError>;

    /// Sets when an object expires, as Unix time in seconds; `None` means never.
    fn expire(&self, kind: Kind, id: &str, at: Option<i64>) -> Result<(), StorageError>;

    /// Returns the ids of expired objects of a kind.
    fn expired(&self, kind: Kind, now: i64) -> Result<Vec<String>, StorageError>;

    /// Returns the time of the next expiry of a kind.
    fn next_expiry(&self, kind: Kind) -> Result<Option<i64>, StorageError>;

    /// Returns the response stored for an idempotency key and place, unless it is older than `since` (Unix time in
    /// seconds).
    fn stored_response(&self, key: &str, scope: &str, since: i64) -> Result<Option<StoredResponse>, StorageError>;

    /// Stores a response, replacing one with the same key and place. It is deleted as soon as one of the objects that
    /// it shows is deleted; these are recognized by their `id` in it.
    fn store_response(&self, key: &str, scope: &str, kept: &StoredResponse, now: i64) -> Result<(), StorageError>;

    /// Deletes responses stored before `answers_before`, and positions of objects deleted before `places_before`, both
    /// in Unix time in seconds.
    fn forget(&self, answers_before: i64, places_before: i64) -> Result<(), StorageError>;

    /// Returns the deleted files and upload parts whose bytes have not been removed yet.
    fn removals(&self) -> Result<Vec<String>, StorageError>;

    /// Records that the bytes of a deleted file were removed.
    fn removed(&self, id: &str) -> Result<(), StorageError>;

    /// Returns whether the body of an object of this kind contains a text. Scans all objects of the kind.
    fn mentioned(&self, kind: Kind, text: &str) -> Result<bool, StorageError>;
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Commit,
    RollBack,
}

/// A store of documents.
pub(crate) trait Storage: fmt::Debug + Send + Sync {
    /// Runs `work` in an isolated transaction.
    ///
    /// If this returns `Ok` after [`Outcome::Commit`], the writes are durable. `work` may be called several times, if
    /// the storage has to repeat the transaction.
    fn transaction(&self, work: &mut dyn FnMut(&dyn Transaction) -> Outcome) -> Result<(), StorageError>;

    /// Like [`transaction`](Self::transaction), for `work` that only reads. It sees a committed state and need not wait
    /// for writers.
    fn reading(&self, work: &mut dyn FnMut(&dyn Transaction)) -> Result<(), StorageError> {
        self.transaction(&mut |transaction| {
            work(transaction);
            Outcome::RollBack
        })
    }

    /// Calls `notify` after each commit that deleted something. Only the first callback is kept.
    fn on_deletion(&self, notify: Box<dyn Fn() + Send + Sync>);

    /// Removes deleted data from the storage's logs and indexes.
    ///
    /// Does one step, so that no request waits long for it, and returns how long to wait before the next one; `None`
    /// when nothing is left to do.
    fn purge(&self) -> Result<Option<Duration>, StorageError>;
}

impl dyn Storage + '_ {
    /// Runs `work` in a transaction, which is committed if it returns `Ok` and rolled back if it returns `Err`.
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

    /// Runs `work`, which only reads, on a consistent state.
    pub(crate) fn read<T, E: From<StorageError>>(
        &self,
        mut work: impl FnMut(&dyn Transaction) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut result = None;
        self.reading(&mut |transaction| result = Some(work(transaction)))?;
        result.expect("a storage that returns Ok has called the work")
    }
}

/// The storage could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{action}")]
pub(crate) struct StorageError {
    /// What failed and why, for the client: without paths of this machine.
    pub(crate) action: String,
    /// The cause with its path, for the log.
    #[source]
    pub(crate) source: Option<Box<dyn std::error::Error + Send + Sync>>,
}
