//! The error type of a server that cannot be started, and of maintenance functions.

use std::io;
use std::net::SocketAddr;

use crate::storage::StorageError;

/// A server could not be started, or a maintenance function failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be listened on.
    #[error("listening on {address}")]
    Bind {
        /// The address as it was given.
        address: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The address can be reached by other machines, and no API key is set.
    #[error("listening on {address}, which other machines can reach, needs an API key")]
    KeyNeeded {
        /// The first address that is not loopback.
        address: SocketAddr,
    },
    /// The API key is empty.
    #[error("the API key is empty")]
    EmptyKey,
    /// A text given to [`Builder::allow_origin`](crate::Builder::allow_origin) is not an origin.
    #[error(
        "'{origin}' cannot be allowed as an origin: expected a scheme, a host and optionally a port, such as \
         http://localhost:3000, or `*` with an API key"
    )]
    Origin {
        /// The text as it was given.
        origin: String,
    },
    /// The database or its files cannot be used.
    #[error("{action}")]
    Storage {
        /// The operation that failed.
        action: String,
        /// The cause, if it is an error of the database or the operating system.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The operating system did not provide a resource that the server needs.
    #[error("{action}")]
    System {
        /// The operation that failed.
        action: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        Self::Storage {
            action: error.action,
            source: error.source,
        }
    }
}
