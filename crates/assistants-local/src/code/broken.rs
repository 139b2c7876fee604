//! Why a session is lost.

use std::fmt;

use crate::storage::StorageError;

/// Why a session cannot be used any more.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The run has ended.
    Stopped,
    TimedOut,
    /// The process has ended, or has violated the protocol.
    Ended(&'static str),
    /// The program cannot be started, or was never ready.
    CannotStart(String),
    Storage(StorageError),
}

impl From<StorageError> for Broken {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => formatter.write_str("the run has ended"),
            Self::TimedOut => formatter.write_str("its time limit was reached"),
            Self::Ended(fault) => formatter.write_str(fault),
            Self::CannotStart(fault) => formatter.write_str(fault),
            Self::Storage(error) => error.fmt(formatter),
        }
    }
}
