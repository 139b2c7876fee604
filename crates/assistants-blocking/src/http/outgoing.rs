//! The request of an attempt.

use std::fmt;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use crate::auth::secrets::Secrets;
use crate::call::url::OwnQuery;
use crate::http::head::Head;
use crate::http::watch;

/// A request that is ready to be sent, as often as necessary.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) method: &'static str,
    /// The whole URL, with the query.
    pub(crate) url: &'a str,
    /// The path as shown in errors and logs, without the query.
    pub(crate) path: &'a str,
    pub(crate) head: Head,
    pub(crate) body: Body<'a>,
    pub(crate) timeouts: Timeouts,
    pub(crate) expect: Expect,
    /// The parts of the query that no other origin gets.
    pub(crate) own_query: OwnQuery<'a>,
    /// What nothing about the response may show.
    pub(crate) secrets: Secrets,
}

impl Outgoing<'_> {
    /// The request as errors name it, for example `POST /threads`.
    pub(crate) fn what(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// The body of a request.
#[derive(Clone, Copy)]
pub(crate) enum Body<'a> {
    Empty,
    Bytes(&'a [u8]),
    /// A body that is not held in memory; opened each time it is sent.
    Source(&'a dyn Source),
}

impl Body<'_> {
    /// Whether it can be sent (again).
    pub(crate) fn is_whole(self) -> bool {
        match self {
            Self::Empty | Self::Bytes(_) => true,
            Self::Source(source) => source.is_whole(),
        }
    }
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Source(source) => write!(f, "Source({})", source.length()),
        }
    }
}

/// Where the bytes of a large body come from.
pub(crate) trait Source: Send + Sync {
    /// The number of bytes. Exactly as many are sent.
    fn length(&self) -> u64;

    /// Starts again from the first byte.
    fn open(&self) -> io::Result<Box<dyn Read + '_>>;

    /// Whether it can still be opened: false once bytes were taken that cannot be read again.
    fn is_whole(&self) -> bool;
}

/// The time limits of one attempt; `None` is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// Name lookup, TCP, proxy and TLS together. Default 5 s.
    pub(crate) connect: Option<Duration>,
    /// From connecting to the last byte; of a stream, to the end of the response headers. Default 600 s.
    pub(crate) attempt: Option<Duration>,
    /// The silence between two bytes of a stream. Default: none.
    pub(crate) idle: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Some(Duration::from_secs(5)),
            attempt: Some(Duration::from_secs(600)),
            idle: None,
        }
    }
}

/// How the body of the response will be read, which decides about its time limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// As a whole, within the time of the attempt.
    Whole,
    /// As it arrives; after the headers only the idle limit and the deadline of the call count. The body of an error is
    /// read as a whole.
    Stream,
}

/// A body that is read only while it is sent. The rest of a request whose response has arrived is dropped without being
/// read.
pub(crate) struct UploadBody<R> {
    reader: R,
    left: u64,
}

impl<R> UploadBody<R> {
    pub(crate) fn new(reader: R, length: u64) -> Self {
        Self { reader, left: length }
    }
}

impl<R: Read> Read for UploadBody<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = if watch::drops_output() {
            watch::check(Instant::now())?;
            usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len())
        } else {
            self.reader.read(into)?
        };
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}
