//! Lists whose pages do not lead to an end.

use super::text::Printable;

/// A list that would never end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: the server returned the page cursor `{}` twice", Printable(.cursor))]
#[non_exhaustive]
pub struct RepeatedCursorError {
    /// Which list, for example `GET /assistants`.
    pub what: String,
    /// The cursor.
    pub cursor: String,
}

/// A page with `has_more` but without a cursor: it has no items and no `last_id`. To end the list there would lose items.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: the server reports that more follows a page, but sent no cursor")]
#[non_exhaustive]
pub struct MissingCursorError {
    /// Which list, for example `GET /assistants`.
    pub what: String,
}
