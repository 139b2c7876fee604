//! The error of the storage.

/// The storage could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{action}")]
pub(crate) struct StorageError {
    /// What failed and why, for the client: without paths of this machine.
    pub(crate) action: String,
    /// The cause with its path, for the log.
    #[source]
    pub(crate) source: Option<Box<dyn std::error::Error + Send + Sync>>,
}
