//! Why a file has no text.

/// Why a file has no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// The server cannot read this format.
    Unsupported(String),
    /// The file is damaged, is not what its name says, or is empty.
    Invalid(String),
}
