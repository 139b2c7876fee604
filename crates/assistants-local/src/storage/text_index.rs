//! The trait for full-text indexes, which are part of each storage.

use super::StorageError;

/// An index that finds passages by their words, as part of a storage transaction.
///
/// A passage belongs to a document of the storage, its owner, and is deleted with it.
pub(crate) trait TextIndex {
    /// Adds the passages of a document, in order, to a collection.
    fn add_passages(&self, collection: &str, owner: &str, passages: &[&str]) -> Result<(), StorageError>;

    /// Removes the passages of a document.
    fn remove_passages(&self, owner: &str) -> Result<(), StorageError>;

    /// Removes all passages of a collection.
    fn remove_collection(&self, collection: &str) -> Result<(), StorageError>;

    /// Returns the passages of a document, in order.
    fn passages(&self, owner: &str) -> Result<Vec<String>, StorageError>;

    /// Returns the passages of a collection that contain at least one of the words, best first.
    ///
    /// The score is the share of the words that a passage contains, with rare words weighted higher than common ones,
    /// times a factor from 0.9 to 1 that grows with the frequency of the words relative to the length of the passage.
    /// It lies between 0 and 1, and near 1 if all words occur.
    fn find(&self, find: &IndexQuery<'_>) -> Result<Vec<IndexHit>, StorageError>;
}

/// The parameters of [`TextIndex::find`].
pub(crate) struct IndexQuery<'a> {
    pub(crate) collection: &'a str,
    pub(crate) words: &'a [String],
    /// Restricts the result to passages of owners for which this returns `true`.
    pub(crate) accept: &'a dyn Fn(&str) -> bool,
    pub(crate) least_score: f64,
    pub(crate) limit: usize,
}

/// A passage in the result of a search.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct IndexHit {
    pub(crate) owner: String,
    /// The position among its owner's passages, from 0.
    pub(crate) position: i64,
    pub(crate) text: String,
    pub(crate) score: f64,
}
