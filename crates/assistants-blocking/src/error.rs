//! What can go wrong, in one type.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use assistants_types::openai::Run;
use serde::de::DeserializeOwned;
use serde_json::Value;
use time::OffsetDateTime;
use ureq::http::HeaderMap;

use crate::retry::{self, Hints};
use crate::secret::ApiKey;

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The cause of an error, whatever library it comes from.
type Source = Box<dyn StdError + Send + Sync>;

/// Every error of this crate.
///
/// What most programs ask has a method: [`status`](Self::status), [`request_id`](Self::request_id),
/// [`is_retryable`](Self::is_retryable), [`is_timeout`](Self::is_timeout), [`retry_after`](Self::retry_after). The
/// message says what was being done to what; the cause is behind [`source`](StdError::source) and not in the message.
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

    /// A stream broke the rules of its format, or a limit on its size.
    #[error(transparent)]
    Stream(Box<StreamError>),

    /// An answer that is larger than what is read into memory.
    #[error(transparent)]
    TooLarge(Box<TooLargeError>),

    /// The server answered one page cursor twice, so that the list would never end.
    #[error(transparent)]
    RepeatedCursor(Box<RepeatedCursorError>),

    /// A [`CancelToken`](crate::CancelToken) ended the call. Holds what was being done.
    #[error("{0}: cancelled")]
    Cancelled(Box<str>),

    /// Something that cannot be sent: a bad base URL, an empty id, a key with a line break. No request was made.
    #[error("{0}")]
    Config(Box<str>),

    /// Something this build or this server cannot do.
    #[error("{0}")]
    Unsupported(Box<str>),

    /// A run ended without completing. Holds the run: its status, its `last_error`, its `incomplete_details`.
    #[error("run {} of thread {}: {}", .0.id, .0.thread_id, why(.0))]
    RunFailed(Box<Run>),

    /// A run of Yandex' service ended with an error. Holds the run.
    #[error("run {} of thread {}: ended as `{}`{}", .0.id, .0.thread_id, .0.status(), why_yandex(.0))]
    YandexRunFailed(Box<assistants_types::yandex::Run>),

    /// Work on the server that went on after its call was answered has failed.
    #[error(transparent)]
    Operation(Box<OperationFailedError>),

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
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Api(error) => error.status,
            _ => None,
        }
    }

    /// The id under which the server logged the request, to be told to its support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Api(error) => error.request_id.as_deref(),
            _ => None,
        }
    }

    /// How long the server asked to wait before the next attempt, also where that was too long to be waited for.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api(error) => error.retry_after,
            _ => None,
        }
    }

    /// Whether the same request can succeed later without a change: a connection that failed, an attempt that took too
    /// long, an answer of 408, 409, 429 or 5xx. An exhausted quota and a wait above two minutes are not.
    ///
    /// Says nothing about safety: a write that is repeated may take effect twice. See
    /// [`TransportError::request_sent`].
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        retry::verdict(self).is_some()
    }

    /// Whether a limit on time was reached.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout(_))
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
    pub(crate) fn decode<T: DeserializeOwned>(json: &[u8], what: impl FnOnce() -> String) -> Result<T> {
        // The plain parser first: it is faster than the one that keeps track of where it is.
        serde_json::from_slice(json)
            .map_err(|error| DecodeError::locate(json, error, what(), |json| T::deserialize(json)).into())
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
    Stream(StreamError),
    TooLarge(TooLargeError),
    RepeatedCursor(RepeatedCursorError),
    Tool(ToolError),
    Token(TokenError),
    File(FileError),
    Operation(OperationFailedError),
}

/// An error that the server reported.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiError {
    /// The HTTP status; `None` for an `error` event in a stream, whose status line had already said 200.
    pub status: Option<u16>,
    /// The class of the error, for example `invalid_request_error`.
    pub type_: Option<String>,
    /// The code of the error, for example `rate_limit_exceeded`; a number as its digits.
    pub code: Option<String>,
    /// The parameter that was at fault.
    pub param: Option<String>,
    /// The server's words; where it had none, an excerpt of the body.
    pub message: String,
    /// The id under which the server logged the request.
    pub request_id: Option<String>,
    /// The id under which a Yandex client sent the request, to be told to the support together with the other one.
    pub client_request_id: Option<String>,
    /// How long the server asked to wait, from `retry-after-ms`, `retry-after`, or a `RetryInfo` in the body.
    pub retry_after: Option<Duration>,
    /// The body as it came, at most [`ApiError::MAX_BODY`] bytes of it, what is not UTF-8 replaced.
    pub body: String,
    /// The method of the request.
    pub method: &'static str,
    /// The path of the request, without the query.
    pub path: String,
    /// What we know about this answer beyond the server's words.
    pub hint: Option<&'static str>,
    /// What `x-should-retry` said.
    pub(crate) should_retry: Option<bool>,
}

impl ApiError {
    /// How much of an error body is kept: 64 KiB.
    pub const MAX_BODY: usize = 64 * 1024;

    /// The error an answer with a status of 400 or more stands for. `host` is where the answer came from.
    pub(crate) fn from_response(
        (method, path, host): (&'static str, &str, &str),
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Self {
        let hints = Hints::read(headers, OffsetDateTime::now_utc());
        let mut error = Self::from_body(method, path, body);
        error.status = Some(status);
        error.request_id = request_id(headers).or(error.request_id);
        error.retry_after = hints.retry_after.or(error.retry_after);
        error.should_retry = hints.should_retry;
        error.hint = hint(status, host, path);
        error
    }

    /// The error an `error` event of a stream stands for. Nested and flat data give the same.
    pub(crate) fn from_event(method: &'static str, path: &str, request_id: Option<String>, data: &str) -> Self {
        let said = Self::from_body(method, path, data.as_bytes());
        Self {
            request_id: request_id.or(said.request_id.clone()),
            ..said
        }
    }

    /// The name of the gRPC code that a service of Yandex answered, for example `NOT_FOUND` where
    /// [`code`](Self::code) is `5`.
    #[must_use]
    pub fn grpc_code(&self) -> Option<&'static str> {
        GRPC_CODES.get(self.code.as_ref()?.parse::<usize>().ok()?).copied()
    }

    /// Replaces `key` in what the server said: some servers quote the key they refuse. A key as short as a word of
    /// the message is no secret, and stays: replacing it would garble the message.
    pub(crate) fn redact(&mut self, key: &ApiKey) {
        const SHORTEST_SECRET: usize = 7;
        if key.expose().len() < SHORTEST_SECRET {
            return;
        }
        for text in [&mut self.message, &mut self.body] {
            if text.contains(key.expose()) {
                *text = text.replace(key.expose(), "***");
            }
        }
    }

    fn from_body(method: &'static str, path: &str, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let said = serde_json::from_slice(body)
            .ok()
            .and_then(|json: Value| Said::from_json(&json))
            .unwrap_or_default();
        Self {
            status: None,
            type_: said.type_,
            code: said.code,
            param: said.param,
            message: said.message.unwrap_or_else(|| excerpt(&text)),
            request_id: said.request_id,
            client_request_id: None,
            retry_after: said.retry_after,
            body: truncate(&text, Self::MAX_BODY).to_owned(),
            method,
            path: path.to_owned(),
            hint: None,
            should_retry: None,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.method, self.path)?;
        match self.status {
            Some(status) => write!(f, "the server answered {status}")?,
            None => f.write_str("the server sent an error in the stream")?,
        }
        if let Some(code) = self.code.as_ref().or(self.type_.as_ref()) {
            match self.grpc_code() {
                Some(name) => write!(f, " ({code} {name})")?,
                None => write!(f, " ({code})")?,
            }
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        if let Some(wait) = self.retry_after {
            write!(f, "; it asks to wait {wait:?}")?;
        }
        if let Some(id) = &self.client_request_id {
            write!(f, "; client request id {id}")?;
        }
        if let Some(hint) = self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl StdError for ApiError {}

/// What the body of an error says, in whichever of the usual shapes.
#[derive(Default)]
struct Said {
    message: Option<String>,
    type_: Option<String>,
    code: Option<String>,
    param: Option<String>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
}

impl Said {
    fn from_json(json: &Value) -> Option<Self> {
        match json {
            // `{"error": {…}}`: OpenAI and those who follow it, gateways of gRPC services.
            Value::Object(body) => match body.get("error") {
                Some(Value::Object(error)) => Some(Self::from_object(error)),
                // `{"error": "…"}`, also with the text beside it.
                Some(Value::String(error)) => {
                    let beside = Self::from_object(body);
                    let message = beside.message.or_else(|| Some(error.clone()));
                    Some(Self { message, ..beside })
                }
                _ => Some(Self::from_object(body)),
            },
            // Google's gateways put the object into a list.
            Value::Array(list) => list.first().filter(|first| first.is_object()).and_then(Self::from_json),
            Value::String(text) => Some(Self {
                message: Some(text.clone()),
                ..Self::default()
            }),
            _ => None,
        }
    }

    fn from_object(object: &serde_json::Map<String, Value>) -> Self {
        let text = |names: &[&str]| {
            names.iter().find_map(|name| match object.get(*name)? {
                Value::String(text) if !text.is_empty() => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            })
        };
        Self {
            message: text(&["message", "error_description", "detail"])
                .or_else(|| object.get("detail").and_then(detail))
                // `{"error": {"error": "…"}}`, in streams of Yandex.
                .or_else(|| text(&["error"])),
            type_: text(&["type"]),
            code: text(&["code", "grpcCode", "grpc_code"]),
            param: text(&["param"]),
            request_id: rpc_detail(object, "google.rpc.RequestInfo")
                .and_then(|info| info.get("requestId").or_else(|| info.get("request_id"))?.as_str())
                .map(str::to_owned),
            retry_after: rpc_detail(object, "google.rpc.RetryInfo")
                .and_then(|info| info.get("retryDelay").or_else(|| info.get("retry_delay"))?.as_str())
                .and_then(|delay| delay.strip_suffix('s')?.parse().ok())
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                .filter(|delay| !delay.is_zero()),
        }
    }
}

/// The entry of that type among the `details` of a `google.rpc.Status`.
fn rpc_detail<'j>(status: &'j serde_json::Map<String, Value>, type_: &str) -> Option<&'j Value> {
    status.get("details")?.as_array()?.iter().find(|detail| {
        let name = detail.get("@type").and_then(Value::as_str);
        name.is_some_and(|name| name.rsplit('/').next() == Some(type_))
    })
}

/// The names of gRPC's codes, each at its number.
const GRPC_CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The faults that `FastAPI` lists: `{"detail": [{"loc": ["body", "model"], "msg": "field required"}]}`.
fn detail(detail: &Value) -> Option<String> {
    let faults: Vec<String> = detail
        .as_array()?
        .iter()
        .filter_map(|fault| {
            let message = fault.get("msg")?.as_str()?;
            let place = fault
                .get("loc")
                .and_then(Value::as_array)
                .map(Vec::as_slice)
                .unwrap_or_default();
            let place: Vec<Cow<'_, str>> = place
                .iter()
                .map(|step| step.as_str().map_or_else(|| step.to_string().into(), Cow::from))
                .collect();
            Some(if place.is_empty() {
                message.to_owned()
            } else {
                format!("{}: {message}", place.join("."))
            })
        })
        .collect();
    (!faults.is_empty()).then(|| faults.join("; "))
}

/// The id an answer carries: OpenAI's header, or that of Azure's or Yandex's gateway.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    ["x-request-id", "apim-request-id", "x-server-trace-id"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok())
        .map(str::to_owned)
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
    run.error()
        .map_or_else(String::new, |error| format!(": {}", error.message))
}

fn hint(status: u16, host: &str, path: &str) -> Option<&'static str> {
    let gone = path
        .split('/')
        .any(|segment| segment == "assistants" || segment == "threads");
    (status == 404 && host.eq_ignore_ascii_case("api.openai.com") && gone).then_some(
        "the hosted Assistants API was switched off on 2026-08-26; OPENAI_BASE_URL takes the address of a compatible \
         server, for example assistants-local",
    )
}

/// The start of a text on one line, of an HTML page its title.
fn excerpt(text: &str) -> String {
    const LENGTH: usize = 200;
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title>").and_then(|start| {
        let start = start + "<title>".len();
        let end = start + lower[start..].find("</title>")?;
        Some(&text[start..end])
    });
    let mut words = String::new();
    for word in title.unwrap_or(truncate(text, 4 * LENGTH)).split_whitespace() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }
    if words.len() > LENGTH {
        words.truncate(truncate(&words, LENGTH).len());
        words.push('…');
    }
    words
}

/// At most `length` bytes, cut between characters.
fn truncate(text: &str, length: usize) -> &str {
    let mut end = length.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A request that got no complete answer.
#[derive(Debug, thiserror::Error)]
#[error("{method} {path}: {}", if *.request_sent { "the connection failed" } else { "connecting failed" })]
#[non_exhaustive]
pub struct TransportError {
    /// The method of the request.
    pub method: &'static str,
    /// The path of the request, without the query.
    pub path: String,
    /// `false`: no byte of the request left this machine, so a repeat cannot have an effect twice.
    pub request_sent: bool,
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
    /// `false`: no byte of the request left this machine, so a repeat cannot have an effect twice.
    pub request_sent: bool,
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
        let Self { what, after, .. } = self;
        match self.phase {
            TimeoutPhase::Connect => write!(f, "{what}: no connection within {after:?}"),
            TimeoutPhase::Attempt => write!(f, "{what}: no complete answer within {after:?}"),
            TimeoutPhase::Idle => write!(f, "{what}: the stream was silent for {after:?}"),
            TimeoutPhase::Deadline => write!(f, "{what}: not done by the deadline of {after:?}"),
            TimeoutPhase::Poll => write!(f, "{what}: not finished after polling for {after:?}"),
            TimeoutPhase::Tool => write!(f, "{what}: not done within {after:?}"),
        }
    }
}

impl StdError for TimeoutError {}

/// An answer or event that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{what}: unexpected json at `{path}`, near `{excerpt}`")]
#[non_exhaustive]
pub struct DecodeError {
    /// What was being read, for example `GET /assistants`.
    pub what: String,
    /// The place in the document, for example `data[3].created_at`; `.` is the whole.
    pub path: String,
    /// A few characters of the document around that place.
    pub excerpt: String,
    source: Source,
}

/// A JSON parser that knows where in the document it is.
type Tracked<'t, 'd, 'j> =
    serde_path_to_error::Deserializer<'t, 't, &'d mut serde_json::Deserializer<serde_json::de::SliceRead<'j>>>;

impl DecodeError {
    /// The error of an answer that holds secrets, of which nothing may be shown.
    pub(crate) fn hidden(what: String, path: &str) -> Self {
        Self {
            what,
            path: path.to_owned(),
            excerpt: "(not shown)".to_owned(),
            source: "missing or of another type".into(),
        }
    }

    /// Reads again, with `read`, over a parser that keeps track of the place.
    pub(crate) fn locate<T>(
        json: &[u8],
        error: serde_json::Error,
        what: String,
        read: impl FnOnce(Tracked<'_, '_, '_>) -> serde_json::Result<T>,
    ) -> Self {
        let mut document = serde_json::Deserializer::from_slice(json);
        let mut track = serde_path_to_error::Track::new();
        let (path, error) = match read(serde_path_to_error::Deserializer::new(&mut document, &mut track)) {
            Err(error) => (track.path().to_string(), error),
            // What was read is fine; something follows it.
            Ok(_) => (".".to_owned(), error),
        };
        let line_start = json
            .split_inclusive(|byte| *byte == b'\n')
            .take(error.line().saturating_sub(1));
        let at = line_start.map(<[u8]>::len).sum::<usize>() + error.column();
        let near = &json[at.saturating_sub(60).min(json.len())..(at + 20).min(json.len())];
        let excerpt = excerpt(String::from_utf8_lossy(near).trim_matches(char::REPLACEMENT_CHARACTER));
        Self {
            what,
            path,
            excerpt,
            source: error.into(),
        }
    }
}

/// A stream whose bytes ended early.
#[derive(Debug, thiserror::Error)]
#[error("{what}: the stream ended after {events} events, before the one that ends it")]
#[non_exhaustive]
pub struct StreamTruncatedError {
    /// What the stream was the answer to, for example `POST /threads/thread_1/runs`.
    pub what: String,
    /// How many events had arrived.
    pub events: u64,
    /// Why, where the connection broke instead of being closed in order.
    pub(crate) source: Option<io::Error>,
}

/// A stream that broke the rules of its format, or a limit.
#[derive(Debug, thiserror::Error)]
#[error("{}", .kind.says(*.line))]
#[non_exhaustive]
pub struct StreamError {
    /// The line of the stream, counted from 1.
    pub line: u64,
    /// What was wrong.
    pub kind: StreamErrorKind,
    source: Option<Source>,
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
    /// Something between two objects that is no JSON.
    InvalidJson,
    /// The reader underneath failed.
    Read,
}

impl StreamErrorKind {
    fn says(self, line: u64) -> String {
        match self {
            Self::LineTooLong { limit } => format!("line {line} of the stream is longer than {limit} bytes"),
            Self::EventTooLarge { limit } => {
                format!("line {line} of the stream takes its event above {limit} bytes of data")
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
            source: None,
        }
    }

    pub(crate) fn caused(line: u64, kind: StreamErrorKind, source: impl Into<Source>) -> Self {
        Self {
            line,
            kind,
            source: Some(source.into()),
        }
    }
}

/// An answer above the limit on what is read into memory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: the answer is larger than the limit of {limit} bytes")]
#[non_exhaustive]
pub struct TooLargeError {
    /// What was being read, for example `GET /files/file-1/content`.
    pub what: String,
    /// The limit, in bytes.
    pub limit: usize,
}

/// A list that would never end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: the server answered the page cursor `{cursor}` twice")]
#[non_exhaustive]
pub struct RepeatedCursorError {
    /// Which list, for example `GET /assistants`.
    pub what: String,
    /// The cursor.
    pub cursor: String,
}

/// Work on the server that has failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("operation {id}: {fault}")]
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

/// A tool function that failed.
#[derive(Debug, thiserror::Error)]
#[error("tool `{name}` failed")]
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

/// A file on this machine that could not be sent, or not be written.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {}", .kind.says())]
#[non_exhaustive]
pub struct FileError {
    /// The path of the file; for bytes and readers the name they were given.
    pub name: String,
    /// What was wrong.
    pub kind: FileErrorKind,
    pub(crate) source: Option<io::Error>,
}

/// What was wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileErrorKind {
    /// There is no such file.
    NotFound,
    /// It is a folder, or something else that has no bytes of its own.
    NotAFile,
    /// It has no bytes, which servers refuse.
    Empty,
    /// It ended early: it was cut while it was being sent, or a reader has less than it was said to have.
    Shrunk {
        /// The size that was announced, in bytes.
        expected: u64,
        /// How many bytes there were.
        found: u64,
    },
    /// Bytes of a reader were needed a second time, for another attempt, and a reader gives them only once.
    UsedUp,
    /// Reading failed.
    Read,
    /// Writing failed; nothing is left under the final name.
    Write,
}

impl FileErrorKind {
    fn says(self) -> String {
        match self {
            Self::NotFound => "there is no such file".to_owned(),
            Self::NotAFile => "is not a file".to_owned(),
            Self::Empty => "is empty, and empty files cannot be uploaded".to_owned(),
            Self::Shrunk { expected, found } => format!("ended after {found} of {expected} bytes"),
            Self::UsedUp => "the reader was used up, and its bytes cannot be sent again".to_owned(),
            Self::Read => "reading failed".to_owned(),
            Self::Write => "writing failed".to_owned(),
        }
    }
}

impl FileError {
    pub(crate) fn new(name: impl Into<String>, kind: FileErrorKind, source: Option<io::Error>) -> Self {
        Self {
            name: name.into(),
            kind,
            source,
        }
    }

    /// The failure of a system call on a file.
    pub(crate) fn caused(name: impl Into<String>, kind: FileErrorKind, source: io::Error) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::NotFound if kind == FileErrorKind::Read => FileErrorKind::NotFound,
            io::ErrorKind::IsADirectory => FileErrorKind::NotAFile,
            _ => kind,
        };
        Self::new(name, kind, Some(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;
    use ureq::http::HeaderValue;

    fn answer(status: u16, body: &str) -> ApiError {
        ApiError::from_response(
            ("GET", "/v1/files/f", "example.org"),
            status,
            &HeaderMap::new(),
            body.as_bytes(),
        )
    }

    #[test]
    fn reads_every_usual_error_body() {
        let long = format!("<html>{}</html>", "many words ".repeat(100));
        for (body, message, type_, code, param) in [
            (
                r#"{"error":{"message":"No such thing","type":"invalid_request_error","param":"model","code":"gone"}}"#,
                "No such thing",
                "invalid_request_error",
                "gone",
                "model",
            ),
            (
                r#"{"error":{"message":"No such thing","type":"x","param":null,"code":null}}"#,
                "No such thing",
                "x",
                "",
                "",
            ),
            (r#"{"error":{"message":"m","code":404}}"#, "m", "", "404", ""),
            (r#"{"error":"text"}"#, "text", "", "", ""),
            (r#"{"error":{"error":"text"}}"#, "text", "", "", ""),
            (
                r#"{"error":"Not Found","message":"no route","status":404}"#,
                "no route",
                "",
                "",
                "",
            ),
            (
                r#"{"error":"invalid_grant","error_description":"expired"}"#,
                "expired",
                "",
                "",
                "",
            ),
            (r#"{"message":"text","code":16,"details":[]}"#, "text", "", "16", ""),
            (
                r#"{"error":{"grpcCode":3,"httpCode":400,"message":"bad","httpStatus":"Bad Request"}}"#,
                "bad",
                "",
                "3",
                "",
            ),
            (r#"{"detail":"text"}"#, "text", "", "", ""),
            (
                r#"{"detail":[{"loc":["body","tools",0],"msg":"field required","type":"missing"},{"msg":"and more"}]}"#,
                "body.tools.0: field required; and more",
                "",
                "",
                "",
            ),
            (r#"[{"error":{"message":"listed"}}]"#, "listed", "", "", ""),
            (r#""just text""#, "just text", "", "", ""),
            (r#"{"unknown": true}"#, r#"{"unknown": true}"#, "", "", ""),
            (
                "upstream connect error\n  reset\n",
                "upstream connect error reset",
                "",
                "",
                "",
            ),
            (
                "<html><head><TITLE>502 Bad\nGateway</TITLE></head><body>x</body></html>",
                "502 Bad Gateway",
                "",
                "",
                "",
            ),
            ("", "", "", "", ""),
            ("null", "null", "", "", ""),
        ] {
            let error = answer(400, body);
            let text = |field: &Option<String>| field.clone().unwrap_or_default();
            let got = (
                error.message.as_str(),
                text(&error.type_),
                text(&error.code),
                text(&error.param),
            );
            assert_eq!(got, (message, type_.into(), code.into(), param.into()), "{body}");
            assert_eq!(error.body, body);
        }
        let message = answer(502, &long).message;
        assert!(
            message.starts_with("<html>many words many") && message.ends_with('…') && message.len() <= 203,
            "{message}"
        );
    }

    #[test]
    fn nested_and_flat_error_events_are_the_same_error() {
        let nested = r#"{"error":{"message":"m","type":"server_error","code":"c","param":null}}"#;
        let flat = r#"{"message":"m","type":"server_error","code":"c","param":null}"#;
        let [nested, flat] = [nested, flat].map(|data| ApiError {
            body: String::new(),
            ..ApiError::from_event("POST", "/threads/runs", None, data)
        });
        assert_eq!(nested, flat);
        assert_eq!(
            flat.to_string(),
            "POST /threads/runs: the server sent an error in the stream (c): m"
        );
        assert_eq!(Error::from(flat).status(), None);
    }

    #[test]
    fn bounds_the_body_and_survives_any_bytes() {
        let error = answer(500, &"é".repeat(ApiError::MAX_BODY));
        assert_eq!(error.body.len(), ApiError::MAX_BODY);
        let error = ApiError::from_response(("GET", "/", "h"), 500, &HeaderMap::new(), b"a\xff\xfeb");
        assert_eq!(error.body, "a\u{fffd}\u{fffd}b");
    }

    #[test]
    fn keeps_what_support_asks_for() {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", HeaderValue::from_static("req_1"));
        headers.insert("retry-after", HeaderValue::from_static("3"));
        let body = r#"{"error":{"message":"Slow down","type":"rate_limit_error","code":null}}"#;
        let error: Error = ApiError::from_response(("POST", "/v1/threads", "h"), 429, &headers, body.as_bytes()).into();
        assert_eq!((error.status(), error.request_id()), (Some(429), Some("req_1")));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
        assert_eq!(
            error.to_string(),
            "POST /v1/threads: the server answered 429 (rate_limit_error): Slow down; it asks to wait 3s"
        );
        assert!(StdError::source(&error).is_none());
    }

    #[test]
    fn hints_at_the_end_of_the_hosted_service() {
        let error = |status, host, path| ApiError::from_response(("GET", path, host), status, &HeaderMap::new(), b"");
        assert!(
            error(404, "api.openai.com", "/v1/threads/t")
                .to_string()
                .contains("switched off on 2026-08-26")
        );
        assert!(error(404, "API.OpenAI.com", "/v1/assistants").hint.is_some());
        assert!(error(404, "api.openai.com", "/v1/files/f").hint.is_none());
        assert!(error(401, "api.openai.com", "/v1/assistants").hint.is_none());
        assert!(error(404, "127.0.0.1", "/v1/assistants").hint.is_none());
    }

    #[test]
    fn a_key_that_the_server_quotes_is_taken_out() {
        let mut error = answer(401, r#"{"error":{"message":"Incorrect API key provided: sk-hush."}}"#);
        error.redact(&ApiKey::new("sk-hush").unwrap());
        assert_eq!(error.message, "Incorrect API key provided: ***.");
        assert!(!format!("{error:?}").contains("sk-hush"));
    }

    #[derive(Debug, Deserialize)]
    struct Page {
        #[expect(dead_code, reason = "only its reading is tested")]
        data: Vec<BTreeMap<String, i64>>,
    }

    #[test]
    fn a_decode_error_names_the_place() {
        let json = "{\"data\":[{\"a\":1},\n{\"a\":2,\"created_at\":\"soon\"}]}";
        let error = Error::decode::<Page>(json.as_bytes(), || "GET /assistants".to_owned()).unwrap_err();
        let Error::Decode(error) = error else {
            panic!("{error:?}")
        };
        assert_eq!(error.path, "data[1].created_at");
        assert!(error.excerpt.contains("\"created_at\":\"soon\""), "{}", error.excerpt);
        assert!(
            error
                .to_string()
                .starts_with("GET /assistants: unexpected json at `data[1].created_at`, near `")
        );
        assert!(
            StdError::source(&error)
                .unwrap()
                .to_string()
                .contains("invalid type: string")
        );
    }

    #[test]
    fn decode_errors_of_broken_documents_have_a_place_too() {
        for (json, path) in [
            ("", "."),
            ("<html>", "."),
            ("{\"data\":[", "data"),
            ("{\"data\":[]} x", "."),
            ("{\"data\":[{\"é\":é", "data[0]"),
        ] {
            let error = Error::decode::<Page>(json.as_bytes(), || "GET /x".to_owned()).unwrap_err();
            let Error::Decode(error) = error else {
                panic!("{error:?}")
            };
            assert!(error.path.starts_with(path), "{json}: {}", error.path);
        }
    }

    #[test]
    fn survives_the_way_through_an_io_error() {
        let timeout = TimeoutError {
            phase: TimeoutPhase::Idle,
            after: Duration::from_secs(30),
            what: "POST /threads/t/runs".into(),
            request_sent: true,
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
