//! What can go wrong, in one type.

mod api;
mod decode;
mod file;
mod redaction;
mod stream;
pub(crate) mod text;
mod transport;

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use assistants_types::openai::Run;

use crate::openai::BatchUpload;
use serde::de::DeserializeOwned;

use crate::auth::secret::Secrets;
use crate::http::retry;
use text::Printable;

pub use api::ApiError;
pub(crate) use api::{excerpt, request_id};
pub use decode::DecodeError;
pub use file::{FileError, FileErrorKind};
pub use stream::{NotAStreamError, StreamError, StreamErrorKind, StreamTruncatedError};
pub use transport::{TimeoutError, TimeoutPhase, TooLargeError, TransportError};

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The cause of an error, whatever library it comes from.
type Source = Box<dyn StdError + Send + Sync>;

/// Every error of this crate.
///
/// The chapter [Errors and retries](crate::guide::errors) lists when each variant is returned.
///
/// What most programs ask has a method: [`status`](Self::status), [`request_id`](Self::request_id),
/// [`is_retryable`](Self::is_retryable), [`is_timeout`](Self::is_timeout), [`retry_after`](Self::retry_after). The
/// message says what was being done to what; the cause is behind [`source`](StdError::source) and not in the message.
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
    /// The server answered with an error, by a status or by an `error` event in a stream.
    #[error(transparent)]
    Api(Box<ApiError>),

    /// No complete answer: connecting, sending or receiving failed.
    #[error(transparent)]
    Transport(Box<TransportError>),

    /// A limit on time was reached.
    #[error(transparent)]
    Timeout(Box<TimeoutError>),

    /// An answer or event that is not what the protocol says.
    #[error(transparent)]
    Decode(Box<DecodeError>),

    /// A stream ended before the event that ends it.
    #[error(transparent)]
    StreamTruncated(Box<StreamTruncatedError>),

    /// The server answered a request for a stream with success, but not with a stream.
    #[error(transparent)]
    NotAStream(Box<NotAStreamError>),

    /// A stream broke the rules of its format, or a limit on its size.
    #[error(transparent)]
    Stream(Box<StreamError>),

    /// An answer that is larger than what is read into memory.
    #[error(transparent)]
    TooLarge(Box<TooLargeError>),

    /// The server answered one page cursor twice, so that the list would never end.
    #[error(transparent)]
    RepeatedCursor(Box<RepeatedCursorError>),

    /// The server said that a list goes on behind a page, but not where.
    #[error(transparent)]
    MissingCursor(Box<MissingCursorError>),

    /// A [`CancelToken`](crate::CancelToken) ended the call. Holds what was being done.
    #[error("{}: cancelled", Printable(.0))]
    Cancelled(Box<str>),

    /// Something that cannot be sent: a bad base URL, an empty id, a key with a line break. No request was made.
    #[error("{}", Printable(.0))]
    Config(Box<str>),

    /// Something this build or this server cannot do.
    #[error("{}", Printable(.0))]
    Unsupported(Box<str>),

    /// A run ended without completing. Holds the run: its status, its `last_error`, its `incomplete_details`.
    #[error("{}", Printable(&format!("run {} of thread {}: {}", .0.id, .0.thread_id, why(.0))))]
    RunFailed(Box<Run>),

    /// A run of Yandex' service ended with an error. Holds the run.
    #[error("{}", Printable(&format!("run {} of thread {}: {}", .0.id, .0.thread_id, why_yandex(.0))))]
    YandexRunFailed(Box<assistants_types::yandex::Run>),

    /// Work on the server that went on after its call was answered has failed.
    #[error(transparent)]
    Operation(Box<OperationFailedError>),

    /// Files were uploaded, but putting them into the vector store failed. Holds what has been done.
    #[error(transparent)]
    BatchUpload(Box<BatchUploadError>),

    /// A tool function failed, and the tools were set to stop the run then.
    #[error(transparent)]
    Tool(Box<ToolError>),

    /// A token provider failed, so that there was nothing to prove the request with.
    #[error(transparent)]
    Token(Box<TokenError>),

    /// A file on this machine could not be read or written.
    #[error(transparent)]
    File(Box<FileError>),
}

// It travels in every `Result`, also in those of the reader's hot loop.
const _: () = assert!(size_of::<Error>() <= 3 * size_of::<usize>());

impl Error {
    /// The HTTP status of the answer, where there was one.
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

    /// The id under which the server logged the request, to be given to its support. Every error that a response gave
    /// has it, also one that came while its body was being read, if the server sent one.
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

    /// Where the id of the request is kept, in errors that can have one of their own.
    fn request_id_mut(&mut self) -> Option<&mut Option<String>> {
        Some(match self {
            Self::Api(error) => &mut error.request_id,
            Self::Transport(error) => &mut error.request_id,
            Self::Timeout(error) => &mut error.request_id,
            Self::Decode(error) => &mut error.request_id,
            Self::StreamTruncated(error) => &mut error.request_id,
            Self::NotAStream(error) => &mut error.request_id,
            Self::Stream(error) => &mut error.request_id,
            Self::TooLarge(error) => &mut error.request_id,
            _ => return None,
        })
    }

    /// The error of a response: notes under which id the server logged the request, unless the error knows it already,
    /// and hides the secrets of the call.
    pub(crate) fn of_response(mut self, id: Option<&str>, secrets: &Secrets) -> Self {
        if let Some(known @ None) = self.request_id_mut() {
            *known = id.map(str::to_owned);
        }
        self.redact(secrets)
    }

    /// How long the server asked to wait before the next attempt, also where that was too long to be waited for.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api(error) => error.retry_after,
            Self::BatchUpload(error) => error.source.retry_after(),
            _ => None,
        }
    }

    /// Whether the same request can succeed later without a change: a connection that failed, an attempt that took too
    /// long, an answer of 408, 409, 429 or 5xx. An exhausted quota and a wait above two minutes are not.
    ///
    /// Says nothing about safety: a write that is repeated may take effect twice. See
    /// [`TransportError::request_sent`].
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use assistants_blocking::chat::{ChatMessage, CreateChatCompletion};
    ///
    /// // The scripted model of the local server fails on request.
    /// let params = CreateChatCompletion::new("scripted", [ChatMessage::user("fail rate_limit_exceeded")]);
    /// let outcome = client.chat().create(params).max_retries(0).send();
    /// assert!(outcome.is_err_and(|error| error.is_retryable()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        retry::verdict(self).is_some()
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

    /// Whether the server did not take what the request proved itself with.
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

    /// Notes that an earlier attempt of the same call was sent, so that `request_sent` speaks for the whole call.
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

    /// The error of a failed read: what our transport wrapped into the `io::Error`, else a stream error.
    pub(crate) fn from_stream_read(error: io::Error, line: u64) -> Self {
        match error.downcast::<Self>() {
            Ok(ours) => ours,
            Err(error) => StreamError::caused(line, StreamErrorKind::Read, error).into(),
        }
    }

    /// The error as a reader must return it; `from_stream_read` gets it back.
    pub(crate) fn into_io(self) -> io::Error {
        let kind = match &self {
            Self::Timeout(_) => io::ErrorKind::TimedOut,
            // `Interrupted` would make a caller's `read_to_end` try again.
            Self::Transport(error) if error.source.kind() != io::ErrorKind::Interrupted => error.source.kind(),
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, self)
    }

    /// Reads `json` as a `T`; a failure names the place in the document.
    ///
    /// `what` says what was being read, for example ``POST /threads``.
    pub(crate) fn decode<T: DeserializeOwned>(
        json: &[u8],
        secrets: &Secrets,
        what: impl FnOnce() -> String,
    ) -> Result<T> {
        // The plain parser first: it is faster than the one that keeps track of where it is.
        serde_json::from_slice(json)
            .map_err(|error| DecodeError::locate(json, error, secrets, what(), |json| T::deserialize(json)))
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

/// Why a run did not complete, in words.
fn why(run: &Run) -> String {
    let mut why = format!("ended as `{}`", run.status);
    if let Some(error) = &run.last_error {
        why += &format!(" ({}): {}", error.code, error.message);
    } else if let Some(reason) = run
        .incomplete_details
        .as_ref()
        .and_then(|details| details.reason.as_ref())
    {
        why += &format!(" ({reason})");
    }
    why
}

/// The same for a run of Yandex.
fn why_yandex(run: &assistants_types::yandex::Run) -> String {
    let error = run.error();
    let message = error.map_or_else(String::new, |error| format!(": {}", error.message));
    format!("ended as `{}`{message}", run.status())
}

/// A list that would never end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: the server answered the page cursor `{}` twice", Printable(.cursor))]
#[non_exhaustive]
pub struct RepeatedCursorError {
    /// Which list, for example `GET /assistants`.
    pub what: String,
    /// The cursor.
    pub cursor: String,
}

/// A page with `has_more` that names nothing to go on behind: it has no items and no `last_id`. Ending the list there would
/// lose what follows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: the server says that more follows a page, but not where")]
#[non_exhaustive]
pub struct MissingCursorError {
    /// Which list, for example `GET /assistants`.
    pub what: String,
}

/// Work on the server that has failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("operation {}: {}", Printable(.id), Printable(.fault))]
#[non_exhaustive]
pub struct OperationFailedError {
    /// The operation.
    pub id: String,
    /// The gRPC code, 0 where the server gave none.
    pub code: i32,
    /// Why it failed.
    pub fault: String,
}

impl OperationFailedError {
    pub(crate) fn new(id: &str, code: i32, fault: impl Into<String>) -> Self {
        Self {
            id: id.to_owned(),
            code,
            fault: fault.into(),
        }
    }
}

/// Files that arrived and were not all put into the vector store; why is behind [`source`](StdError::source).
///
/// Nothing is lost: [`done`](Self::done) has the uploaded files, the uploads that failed, and the batches that were made.
/// The ids go into another attempt by
/// [`BatchUploadCall::file_ids`](crate::openai::BatchUploadCall::file_ids).
#[derive(Debug, thiserror::Error)]
#[error("{} of the files were uploaded, but not all were put into the vector store", .done.files.len())]
#[non_exhaustive]
pub struct BatchUploadError {
    /// What had been done.
    pub done: BatchUpload,
    pub(crate) source: Error,
}

/// A tool function that failed.
#[derive(Debug, thiserror::Error)]
#[error("tool `{}` failed", Printable(.name))]
#[non_exhaustive]
pub struct ToolError {
    /// The name of the function.
    pub name: String,
    pub(crate) source: Source,
}

impl ToolError {
    pub(crate) fn new(name: &str, source: impl Into<Source>) -> Self {
        Self {
            name: name.to_owned(),
            source: source.into(),
        }
    }
}

/// A token provider that failed; why is behind [`source`](StdError::source).
#[derive(Clone, Debug, thiserror::Error)]
#[error("the token provider failed")]
#[non_exhaustive]
pub struct TokenError {
    /// Shared, because all calls that waited for the token fail together.
    pub(crate) source: Arc<dyn StdError + Send + Sync>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_way_through_an_io_error() {
        let timeout = TimeoutError {
            phase: TimeoutPhase::Idle,
            after: Duration::from_secs(30),
            what: "POST /threads/t/runs".into(),
            request_sent: true,
            request_id: None,
        };
        let io = Error::from(timeout.clone()).into_io();
        assert_eq!(io.kind(), io::ErrorKind::TimedOut);
        let Error::Timeout(back) = Error::from_stream_read(io, 7) else {
            panic!("another error came back")
        };
        assert_eq!(*back, timeout);
        assert_eq!(back.to_string(), "POST /threads/t/runs: the stream was silent for 30s");
        let source = io::Error::from(io::ErrorKind::Interrupted);
        let broken = TransportError {
            method: "GET",
            path: "/x".into(),
            request_sent: true,
            request_id: None,
            source,
        };
        assert_eq!(Error::from(broken).into_io().kind(), io::ErrorKind::Other);
    }

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
        assert_eq!(StdError::source(&error).unwrap().to_string(), "nobody listens");
    }

    #[test]
    fn is_send_and_sync() {
        fn check<T: Send + Sync + 'static>() {}
        check::<Error>();
    }
}
