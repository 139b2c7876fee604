//! The trait for indexes of vectors, which are part of each storage.

use super::StorageError;
use super::text_index::IndexHit;
use crate::search::Vector;

/// An index that finds passages by their vectors, as part of a storage transaction.
///
/// A vector belongs to a passage of the [`TextIndex`](super::text_index::TextIndex), and is deleted with it. It is stored with
/// the name of its model, because vectors of different models cannot be compared.
pub(crate) trait VectorIndex {
    /// Stores the vectors of the passages of a document, in order. The passages were added before and have none yet.
    fn add_vectors(&self, owner: &str, model: &str, vectors: &[Vector]) -> Result<(), StorageError>;

    /// Stores the vector of a passage in place of any other, unless the passage was removed since it was read.
    fn replace_vector(&self, passage: &UnembeddedPassage, model: &str, vector: &Vector) -> Result<(), StorageError>;

    /// Returns the collections that have passages.
    fn collections(&self) -> Result<Vec<String>, StorageError>;

    /// Returns passages that have no suitable vector.
    fn without_vectors(&self, without: &WithoutVectors<'_>) -> Result<Vec<UnembeddedPassage>, StorageError>;

    /// Returns the passages of a collection whose vectors are the most similar, best first; `None` if there is a passage
    /// without a vector of the same model and length. The score is the cosine similarity, but at least 0.
    ///
    /// Reads all vectors of the collection, one at a time.
    fn nearest(&self, query: &VectorQuery<'_>) -> Result<Option<Vec<IndexHit>>, StorageError>;
}

/// The parameters of [`VectorIndex::without_vectors`].
pub(crate) struct WithoutVectors<'a> {
    pub(crate) collection: &'a str,
    /// Vectors of other models are not suitable.
    pub(crate) model: &'a str,
    /// Vectors of another length are not suitable, unless this is `None`.
    pub(crate) dimensions: Option<usize>,
    /// Continues after the passage with this id; 0 to begin.
    pub(crate) after: i64,
    pub(crate) limit: usize,
}

/// A passage without a suitable vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnembeddedPassage {
    pub(crate) id: i64,
    pub(crate) text: String,
}

/// The parameters of [`VectorIndex::nearest`].
pub(crate) struct VectorQuery<'a> {
    pub(crate) collection: &'a str,
    pub(crate) model: &'a str,
    pub(crate) vector: &'a Vector,
    /// Restricts the result to passages of owners for which this returns `true`.
    pub(crate) accept: &'a dyn Fn(&str) -> bool,
    pub(crate) limit: usize,
}
