//! How much a server takes on at once, and how long it waits for its clients.

use std::time::Duration;

use super::Rejection;

/// The largest JSON body of a request, in bytes.
pub(crate) const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// How much of a body that is too large is read and thrown away, in bytes. A client that still writes when the
/// connection closes may never see the response.
pub(crate) const LARGEST_WASTE: u64 = 4 * LARGEST_BODY as u64;

/// How much a server takes on at once, and how long it waits for its clients: what
/// [`Builder::limits`](crate::Builder::limits) sets.
///
/// A server that has reached one of them still answers: with status 503 and `retry-after`.
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
    /// How many connections are open at once. Further ones get status 503 and are closed. Default: 10,000; in any case
    /// no more than the limit of the process on open files leaves room for.
    pub connections: usize,
    /// How many requests are worked on at once; more wait. Requests that wait for their client's bytes or
    /// for a model, and streams, do not count. Default: 64.
    pub handlers: usize,
    /// How much memory the bodies of requests may take at once, in bytes, including what JSON becomes when it is
    /// parsed; more wait. What is not JSON (files) goes to the disk as it arrives. Default: 512 MiB.
    pub body_memory: usize,
    /// How long a request waits for one of these before it gets status 503. Default: 10 seconds.
    pub patience: Duration,
    /// How long a connection may take to send the head of a request, counted from its beginning or from the end of the
    /// response before. So it is also how long an idle connection is kept. Default: 60 seconds.
    pub head_time: Duration,
    /// How long a body may pause, and how long it may take in all if it brings less than 1 KiB a second. Such a request
    /// gets status 408. Default: 30 seconds.
    pub body_time: Duration,
    /// How long a client may take nothing of a response before its connection is closed. A stream of which nothing is
    /// to be sent does not count. Default: 60 seconds.
    pub write_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            handlers: 64,
            body_memory: 512 * 1024 * 1024,
            patience: Duration::from_secs(10),
            head_time: Duration::from_secs(60),
            body_time: Duration::from_secs(30),
            write_time: Duration::from_secs(60),
        }
    }
}

/// Refuses a list of the request that is longer than `most`.
pub(crate) fn count(param: &str, given: usize, most: usize) -> Result<(), Rejection> {
    if given <= most {
        return Ok(());
    }
    Err(Rejection::TooMany {
        param: param.to_owned(),
        given,
        most,
    })
}
