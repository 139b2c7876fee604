//! Typed events out of a stream of bytes.

use std::fmt;
use std::io::{self, Read};

use super::delta_reader::DeltaReader;
use crate::error::{DecodeError, Error, Result};
use crate::openai::StreamEvent;
use crate::stream::event_source::{EventSource, Origin};
use crate::stream::sse::SseReader;

/// The name of a message delta, by far the most frequent event.
const MESSAGE_DELTA: &str = "thread.message.delta";

/// Reads the events of a run from any source of bytes: a response, a recording, a test.
///
/// An iterator; after an error it ends. Bytes that end before the event that ends a stream are an
/// [`Error::StreamTruncated`], an `error` event is an [`Error::Api`], an event of an unknown name is handed on.
///
/// ```
/// use assistants_blocking::Error;
/// use assistants_blocking::openai::EventReader;
///
/// let bytes = b"event: thread.created\ndata: {\"id\":\"thread_1\"}\n\nevent: done\ndata: [DONE]\n\n";
/// let events = EventReader::new(&bytes[..]).collect::<Result<Vec<_>, Error>>()?;
/// assert_eq!(events[0].name(), "thread.created");
/// assert!(matches!(EventReader::new(&bytes[..60]).last(), Some(Err(Error::StreamTruncated(_)))));
/// # Ok::<(), Error>(())
/// ```
#[must_use = "nothing is read until it is iterated"]
pub struct EventReader<R> {
    source: EventSource<R>,
    deltas: DeltaReader,
    text: String,
}

impl<R: Read> EventReader<R> {
    /// Reads from `source`, with the usual limits on the length of lines and events.
    pub fn new(source: R) -> Self {
        Self::of(EventSource::new(SseReader::new(source), Origin::bytes()))
    }

    pub(crate) fn of(source: EventSource<R>) -> Self {
        Self {
            source,
            deltas: DeltaReader::default(),
            text: String::new(),
        }
    }

    /// Whether the event that ends a stream was read.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.source.has_ended()
    }

    /// How many events were read, without the one that ends the stream.
    #[must_use]
    pub fn events_read(&self) -> u64 {
        self.source.events_read()
    }

    /// The `id` of the last event that had one; empty if there was none.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.source.last_event_id()
    }

    /// Continues with another source, which begins after the last event.
    pub(crate) fn continue_with(&mut self, source: EventSource<R>) {
        self.source = source;
    }

    pub(crate) fn origin(&self) -> &Origin {
        self.source.origin()
    }

    /// Takes the source: after the last event to reuse it, before that to abandon it.
    pub(crate) fn take_source(&mut self) -> Option<R> {
        self.source.take_source()
    }

    /// The rest of the stream, as a reader of its own; nothing is left here.
    pub(crate) fn split_off(&mut self) -> Self {
        Self {
            source: self.source.split_off(),
            deltas: DeltaReader::default(),
            text: String::new(),
        }
    }

    /// Continues a stream whose caller has dropped it.
    pub(crate) fn read_on(&mut self, prepare: impl FnOnce(&mut R)) {
        self.source.read_on(prepare);
    }

    /// The text of the event that [`read`](Self::read) took as text, or that was [kept](Self::keep_text).
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Keeps a text until the next event is read.
    pub(crate) fn keep_text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Reads one event. With `text_only` a message delta that has nothing but text is read into the text buffer, and the
    /// event is `None`.
    pub(crate) fn read(&mut self, text_only: bool) -> Option<Result<Option<StreamEvent>>> {
        let (deltas, text) = (&mut self.deltas, &mut self.text);
        self.source.next(|event, origin| {
            text.clear();
            let delta = event.name == MESSAGE_DELTA;
            if text_only && delta && deltas.read_text(event.data, text).is_some() {
                return Ok(None);
            }
            typed(event.name, event.data, deltas, origin).map(Some)
        })
    }

    pub(crate) fn truncated(&self, source: Option<io::Error>) -> Error {
        self.source.truncated(source)
    }
}

impl<R: Read> Iterator for EventReader<R> {
    type Item = Result<StreamEvent>;

    fn next(&mut self) -> Option<Result<StreamEvent>> {
        self.read(false)?.transpose()
    }
}

impl<R> fmt::Debug for EventReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventReader")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// The typed form of an event. An `error` event, and data that is nothing but an error, is an error.
fn typed(name: &str, data: &str, deltas: &mut DeltaReader, origin: &Origin) -> Result<StreamEvent> {
    let api_error = || origin.api_error(data);
    if name == "error" {
        return Err(api_error());
    }
    let parsed = match name {
        MESSAGE_DELTA => deltas.read(data).map(StreamEvent::MessageDelta),
        _ => StreamEvent::parse(name, data),
    };
    match parsed {
        // Gateways put errors into a stream without naming the event.
        Ok(StreamEvent::Unknown { data, .. })
            if name == "message" && data.get("error").is_some_and(|error| !error.is_null()) =>
        {
            Err(api_error())
        }
        Ok(event) => Ok(event),
        Err(error) => {
            let what = format!("{}: event `{name}`", origin.what());
            Err(
                DecodeError::locate(data.as_bytes(), error, &origin.secrets, what, |data| {
                    StreamEvent::deserialize_data(name, data)
                })
                .into(),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin {
            method: "POST",
            path: "/threads/t/runs".to_owned(),
            ..Origin::bytes()
        }
    }

    #[test]
    fn nested_and_flat_errors_are_the_same() {
        let origin = Origin {
            request_id: Some("req_1".to_owned()),
            ..origin()
        };
        let nested =
            r#"{"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded","param":null}}"#;
        let flat = r#"{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded","param":null}"#;
        for (name, data) in [("error", nested), ("error", flat), ("message", nested)] {
            let Err(Error::Api(error)) = typed(name, data, &mut DeltaReader::default(), &origin) else {
                panic!("{name} {data}")
            };
            assert_eq!(
                (error.status, error.code.as_deref()),
                (None, Some("rate_limit_exceeded"))
            );
            assert_eq!(
                (error.message.as_str(), error.request_id.as_deref()),
                ("slow down", Some("req_1"))
            );
        }
    }

    #[test]
    fn unknown_events_are_handed_on() {
        let event = typed(
            "thread.run.paused",
            r#"{"a":[1]}"#,
            &mut DeltaReader::default(),
            &origin(),
        )
        .unwrap();
        assert_eq!(event.name(), "thread.run.paused");
        assert_eq!(event.data().unwrap(), r#"{"a":[1]}"#);
    }

    #[test]
    fn a_payload_that_does_not_fit_names_event_and_place() {
        let data = r#"{"id":"msg_1","delta":{"content":[{"index":0,"type":"text","text":{"value":3}}]}}"#;
        let Err(Error::Decode(error)) = typed(MESSAGE_DELTA, data, &mut DeltaReader::default(), &origin()) else {
            panic!("it does not fit")
        };
        assert!(error.what.contains("thread.message.delta"), "{error}");
        assert_eq!(error.path, "delta.content[0].text.value");
    }
}
