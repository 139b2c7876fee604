//! The error type of the crate.
//!
//! The details of a variant are a struct in a file of its own. None of these files uses [`Error`], so code that needs only
//! one kind of error does not depend on the others.

mod api;
mod callback;
mod decode;
mod file;
mod io;
mod list;
mod redaction;
mod run;
mod source;
mod stream;
pub(crate) mod text;
mod transport;
mod verdict;

use std::fmt;
use std::time::Duration;

use assistants_types::openai::{File, Run, VectorStoreFileBatch};
use assistants_types::yandex;

use crate::http::file_source::FileSource;
use text::Printable;

pub use api::ApiError;
pub(crate) use api::{excerpt, request_id};
pub use callback::{TokenError, ToolError};
pub use decode::DecodeError;
pub(crate) use decode::decode;
pub use file::{FileError, FileErrorKind};
pub use list::{MissingCursorError, RepeatedCursorError};
pub use run::OperationFailedError;
pub use stream::{NotAStreamError, StreamError, StreamErrorKind, StreamTruncatedError};
pub use transport::{TimeoutError, TimeoutPhase, TooLargeError, TransportError};
pub(crate) use verdict::Verdict;

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every error of this crate.
///
/// The chapter [Errors and retries](crate::guide::errors) lists when each variant is returned.
///
/// The usual questions have a method each: [`status`](Self::status), [`request_id`](Self::request_id),
/// [`is_retryable`](Self::is_retryable), [`is_timeout`](Self::is_timeout), [`retry_after`](Self::retry_after). The
/// message says what was being done to what; the cause is behind [`source`](std::error::Error::source) and not in the message.
///
/// ```
/// # let server = assistants_local::LocalServer::builder().start()?;
/// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
/// use assistants_blocking::Error;
///
/// match client.assistants().retrieve("asst_missing").send() {
///     Ok(assistant) => println!("{}", assistant.id),
///     Err(error) if error.status() == Some(404) => println!("there is none"),
///     Err(error) if error.is_timeout() => println!("too slow"),
///     Err(Error::Api(error)) => println!("{:?}: {}", error.code, error.message),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server reported an error, with a status or an `error` event in a stream.
    #[error(transparent)]
    Api(Box<ApiError>),

    /// There was no complete response: connecting, sending or receiving failed.
    #[error(transparent)]
    Transport(Box<TransportError>),

    /// A limit on time was reached.
    #[error(transparent)]
    Timeout(Box<TimeoutError>),

    /// A response or event does not match the protocol.
    #[error(transparent)]
    Decode(Box<DecodeError>),

    /// A stream ended before the event that ends it.
    #[error(transparent)]
    StreamTruncated(Box<StreamTruncatedError>),

    /// The response to a request for a stream was successful, but is not a stream.
    #[error(transparent)]
    NotAStream(Box<NotAStreamError>),

    /// A stream is malformed, or exceeds a limit on its size.
    #[error(transparent)]
    Stream(Box<StreamError>),

    /// A response is larger than what may be read into memory.
    #[error(transparent)]
    TooLarge(Box<TooLargeError>),

    /// The server returned a page cursor twice, so the list would never end.
    #[error(transparent)]
    RepeatedCursor(Box<RepeatedCursorError>),

    /// The server reported that more pages follow, but returned no cursor.
    #[error(transparent)]
    MissingCursor(Box<MissingCursorError>),

    /// A [`CancelToken`](crate::CancelToken) ended the call. Holds what was being done.
    #[error("{}: cancelled", Printable(.0))]
    Cancelled(Box<str>),

    /// The request cannot be sent: a bad base URL, an empty id, a key with a line break. No request was made.
    #[error("{}", Printable(.0))]
    Config(Box<str>),

    /// This build or this server does not support what was asked for.
    #[error("{}", Printable(.0))]
    Unsupported(Box<str>),

    /// A run ended without completing. Holds the run: its status, its `last_error`, its `incomplete_details`.
    #[error("{}", Printable(&format!("run {} of thread {}: {}", .0.id, .0.thread_id, run::why(.0))))]
    RunFailed(Box<Run>),

    /// A run of Yandex AI Studio ended with an error. Holds the run.
    #[error("{}", Printable(&format!("run {} of thread {}: {}", .0.id, .0.thread_id, run::why_yandex(.0))))]
    YandexRunFailed(Box<yandex::Run>),

    /// A long-running operation failed after the call that started it had succeeded.
    #[error(transparent)]
    Operation(Box<OperationFailedError>),

    /// Files were uploaded, but putting them into the vector store failed. Holds what has been done.
    #[error(transparent)]
    BatchUpload(Box<BatchUploadError>),

    /// A tool function failed, and the tools were set to stop the run in that case.
    #[error(transparent)]
    Tool(Box<ToolError>),

    /// A token provider failed, so the request could not be authenticated.
    #[error(transparent)]
    Token(Box<TokenError>),

    /// A file on this machine could not be read or written.
    #[error(transparent)]
    File(Box<FileError>),
}

// Every `Result` has its size, including those of the hot loop that reads streams.
const _: () = assert!(size_of::<Error>() <= 3 * size_of::<usize>());

impl Error {
    /// The HTTP status of the response, if there was one.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// let Err(error) = client.assistants().retrieve("asst_missing").send() else {
    ///     return Err("there is such an assistant".into());
    /// };
    /// assert_eq!(error.status(), Some(404));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Api(error) => error.status,
            Self::NotAStream(error) => Some(error.status),
            Self::BatchUpload(error) => error.source.status(),
            _ => None,
        }
    }

    /// The id under which the server logged the request, for its support. Every error that a response caused has it if the
    /// server sent one, including an error while the body was being read.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// let Err(error) = client.assistants().retrieve("asst_missing").send() else {
    ///     return Err("there is such an assistant".into());
    /// };
    /// eprintln!("{error}, request id {}", error.request_id().unwrap_or("unknown"));
    /// # assert!(error.request_id().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Api(error) => error.request_id.as_deref(),
            Self::Transport(error) => error.request_id.as_deref(),
            Self::Timeout(error) => error.request_id.as_deref(),
            Self::Decode(error) => error.request_id.as_deref(),
            Self::StreamTruncated(error) => error.request_id.as_deref(),
            Self::NotAStream(error) => error.request_id.as_deref(),
            Self::Stream(error) => error.request_id.as_deref(),
            Self::TooLarge(error) => error.request_id.as_deref(),
            Self::BatchUpload(error) => error.source.request_id(),
            _ => None,
        }
    }

    /// How long the server asked to wait before the next attempt, even if that was too long to wait for.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api(error) => error.retry_after,
            Self::BatchUpload(error) => error.source.retry_after(),
            _ => None,
        }
    }

    /// Whether a limit on time was reached.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Timeout(_) => true,
            Self::BatchUpload(error) => error.source.is_timeout(),
            _ => false,
        }
    }

    /// Whether the server rejected the credentials of the request.
    pub(crate) fn is_unauthenticated(&self) -> bool {
        matches!(self, Self::Api(error) if error.status == Some(401)
            || (error.status.is_some() && error.grpc_code() == Some("UNAUTHENTICATED")))
    }

    pub(crate) fn cancelled(what: impl Into<Box<str>>) -> Self {
        Self::Cancelled(what.into())
    }

    pub(crate) fn config(message: impl Into<Box<str>>) -> Self {
        Self::Config(message.into())
    }

    pub(crate) fn unsupported(message: impl Into<Box<str>>) -> Self {
        Self::Unsupported(message.into())
    }

    /// Notes that an earlier attempt of the same call was sent, so that `request_sent` covers the whole call.
    pub(crate) fn mark_request_sent(&mut self) {
        match self {
            Self::Transport(error) => error.request_sent = true,
            Self::Timeout(error) => error.request_sent = true,
            _ => {}
        }
    }

    /// Whether the server can have seen the request; false only when it cannot.
    pub(crate) fn request_sent(&self) -> bool {
        match self {
            Self::Transport(error) => error.request_sent,
            Self::Timeout(error) => error.request_sent,
            Self::Config(_) | Self::Unsupported(_) | Self::Token(_) => false,
            _ => true,
        }
    }
}

/// `From` for the boxed variants, so that `?` and `.into()` build them.
macro_rules! boxed {
    ($($variant:ident($type:ty)),* $(,)?) => {$(
        impl From<$type> for Error {
            fn from(error: $type) -> Self {
                Self::$variant(Box::new(error))
            }
        }
    )*};
}

boxed! {
    Api(ApiError),
    Transport(TransportError),
    Timeout(TimeoutError),
    Decode(DecodeError),
    StreamTruncated(StreamTruncatedError),
    NotAStream(NotAStreamError),
    Stream(StreamError),
    TooLarge(TooLargeError),
    RepeatedCursor(RepeatedCursorError),
    MissingCursor(MissingCursorError),
    Tool(ToolError),
    Token(TokenError),
    File(FileError),
    Operation(OperationFailedError),
    BatchUpload(BatchUploadError),
}

/// Files were uploaded, but not all of them were added to the vector store; the reason is behind
/// [`source`](std::error::Error::source).
///
/// Nothing is lost: [`done`](Self::done) has the uploaded files, the uploads that failed, and the batches that were created.
/// Another attempt can pass the ids to [`BatchUploadCall::file_ids`](crate::openai::BatchUploadCall::file_ids).
#[derive(Debug, thiserror::Error)]
#[error("{} of the files were uploaded, but not all were put into the vector store", .done.files.len())]
#[non_exhaustive]
pub struct BatchUploadError {
    /// What had been done by then.
    pub done: BatchUpload,
    pub(crate) source: Error,
}

/// The result of a [`BatchUploadCall`](crate::openai::BatchUploadCall).
///
/// It is part of an error and contains errors, so it is defined beside them.
#[derive(Debug)]
#[non_exhaustive]
pub struct BatchUpload {
    /// The batch when it ended; `None` if no file arrived.
    pub batch: Option<VectorStoreFileBatch>,
    /// The batches after the first, if there were more files than a batch may have.
    pub further_batches: Vec<VectorStoreFileBatch>,
    /// The files that arrived, in the order in which they were given.
    pub files: Vec<File>,
    /// The files that did not arrive, in the order in which they were given. They do not keep the others from arriving.
    pub failed: Vec<FailedUpload>,
}

/// A file that did not arrive.
#[derive(Debug)]
#[non_exhaustive]
pub struct FailedUpload {
    /// The file.
    pub source: FileSource,
    /// Why.
    pub error: Error,
}

impl fmt::Display for FailedUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source.name(), self.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;
    use std::io;

    #[test]
    fn the_cause_is_behind_the_message_not_in_it() {
        let source = io::Error::new(io::ErrorKind::ConnectionRefused, "nobody listens");
        let error: Error = TransportError {
            method: "GET",
            path: "/v1/models".into(),
            request_sent: false,
            request_id: None,
            source,
        }
        .into();
        assert_eq!(error.to_string(), "GET /v1/models: connecting failed");
        assert_eq!(error.source().unwrap().to_string(), "nobody listens");
    }

    #[test]
    fn is_send_and_sync() {
        fn check<T: Send + Sync + 'static>() {}
        check::<Error>();
    }
}
