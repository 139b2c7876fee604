//! Lists of stored objects, and the selection of a part.

use super::document::Document;
use super::kind::Kind;

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
