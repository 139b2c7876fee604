//! Streamed chat completions.

use std::fmt;

use super::{ChatAccumulator, ChatCompletion, ChatCompletionChunk, ChatPartial, ChunkReader};
use crate::Call;
use crate::call::options::{Options, option_setters};
use crate::error::Result;
use crate::http::incoming::Incoming;
use crate::stream::open::open_events;

/// A chat completion that will be streamed when it is sent.
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

    /// Combines the chunks with `answer`.
    pub(crate) fn accumulate_with(self, answer: ChatAccumulator) -> Self {
        Self { answer, ..self }
    }

    option_setters!();

    /// Sends the request, and returns when the response begins.
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
/// An iterator over [`ChatCompletionChunk`]s; after an error it ends. The chunks that have been read are combined:
/// [`completion`](Self::completion) is the answer so far. A stream that ends without `[DONE]` is an
/// [`Error::StreamTruncated`](crate::Error::StreamTruncated), even if every answer has a finish reason;
/// [`completion`](Self::completion) has what arrived. The server stores nothing, so the rest cannot be requested.
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
    /// The pieces of text of the first answer, as owned strings.
    pub fn text_deltas(&mut self) -> ChatTextDeltas<'_> {
        ChatTextDeltas { stream: self }
    }

    /// Reads until there is something new to show, and returns it together with what came before: the text so far, not only
    /// its next piece. `None` at the end.
    ///
    /// Chunks without anything of the first answer, or with a piece of a tool call only, are skipped. The result borrows from
    /// the stream; nothing is copied, however long the answer is.
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
    /// assert_eq!(texts, ["Hello", "Hello you", "Hello you"]); // The last one has the finish reason.
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the iterator. After an error, also one that the iterator has returned, the result is `None`.
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

    /// The answer so far. It is complete when the stream has ended without an error.
    #[must_use]
    pub fn completion(&self) -> &ChatCompletion {
        self.answer.completion()
    }

    /// Whether every answer that has begun has a finish reason.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.answer.is_complete()
    }

    /// The id under which the server logged the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.chunks.origin().request_id.as_deref()
    }

    /// Reads to the end and returns the whole answer.
    ///
    /// # Errors
    ///
    /// Those of the iterator, even if the iterator has returned the error before.
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
                // The stream is complete, so its connection can serve another request.
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

/// An iterator over the pieces of text of a stream. From [`ChatStream::text_deltas`].
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
