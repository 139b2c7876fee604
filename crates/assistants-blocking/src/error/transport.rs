//! Requests without a complete response: failed connections, limits on time and size.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use super::text::Printable;

/// A request that got no complete response.
#[derive(Debug, thiserror::Error)]
#[error("{method} {path}: {}", if *.request_sent { "the connection failed" } else { "connecting failed" })]
#[non_exhaustive]
pub struct TransportError {
    /// The method of the request.
    pub method: &'static str,
    /// The path of the request, without the query.
    pub path: String,
    /// `false`: no byte of the request left this machine, so a retry cannot take effect twice.
    pub request_sent: bool,
    /// The id under which the server logged the request, if there was a response.
    pub request_id: Option<String>,
    pub(crate) source: io::Error,
}

impl TransportError {
    pub(crate) fn into_source(self) -> io::Error {
        self.source
    }
}

/// A limit on time that was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimeoutError {
    /// Which limit.
    pub phase: TimeoutPhase,
    /// How long the limit was.
    pub after: Duration,
    /// What was being done, for example `POST /threads`.
    pub what: String,
    /// `false`: no byte of the request left this machine, so a retry cannot take effect twice.
    pub request_sent: bool,
    /// The id under which the server logged the request, if there was a response.
    pub request_id: Option<String>,
}

/// The limits on time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeoutPhase {
    /// Name lookup, TCP, proxy and TLS together.
    Connect,
    /// One attempt, from connecting to the last byte (of a stream: to the end of the response headers).
    Attempt,
    /// The silence between two bytes of a stream.
    Idle,
    /// Everything a call does: attempts, waits between them, reading.
    Deadline,
    /// Waiting for an object to reach its final state.
    Poll,
    /// One call of a tool function.
    Tool,
}

impl fmt::Display for TimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, after) = (Printable(&self.what), self.after);
        match self.phase {
            TimeoutPhase::Connect => write!(f, "{what}: no connection within {after:?}"),
            TimeoutPhase::Attempt => write!(f, "{what}: no complete response within {after:?}"),
            TimeoutPhase::Idle => write!(f, "{what}: the stream was silent for {after:?}"),
            TimeoutPhase::Deadline => write!(f, "{what}: not done by the deadline of {after:?}"),
            TimeoutPhase::Poll => write!(f, "{what}: not finished after polling for {after:?}"),
            TimeoutPhase::Tool => write!(f, "{what}: not done within {after:?}"),
        }
    }
}

impl StdError for TimeoutError {}

/// A response above the limit on what is read into memory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: the response is larger than the limit of {limit} bytes")]
#[non_exhaustive]
pub struct TooLargeError {
    /// What was being read, for example `GET /files/file-1/content`.
    pub what: String,
    /// The limit, in bytes.
    pub limit: usize,
    /// The id under which the server logged the request, if there was a response.
    pub request_id: Option<String>,
}
