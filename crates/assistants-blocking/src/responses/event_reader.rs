//! Bytes to the events of a response.

use std::fmt;
use std::io::Read;

use serde::Deserialize;

use super::ResponseEvent;
use crate::error::{DecodeError, Error, Result};
use crate::stream::event_source::{EventSource, Origin};
use crate::stream::sse::SseReader;

/// Reads the events of a response from any source of bytes: a response, a recording, a test.
///
/// An iterator; after the last event and after an error it ends. The last event is `response.completed`,
/// `response.incomplete` or `response.failed`; bytes that end before it are an
/// [`Error::StreamTruncated`](crate::Error::StreamTruncated). An `error` event is an
/// [`Error::Api`](crate::Error::Api), an event of an unknown type is returned as
/// [`ResponseEvent::Unknown`](super::ResponseEvent::Unknown).
///
/// ```
/// use assistants_blocking::Error;
/// use assistants_blocking::responses::ResponseEventReader;
///
/// let bytes = b"data: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}\n\n\
///     data: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\"}}\n\n";
/// let events = ResponseEventReader::new(&bytes[..]).collect::<Result<Vec<_>, Error>>()?;
/// assert_eq!(events[0].text_delta(), Some("Hi"));
/// assert!(matches!(ResponseEventReader::new(&bytes[..60]).last(), Some(Err(Error::StreamTruncated(_)))));
/// # Ok::<(), Error>(())
/// ```
#[must_use = "nothing is read until it is walked"]
pub struct ResponseEventReader<R> {
    source: EventSource<R>,
    ended: bool,
}

impl<R: Read> ResponseEventReader<R> {
    /// Reads from `source`, with the default limits on the length of lines and events.
    pub fn new(source: R) -> Self {
        Self::of(EventSource::new(SseReader::new(source), Origin::bytes()))
    }

    pub(super) fn of(source: EventSource<R>) -> Self {
        Self { source, ended: false }
    }

    /// Whether the last event was read.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn origin(&self) -> &Origin {
        self.source.origin()
    }

    pub(super) fn truncated(&self) -> Error {
        self.source.truncated(None)
    }

    pub(super) fn take_source(&mut self) -> Option<R> {
        self.source.take_source()
    }
}

impl<R: Read> Iterator for ResponseEventReader<R> {
    type Item = Result<ResponseEvent>;

    fn next(&mut self) -> Option<Result<ResponseEvent>> {
        if self.ended {
            return None;
        }
        match self.source.next(|event, origin| typed(event.name, event.data, origin)) {
            Some(Ok(event)) => {
                self.ended = event.is_last();
                Some(Ok(event))
            }
            // `[DONE]`, with which some servers end every stream, does not replace the last event.
            None if self.source.has_ended() && self.source.take_source().is_some() => Some(Err(self.truncated())),
            outcome => outcome,
        }
    }
}

impl<R> fmt::Debug for ResponseEventReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseEventReader")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// The event in the data. Servers also send errors there, with or without naming the event.
fn typed(name: &str, data: &str, origin: &Origin) -> Result<ResponseEvent> {
    if name == "error" {
        return Err(origin.api_error(data));
    }
    match serde_json::from_str::<ResponseEvent>(data) {
        Ok(ResponseEvent::Error(_)) => Err(origin.api_error(data)),
        Ok(ResponseEvent::Unknown(event)) if event.get("error").is_some_and(|error| !error.is_null()) => {
            Err(origin.api_error(data))
        }
        Ok(event) => Ok(event),
        Err(error) => {
            let what = format!("{}: event", origin.what());
            Err(
                DecodeError::locate(data.as_bytes(), error, &origin.secrets, what, |data| {
                    ResponseEvent::deserialize(data)
                })
                .into(),
            )
        }
    }
}
