//! Streamed responses.

use std::fmt;

use super::{Response, ResponseEvent, ResponseEventReader, ResponseItem};
use crate::Call;
use crate::call::options::{Options, option_setters};
use crate::error::{Error, Result};
use crate::http::incoming::Incoming;
use crate::stream::open::open_events;

/// A response that will be streamed when it is sent.
#[must_use = "a call does nothing until `send`"]
#[derive(Debug)]
pub struct ResponseStreamCall {
    call: Call<Response>,
    options: Options,
}

impl ResponseStreamCall {
    pub(crate) fn new(mut call: Call<Response>) -> Self {
        let options = std::mem::take(&mut call.options);
        call.request = call.request.streamed();
        Self { call, options }
    }

    option_setters!();

    /// Sends the request, and returns when the response begins.
    ///
    /// # Errors
    ///
    /// As [`Call::send`].
    pub fn send(self) -> Result<ResponseStream> {
        let events = open_events(&self.call.endpoint, &self.call.request, &self.options)?;
        Ok(ResponseStream {
            events: ResponseEventReader::of(events),
            response: Response::default(),
            items: Vec::new(),
        })
    }
}

/// The events of a response, as they arrive.
///
/// An iterator over [`ResponseEvent`]s; after an error it ends. A stream that ends without its last event is an
/// [`Error::StreamTruncated`]. The provider stores nothing, so the rest cannot be requested.
///
/// ```
/// # let server = assistants_local::LocalServer::builder().start()?;
/// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
/// use assistants_blocking::responses::{CreateResponse, ResponseEvent, ResponseItem, ResponseStatus};
///
/// let params = CreateResponse::new("scripted", [ResponseItem::user("Hello")]).store(false);
/// let mut stream = client.responses().stream(params).send()?;
/// for event in &mut stream {
///     match event? {
///         ResponseEvent::TextDelta(event) => print!("{}", event.delta),
///         ResponseEvent::ItemDone(event) => println!("{:?}", event.item),
///         _ => {}
///     }
/// }
/// let response = stream.finish()?;
/// assert_eq!(response.status, ResponseStatus::Completed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is read until it is walked"]
pub struct ResponseStream {
    events: ResponseEventReader<Incoming>,
    response: Response,
    /// The items that are complete.
    items: Vec<ResponseItem>,
}

impl ResponseStream {
    /// The pieces of text, as owned strings.
    pub fn text_deltas(&mut self) -> ResponseTextDeltas<'_> {
        ResponseTextDeltas { stream: self }
    }

    /// The response as the newest event that has one reports it: without its output before the last event.
    #[must_use]
    pub fn response(&self) -> &Response {
        &self.response
    }

    /// The error of a response that has [failed](super::ResponseStatus::Failed), as an [`Error::Api`] with its code and
    /// message; `None` if it has not.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        let error = self.response.error.as_ref()?;
        let data = serde_json::json!({"error": error}).to_string();
        Some(self.events.origin().api_error(&data))
    }

    /// The id under which the server logged the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.events.origin().request_id.as_deref()
    }

    /// Reads to the end and returns the whole response, which may be incomplete or failed.
    ///
    /// # Errors
    ///
    /// Those of the iterator, even if the iterator has returned the error before.
    pub fn finish(mut self) -> Result<Response> {
        for event in &mut self {
            event?;
        }
        if self.events.has_ended() {
            Ok(self.response)
        } else {
            Err(self.events.truncated())
        }
    }

    fn apply(&mut self, event: &ResponseEvent) {
        if let ResponseEvent::ItemDone(event) = event {
            self.items.push(event.item.clone());
        }
        if let Some(response) = event.response() {
            self.response = response.clone();
        }
        if event.is_last() {
            // Some servers leave the output out of the last event.
            if self.response.output.is_empty() {
                self.response.output = std::mem::take(&mut self.items);
            }
            // The stream is complete, so its connection can serve another request.
            if let Some(body) = self.events.take_source() {
                body.recycle();
            }
        }
    }
}

impl Iterator for ResponseStream {
    type Item = Result<ResponseEvent>;

    fn next(&mut self) -> Option<Result<ResponseEvent>> {
        let outcome = self.events.next();
        if let Some(Ok(event)) = &outcome {
            self.apply(event);
        }
        outcome
    }
}

impl fmt::Debug for ResponseStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseStream")
            .field("events", &self.events)
            .field("response", &self.response.id)
            .finish_non_exhaustive()
    }
}

/// An iterator over the pieces of text of a stream. From [`ResponseStream::text_deltas`].
#[derive(Debug)]
#[must_use = "nothing is read until it is walked"]
pub struct ResponseTextDeltas<'s> {
    stream: &'s mut ResponseStream,
}

impl Iterator for ResponseTextDeltas<'_> {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Result<String>> {
        loop {
            match self.stream.next()? {
                Ok(ResponseEvent::TextDelta(event)) => return Some(Ok(event.delta)),
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
