//! From bytes to the chunks of a chat completion.

use std::fmt;
use std::io::Read;

use serde::Deserialize;

use super::ChatCompletionChunk;
use crate::error::{DecodeError, Error, Result};
use crate::stream::event_source::{EventSource, Origin};
use crate::stream::sse::SseReader;

/// Reads the chunks of a chat completion from any source of bytes: a response, a recording, a test.
///
/// An iterator; after an error it ends. Bytes that end before `[DONE]` are an
/// [`Error::StreamTruncated`](crate::Error::StreamTruncated), data with an `error` is an
/// [`Error::Api`](crate::Error::Api).
///
/// ```
/// use assistants_blocking::Error;
/// use assistants_blocking::chat::ChunkReader;
///
/// let bytes = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: [DONE]\n\n";
/// let chunks = ChunkReader::new(&bytes[..]).collect::<Result<Vec<_>, Error>>()?;
/// assert_eq!(chunks[0].text(), "Hi");
/// assert!(matches!(ChunkReader::new(&bytes[..60]).last(), Some(Err(Error::StreamTruncated(_)))));
/// # Ok::<(), Error>(())
/// ```
#[must_use = "nothing is read until it is walked"]
pub struct ChunkReader<R> {
    source: EventSource<R>,
}

impl<R: Read> ChunkReader<R> {
    /// Reads from `source`, with the default limits on the length of lines and events.
    pub fn new(source: R) -> Self {
        Self::of(EventSource::new(SseReader::new(source), Origin::bytes()))
    }

    pub(super) fn of(source: EventSource<R>) -> Self {
        Self { source }
    }

    /// Whether `[DONE]` was read.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.source.has_ended()
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

impl<R: Read> Iterator for ChunkReader<R> {
    type Item = Result<ChatCompletionChunk>;

    fn next(&mut self) -> Option<Result<ChatCompletionChunk>> {
        self.source.next(|event, origin| typed(event.name, event.data, origin))
    }
}

impl<R> fmt::Debug for ChunkReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkReader")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// The chunk in the data of an event. Servers also send errors there, with or without naming the event.
fn typed(name: &str, data: &str, origin: &Origin) -> Result<ChatCompletionChunk> {
    if name == "error" {
        return Err(origin.api_error(data));
    }
    match serde_json::from_str::<ChatCompletionChunk>(data) {
        Ok(chunk) if chunk.extra.get("error").is_some_and(|error| !error.is_null()) => Err(origin.api_error(data)),
        Ok(chunk) => Ok(chunk),
        Err(error) => {
            let what = format!("{}: chunk", origin.what());
            Err(
                DecodeError::locate(data.as_bytes(), error, &origin.secrets, what, |data| {
                    ChatCompletionChunk::deserialize(data)
                })
                .into(),
            )
        }
    }
}
