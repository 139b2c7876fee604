//! Streamed chat completions.

use std::fmt;

use super::{ChatAccumulator, ChatCompletion, ChatCompletionChunk, ChatPartial, ChunkReader};
use crate::Call;
use crate::call::options::{Options, option_setters};
use crate::error::Result;
use crate::http::incoming::Incoming;
use crate::stream::open::open_events;

/// A chat completion that will be streamed.
#[must_use = "a call does nothing until `send`"]
#[derive(Debug)]
pub struct ChatStreamCall {
    call: Call<ChatCompletion>,
    options: Options,
    answer: ChatAccumulator,
}

impl ChatStreamCall {
    pub(crate) fn new(mut call: Call<ChatCompletion>) -> Self {
        let options = std::mem::take(&mut call.options);
        call.request = call.request.streamed();
        Self {
            call,
            options,
            answer: ChatAccumulator::new(),
        }
    }

    /// Lets `answer` put the chunks together.
    pub(crate) fn accumulate_with(self, answer: ChatAccumulator) -> Self {
        Self { answer, ..self }
    }

    option_setters!();

    /// Sends the request; returns when the answer begins.
    ///
    /// # Errors
    ///
    /// As [`Call::send`].
    pub fn send(self) -> Result<ChatStream> {
        let events = open_events(&self.call.endpoint, &self.call.request, &self.options)?;
        Ok(ChatStream {
            chunks: ChunkReader::of(events),
            answer: self.answer,
        })
    }
}

/// The chunks of a chat completion, as they arrive.
///
/// See also the chapter [Streaming](crate::guide::streaming).
///
/// An iterator of [`ChatCompletionChunk`]s; after an error it ends. While it is read it puts the chunks together:
/// [`completion`](Self::completion) is the answer so far. A stream that ends without `[DONE]` is an
/// [`Error::StreamTruncated`](crate::Error::StreamTruncated), even when every answer had a reason to end;
/// [`completion`](Self::completion) has what came. The server keeps nothing, so it cannot be asked for the rest.
///
/// ```
/// # let server = assistants_local::LocalServer::builder().start()?;
/// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
/// # use assistants_blocking::chat::{ChatMessage, CreateChatCompletion};
/// # let params = CreateChatCompletion::new("scripted", [ChatMessage::user("Hello")]);
/// let mut stream = client.chat().stream(params).send()?;
/// for chunk in &mut stream {
///     let chunk = chunk?;
///     print!("{}", chunk.text());
/// }
/// assert_eq!(stream.finish()?.text(), "Hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is read until it is walked"]
pub struct ChatStream {
    chunks: ChunkReader<Incoming>,
    answer: ChatAccumulator,
}

impl ChatStream {
    /// The pieces of text of the first answer, as strings of their own.
    pub fn text_deltas(&mut self) -> ChatTextDeltas<'_> {
        ChatTextDeltas { stream: self }
    }

    /// Reads on until there is something new to show, and shows it together with what came before: the text as it
    /// grows, not only its next piece. `None` at the end.
    ///
    /// Chunks that say nothing of the first answer, or bring a piece of a tool call only, are passed over. What is
    /// shown is borrowed from the stream; nothing is copied however long the answer grows.
    ///
    /// ```
    /// # use assistants_blocking::chat::{ChatMessage, CreateChatCompletion};
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let params = CreateChatCompletion::new("scripted", [ChatMessage::user("Hello you")]);
    /// let mut stream = client.chat().stream(params).send()?;
    /// let mut texts = Vec::new();
    /// while let Some(partial) = stream.next_partial()? {
    ///     texts.push(partial.text().to_owned());
    /// }
    /// assert_eq!(texts, ["Hello", "Hello you", "Hello you"]); // The last time it says that this was all.
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As those of the iterator. After one, and for a stream of which an iterator has met it before, there is `None`.
    pub fn next_partial(&mut self) -> Result<Option<ChatPartial<'_>>> {
        while let Some(chunk) = self.next() {
            let chunk = chunk?;
            if ChatPartial::shows(&chunk) {
                return Ok(Some(ChatPartial {
                    chunk,
                    answer: self.answer.completion(),
                }));
            }
        }
        Ok(None)
    }

    /// The answer, with everything that was read so far. It is complete when the stream has ended without an error.
    #[must_use]
    pub fn completion(&self) -> &ChatCompletion {
        self.answer.completion()
    }

    /// Whether every answer begun so far has a reason why it ended.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.answer.is_complete()
    }

    /// The id under which the server logged the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.chunks.origin().request_id.as_deref()
    }

    /// Reads to the end and hands out the whole answer.
    ///
    /// # Errors
    ///
    /// As those of the iterator, also for a stream of which an iterator has met the error before.
    pub fn finish(mut self) -> Result<ChatCompletion> {
        for chunk in &mut self {
            chunk?;
        }
        if self.chunks.has_ended() {
            Ok(self.answer.into_completion())
        } else {
            Err(self.chunks.truncated())
        }
    }
}

impl Iterator for ChatStream {
    type Item = Result<ChatCompletionChunk>;

    fn next(&mut self) -> Option<Result<ChatCompletionChunk>> {
        let outcome = self.chunks.next();
        match &outcome {
            Some(Ok(chunk)) => self.answer.apply(chunk),
            Some(Err(_)) => {}
            None if self.chunks.has_ended() => {
                // The stream has said its last, so its connection can serve another request.
                if let Some(body) = self.chunks.take_source() {
                    body.recycle();
                }
            }
            None => {}
        }
        outcome
    }
}

impl fmt::Debug for ChatStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatStream")
            .field("chunks", &self.chunks)
            .field("completion", &self.completion().id)
            .finish_non_exhaustive()
    }
}

/// The pieces of text of a stream. From [`ChatStream::text_deltas`].
#[derive(Debug)]
#[must_use = "nothing is read until it is walked"]
pub struct ChatTextDeltas<'s> {
    stream: &'s mut ChatStream,
}

impl Iterator for ChatTextDeltas<'_> {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Result<String>> {
        loop {
            match self.stream.next()? {
                Ok(chunk) if chunk.text().is_empty() => {}
                Ok(chunk) => return Some(Ok(chunk.text().to_owned())),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
