//! Limits on what a server does concurrently and on how long it waits for its clients.

use std::time::Duration;

use super::Rejection;

/// The maximum size of a JSON request body, in bytes.
pub(crate) const MAX_BODY: usize = 16 * 1024 * 1024;

/// How much of an oversized body is read and discarded, in bytes. A client that is still sending when the connection
/// closes may never see the response.
pub(crate) const MAX_DRAINED: u64 = 4 * MAX_BODY as u64;

/// Limits on what a server does concurrently and on how long it waits for its clients, for
/// [`Builder::limits`](crate::Builder::limits).
///
/// A server that has reached a limit responds with status 503 and `retry-after`.
///
/// ```
/// use assistants_local::{Limits, LocalServer};
///
/// let mut limits = Limits::default();
/// limits.connections = 100;
/// let server = LocalServer::builder().limits(limits).start()?;
/// # Ok::<(), assistants_local::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum number of open connections. Further ones get status 503 and are closed. The default is 10,000, or less
    /// if the process's limit on open files requires it.
    pub connections: usize,
    /// Maximum number of requests executed concurrently; further ones wait. Streams do not count, nor do requests that
    /// wait for data from their client or for a model. The default is 64.
    pub handlers: usize,
    /// Memory for the bodies of all requests together, in bytes, including the parsed form of JSON; further requests
    /// wait. Files are written to disk as they arrive and do not count. The default is 512 MiB.
    pub body_memory: usize,
    /// How long a request waits for one of these limits before it gets status 503. The default is 10 seconds.
    pub queue_timeout: Duration,
    /// How long a connection may take to send the head of a request, counted from the accept or from the end of the
    /// previous response. This is also how long an idle connection is kept. The default is 60 seconds.
    pub head_timeout: Duration,
    /// How long a body may pause, and how long it may take in total if it arrives at less than 1 KiB per second. A
    /// request that exceeds this gets status 408. The default is 30 seconds.
    pub body_timeout: Duration,
    /// How long a client may read nothing of a response before its connection is closed. A stream with nothing to send
    /// does not count. The default is 60 seconds.
    pub write_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            handlers: 64,
            body_memory: 512 * 1024 * 1024,
            queue_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(60),
        }
    }
}

/// Rejects a list parameter with more than `most` elements.
pub(crate) fn check_count(param: &str, given: usize, most: usize) -> Result<(), Rejection> {
    if given <= most {
        return Ok(());
    }
    Err(Rejection::TooMany {
        param: param.to_owned(),
        given,
        most,
    })
}
