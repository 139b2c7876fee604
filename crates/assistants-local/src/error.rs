//! Why a server does not start.

use std::io;
use std::net::SocketAddr;

use crate::storage::StorageError;

/// A server could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address to listen on cannot be used.
    #[error("listening on {address}")]
    Bind {
        /// The address as it was given.
        address: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// Others could reach the server, and it has no key to keep them out.
    #[error("listening on {address}, which other machines can reach, needs an API key")]
    KeyNeeded {
        /// The address that is not loopback.
        address: SocketAddr,
    },
    /// The API key is empty.
    #[error("the API key is empty")]
    EmptyKey,
    /// What was given is no origin of web pages.
    #[error(
        "'{origin}' is no origin that can be allowed: it must be a scheme, a host and perhaps a port, such as \
         http://localhost:3000, or `*` with an API key"
    )]
    Origin {
        /// The origin as it was given.
        origin: String,
    },
    /// The database cannot be used.
    #[error("{action}")]
    Storage {
        /// What was being done.
        action: String,
        /// What the database says.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The operating system does not give what a server needs.
    #[error("{action}")]
    System {
        /// What was being done.
        action: &'static str,
        /// What the operating system says.
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
