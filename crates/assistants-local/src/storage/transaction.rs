//! The traits of a storage: transactions over documents.

use std::fmt;
use std::time::Duration;

use super::document::Document;
use super::error::StorageError;
use super::kind::Kind;
use super::list::{FolderListing, List, Listing};
use super::text_index::TextIndex;
use super::vector_index::VectorIndex;

/// How long the response to a request with an idempotency key is stored, in seconds.
pub(crate) const RESPONSES_KEPT: i64 = 24 * 60 * 60;

/// The response stored for a request with an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredResponse {
    /// A digest of the request's body.
    pub(crate) request: String,
    /// The body of the response.
    pub(crate) body: String,
}

/// Reads and writes that take effect together or not at all.
pub(crate) trait Transaction: TextIndex + VectorIndex {
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

    /// Returns the response stored for an idempotency key and scope, unless it is older than `since` (Unix time in
    /// seconds).
    fn stored_response(&self, key: &str, scope: &str, since: i64) -> Result<Option<StoredResponse>, StorageError>;

    /// Stores a response, replacing one with the same key and scope. It is deleted as soon as one of the objects that
    /// it shows is deleted; these are recognized by their `id` in it.
    fn store_response(&self, key: &str, scope: &str, kept: &StoredResponse, now: i64) -> Result<(), StorageError>;

    /// Deletes responses stored before `responses_before`, and positions of objects deleted before `positions_before`,
    /// both in Unix time in seconds.
    fn forget(&self, responses_before: i64, positions_before: i64) -> Result<(), StorageError>;

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
