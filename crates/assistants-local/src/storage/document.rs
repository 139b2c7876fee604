//! What the storage stores: JSON with the columns that lists and look-ups need.

use super::kind::Kind;

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
