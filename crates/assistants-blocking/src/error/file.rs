//! Files on this machine.

use std::io;

/// A file on this machine that could not be sent, or not be written.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {}", .kind.says())]
#[non_exhaustive]
pub struct FileError {
    /// The path of the file, or the name that was given to bytes or a reader.
    pub name: String,
    /// What was wrong.
    pub kind: FileErrorKind,
    pub(crate) source: Option<io::Error>,
}

/// What was wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileErrorKind {
    /// There is no such file.
    NotFound,
    /// It is a folder, or something else without bytes of its own.
    NotAFile,
    /// It is empty; servers reject empty files.
    Empty,
    /// It ended early: it was truncated while it was being sent, or a reader has fewer bytes than announced.
    Shrunk {
        /// The size that was announced, in bytes.
        expected: u64,
        /// The size that was found, in bytes.
        found: u64,
    },
    /// The bytes of a reader were needed again for another attempt, but a reader can be read only once.
    UsedUp,
    /// Reading failed.
    Read,
    /// Writing failed; no file was left under the final name.
    Write,
}

impl FileErrorKind {
    fn says(self) -> String {
        match self {
            Self::NotFound => "there is no such file".to_owned(),
            Self::NotAFile => "is not a file".to_owned(),
            Self::Empty => "is empty, and empty files cannot be uploaded".to_owned(),
            Self::Shrunk { expected, found } => format!("ended after {found} of {expected} bytes"),
            Self::UsedUp => "the reader was consumed, and its bytes cannot be sent again".to_owned(),
            Self::Read => "reading failed".to_owned(),
            Self::Write => "writing failed".to_owned(),
        }
    }
}

impl FileError {
    pub(crate) fn new(name: impl Into<String>, kind: FileErrorKind, source: Option<io::Error>) -> Self {
        Self {
            name: name.into(),
            kind,
            source,
        }
    }

    /// The error as a reader must return it.
    pub(crate) fn into_io(self) -> io::Error {
        io::Error::other(self)
    }

    /// The failure of a system call on a file.
    pub(crate) fn caused(name: impl Into<String>, kind: FileErrorKind, source: io::Error) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::NotFound if kind == FileErrorKind::Read => FileErrorKind::NotFound,
            io::ErrorKind::IsADirectory => FileErrorKind::NotAFile,
            _ => kind,
        };
        Self::new(name, kind, Some(source))
    }
}
