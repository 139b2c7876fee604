//! Streams that ended early, are malformed or exceed a limit.

use std::fmt;
use std::io;

use super::source::Source;
use super::text::Printable;

/// A stream whose bytes ended early.
#[derive(Debug, thiserror::Error)]
#[error("{what}: the stream ended after {events} events, before the one that ends it")]
#[non_exhaustive]
pub struct StreamTruncatedError {
    /// The request that the stream is the response to, for example `POST /threads/thread_1/runs`.
    pub what: String,
    /// The number of events that had arrived.
    pub events: u64,
    /// The id under which the server logged the request, if there was a response.
    pub request_id: Option<String>,
    /// The reason, if the connection broke instead of being closed.
    pub(crate) source: Option<io::Error>,
}

/// A successful response to a request for a stream that is none: an HTML page, a JSON document, nothing at all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotAStreamError {
    /// The request that it is the response to, for example `POST /threads/thread_1/runs`.
    pub what: String,
    /// The HTTP status, from 200 to 299.
    pub status: u16,
    /// The media type of the response.
    pub content_type: Option<String>,
    /// The id under which the server logged the request.
    pub request_id: Option<String>,
    /// The beginning of the body, or the title of an HTML page; empty for an empty body.
    pub excerpt: String,
}

impl fmt::Display for NotAStreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, status) = (Printable(&self.what), self.status);
        write!(f, "{what}: the server responded with status {status} and no stream: ")?;
        match self.excerpt.as_str() {
            "" => f.write_str("the body is empty")?,
            excerpt => write!(f, "the body is `{}`", Printable(excerpt))?,
        }
        match &self.content_type {
            Some(content_type) => write!(f, " ({})", Printable(content_type)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for NotAStreamError {}

/// A stream that is malformed or exceeds a limit.
#[derive(Debug, thiserror::Error)]
#[error("{}", .kind.says(*.line))]
#[non_exhaustive]
pub struct StreamError {
    /// The line of the stream, counted from 1.
    pub line: u64,
    /// What was wrong.
    pub kind: StreamErrorKind,
    /// The id under which the server logged the request, if there was a response.
    pub request_id: Option<String>,
    pub(super) source: Option<Source>,
}

/// What was wrong with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamErrorKind {
    /// A line above the limit.
    LineTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// An event above the limit.
    EventTooLarge {
        /// The limit, in bytes of data.
        limit: usize,
    },
    /// A line that is not UTF-8.
    InvalidUtf8,
    /// Text between two objects that is not JSON.
    InvalidJson,
    /// The reader underneath failed.
    Read,
}

impl StreamErrorKind {
    fn says(self, line: u64) -> String {
        match self {
            Self::LineTooLong { limit } => format!("line {line} of the stream is longer than {limit} bytes"),
            Self::EventTooLarge { limit } => {
                format!("the data of an event is longer than {limit} bytes at line {line} of the stream")
            }
            Self::InvalidJson => format!("line {line} of the stream is not json"),
            Self::InvalidUtf8 => format!("line {line} of the stream is not utf-8"),
            Self::Read => format!("reading line {line} of the stream failed"),
        }
    }
}

impl StreamError {
    pub(crate) fn new(line: u64, kind: StreamErrorKind) -> Self {
        Self {
            line,
            kind,
            request_id: None,
            source: None,
        }
    }

    pub(crate) fn caused(line: u64, kind: StreamErrorKind, source: impl Into<Source>) -> Self {
        Self {
            line,
            kind,
            request_id: None,
            source: Some(source.into()),
        }
    }
}
