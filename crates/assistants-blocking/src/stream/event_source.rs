//! Bytes to events of any meaning, and the rules for the end of a stream.

use std::fmt;
use std::io::{self, Read};

use ureq::http::header::CONTENT_TYPE;

use crate::auth::secrets::Secrets;
use crate::call::request::Request;
use crate::error::{ApiError, Error, NotAStreamError, Result, StreamTruncatedError, excerpt};
use crate::http::incoming::Response;
use crate::stream::sse::{Event, SseReader};

/// Reads events up to the one that ends a stream, named `done` or with the data `[DONE]`. Bytes that end before it are an
/// [`Error::StreamTruncated`]. After an error the stream ends.
pub(crate) struct EventSource<R> {
    /// `None` when there is nothing more to read.
    events: Option<SseReader<R>>,
    origin: Origin,
    /// The last id of a stream that was closed, or that this one continues.
    last_id: String,
    seen: u64,
    ended: bool,
    failed: bool,
}

/// The request that the stream is the response to, for messages.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) request_id: Option<String>,
    /// What nothing about the stream may show.
    pub(crate) secrets: Secrets,
    /// The status and the media type, if there is a response.
    pub(crate) response: Option<(u16, Option<String>)>,
}

impl Origin {
    /// For bytes that are not a response.
    pub(crate) fn bytes() -> Self {
        Self {
            method: "GET",
            path: "(bytes)".to_owned(),
            request_id: None,
            secrets: Secrets::default(),
            response: None,
        }
    }

    /// For a request that is about to be sent.
    pub(crate) fn before(request: &Request) -> Result<Self> {
        Ok(Self {
            method: request.method,
            path: request.path()?.to_owned(),
            ..Self::bytes()
        })
    }

    /// For the response to a request.
    pub(crate) fn of(request: &Request, response: &Response) -> Result<Self> {
        let secrets = response.secrets().clone();
        let content_type = response.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Ok(Self {
            response: Some((response.status, content_type.map(str::to_owned))),
            request_id: response.request_id().map(|id| secrets.redact(&id).into_owned()),
            secrets,
            ..Self::before(request)?
        })
    }

    pub(crate) fn what(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The error as the stream returns it.
    pub(crate) fn error(&self, error: Error) -> Error {
        error.of_response(self.request_id.as_deref(), &self.secrets)
    }

    /// The error of a stream that ended early, after this number of events.
    pub(crate) fn truncated(&self, events: u64, source: Option<io::Error>) -> Error {
        StreamTruncatedError {
            what: self.what(),
            events,
            request_id: self.request_id.clone(),
            source,
        }
        .into()
    }

    /// The error of a response without events that begins like this; `None` if it looks like a stream.
    pub(crate) fn not_a_stream(&self, head: &[u8]) -> Option<Error> {
        let (status, content_type) = self.response.clone().filter(|_| !begins_stream(head))?;
        let error = NotAStreamError {
            what: self.what(),
            status,
            content_type,
            request_id: self.request_id.clone(),
            excerpt: excerpt(&String::from_utf8_lossy(head)),
        };
        Some(error.into())
    }

    /// The error in the data of an event.
    pub(crate) fn api_error(&self, data: &str) -> Error {
        ApiError::from_event(self.method, &self.path, self.request_id.clone(), data, &self.secrets).into()
    }
}

impl<R: Read> EventSource<R> {
    pub(crate) fn new(events: SseReader<R>, origin: Origin) -> Self {
        Self {
            events: Some(events),
            origin,
            last_id: String::new(),
            seen: 0,
            ended: false,
            failed: false,
        }
    }

    /// Whether the event that ends a stream was read.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// The number of events that were read, without the one that ends the stream.
    pub(crate) fn events_read(&self) -> u64 {
        self.seen
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The `id` of the last event that had one; empty if there was none.
    pub(crate) fn last_event_id(&self) -> &str {
        let id = self.events.as_ref().map_or("", SseReader::last_event_id);
        if id.is_empty() { &self.last_id } else { id }
    }

    /// Continues another stream, whose last event had this id.
    pub(crate) fn after(mut self, id: String) -> Self {
        self.last_id = id;
        self
    }

    /// Closes the stream. Its last id is kept.
    fn close(&mut self) -> Option<SseReader<R>> {
        let events = self.events.take()?;
        if !events.last_event_id().is_empty() {
            events.last_event_id().clone_into(&mut self.last_id);
        }
        Some(events)
    }

    /// Takes the source: after the last event to reuse it, before that to abandon it.
    pub(crate) fn take_source(&mut self) -> Option<R> {
        self.close().map(SseReader::into_inner)
    }

    /// Reads one event and converts it with `read`; `None` at the end.
    pub(crate) fn next<T>(&mut self, read: impl FnOnce(Event<'_>, &Origin) -> Result<T>) -> Option<Result<T>> {
        let reader = self.events.as_mut().filter(|_| !self.ended && !self.failed)?;
        let outcome = match reader.next_event() {
            // Servers differ in the data of the event that is named `done`.
            Ok(Some(event)) if event.data.starts_with("[DONE]") || event.name == "done" => {
                self.ended = true;
                return None;
            }
            Ok(Some(event)) => {
                self.seen += 1;
                read(event, &self.origin)
            }
            Ok(None) => {
                let nothing = self.seen == 0;
                let other = nothing.then(|| self.origin.not_a_stream(reader.head())).flatten();
                Err(other.unwrap_or_else(|| self.truncated(None)))
            }
            Err(Error::Transport(error)) => Err(self.truncated(Some((*error).into_source()))),
            Err(error) => Err(error),
        };
        let outcome = outcome.map_err(|error| self.origin.error(error));
        if let Err(error) = &outcome {
            self.failed = true;
            // The wait has ended, but the connection is intact, so a clean-up can continue to read.
            if !matches!(error, Error::Cancelled(_) | Error::Timeout(_)) {
                drop(self.close());
            }
        }
        Some(outcome)
    }

    /// Moves the rest of the stream to a source of its own.
    pub(crate) fn split_off(&mut self) -> Self {
        Self {
            events: self.close(),
            origin: self.origin.clone(),
            last_id: self.last_id.clone(),
            ..*self
        }
    }

    /// Resumes a stream after a wait that ended early.
    pub(crate) fn read_on(&mut self, prepare: impl FnOnce(&mut R)) {
        self.failed = false;
        if let Some(events) = &mut self.events {
            prepare(events.get_mut());
        }
    }

    pub(crate) fn truncated(&self, source: Option<io::Error>) -> Error {
        self.origin.truncated(self.seen, source)
    }
}

/// Whether the first bytes of a response can be those of server-sent events. Lines with other names are allowed in such a
/// stream, but no server sends them first.
fn begins_stream(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    let names: [&[u8]; 5] = [b"event", b"data", b"id", b"retry", b":"];
    !head.is_empty()
        && names
            .iter()
            .any(|name| head.starts_with(name) || name.starts_with(head))
}

impl<R> fmt::Debug for EventSource<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSource")
            .field("origin", &self.origin)
            .field("seen", &self.seen)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
