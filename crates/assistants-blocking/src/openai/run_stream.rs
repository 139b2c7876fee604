//! Streamed runs.

use std::borrow::Cow;
use std::fmt;
use std::time::Instant;

use serde::Deserialize;
use serde::de::{IgnoredAny, SeqAccess, Visitor};

use super::handler::{self, Progress};
use super::snapshots::Snapshots;
use super::{Client, EventHandler, Message, Run, RunStatus, RunStep, SortOrder, StreamEvent, Thread};
use crate::error::{ApiError, DecodeError, Error, Result, StreamTruncatedError};
use crate::options::option_setters;
use crate::sse::SseReader;
use crate::transport::Incoming;
use crate::{Call, Options};

/// A run that will be streamed.
#[must_use = "a call does nothing until `send`"]
#[derive(Debug)]
pub struct StreamCall {
    client: Client,
    call: Call<Run>,
    pub(super) options: Options,
    cancel_run_on_drop: bool,
}

impl StreamCall {
    pub(super) fn new(client: &Client, mut call: Call<Run>) -> Self {
        let options = std::mem::take(&mut call.options);
        call.request = call.request.streamed();
        Self {
            client: client.clone(),
            call,
            options,
            cancel_run_on_drop: false,
        }
    }

    option_setters!();

    /// Also what is normally left out of the steps that the stream reports.
    pub fn include(mut self, what: impl Into<super::RunInclude>) -> Self {
        self.call = self.call.include(what);
        self
    }

    /// Whether a stream that is dropped before its end cancels the run on the server, so that nobody pays for an
    /// answer nobody reads. Default: no.
    pub fn cancel_run_on_drop(mut self, cancel: bool) -> Self {
        self.cancel_run_on_drop = cancel;
        self
    }

    /// Sends the request; returns when the answer begins.
    ///
    /// # Errors
    ///
    /// As [`Call::send`].
    pub fn send(self) -> Result<RunStream> {
        let started = Instant::now();
        let endpoint = &self.client.endpoint;
        let response = endpoint.open(&self.call.request, &self.options)?;
        let request_id = response.request_id();
        let events = SseReader::new(response.body)
            .max_line_bytes(endpoint.config.max_line_bytes)
            .max_event_bytes(endpoint.config.max_event_bytes);
        Ok(RunStream {
            method: self.call.request.method,
            path: self.call.request.path()?.to_owned(),
            request_id,
            events: Some(events),
            seen: 0,
            ended: false,
            snapshots: Snapshots::default(),
            text: String::new(),
            cancel_run_on_drop: self.cancel_run_on_drop,
            client: self.client,
            options: self.options,
            started,
        })
    }
}

/// The events of a run, as they arrive.
///
/// An iterator of [`StreamEvent`]s; after an error it ends. While it is read it keeps snapshots of the run, its
/// messages and steps. A stream that ends without the event that ends it is an [`Error::StreamTruncated`];
/// [`finish`](Self::finish) gets the run's result all the same.
pub struct RunStream {
    client: Client,
    options: Options,
    method: &'static str,
    path: String,
    request_id: Option<String>,
    /// `None` once the stream has ended.
    events: Option<SseReader<Incoming>>,
    seen: u64,
    /// The last event has been seen.
    ended: bool,
    snapshots: Snapshots,
    text: String,
    cancel_run_on_drop: bool,
    started: Instant,
}

/// A run that has come to an end, or waits for tool outputs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FinishedRun {
    /// The run in its last state.
    pub run: Run,
    /// The messages it wrote, oldest first.
    pub messages: Vec<Message>,
    /// The steps it took, oldest first.
    pub steps: Vec<RunStep>,
}

impl FinishedRun {
    /// The text of all messages that the run wrote.
    #[must_use]
    pub fn text(&self) -> String {
        self.messages.iter().flat_map(Message::texts).collect()
    }

    /// The run as a result: an error unless it completed.
    ///
    /// # Errors
    ///
    /// [`Error::RunFailed`] with the run.
    pub fn completed(self) -> Result<Self> {
        if self.run.status == RunStatus::Completed {
            Ok(self)
        } else {
            Err(Error::RunFailed(Box::new(self.run)))
        }
    }
}

impl RunStream {
    /// The next event; `None` at the end.
    fn next_event(&mut self) -> Option<Result<StreamEvent>> {
        loop {
            match self.read_event(|_, _| None)? {
                Ok(Some(event)) => return Some(Ok(event)),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Reads one event. `text_of` may take the data of a message delta as text into the buffer it is given; such an
    /// event is `None`.
    fn read_event(&mut self, text_of: impl Fn(&str, &mut String) -> Option<()>) -> Option<Result<Option<StreamEvent>>> {
        let reader = self.events.as_mut()?;
        let outcome = match reader.next_event() {
            Ok(Some(event)) if event.data.starts_with("[DONE]") => {
                self.ended = true;
                None
            }
            Ok(Some(event)) => {
                self.seen += 1;
                self.text.clear();
                if event.name == "thread.message.delta" && text_of(event.data, &mut self.text).is_some() {
                    return Some(Ok(None));
                }
                let place = (self.method, self.path.as_str(), self.request_id.as_deref());
                Some(typed(event.name, event.data, place).map(Some))
            }
            Ok(None) => Some(Err(self.truncated(None))),
            Err(Error::Transport(error)) => Some(Err(self.truncated(Some((*error).into_source())))),
            Err(error) => Some(Err(error)),
        };
        match &outcome {
            Some(Ok(Some(event))) => self.snapshots.apply(event),
            Some(Ok(None)) => {}
            Some(Err(_)) => self.events = None,
            None => {
                // The stream has said its last, so its connection can serve another request.
                if let Some(reader) = self.events.take() {
                    reader.into_inner().recycle();
                }
            }
        }
        outcome
    }

    fn truncated(&self, source: Option<std::io::Error>) -> Error {
        StreamTruncatedError {
            what: format!("{} {}", self.method, self.path),
            events: self.seen,
            source,
        }
        .into()
    }

    /// The next piece of text that the assistant writes, skipping all else; `None` at the end.
    ///
    /// The fast way to the text: nothing is allocated for an event, and the text is borrowed until the next call. The
    /// snapshots of messages do not grow by what is read here; a message is complete in them when the server has
    /// finished it.
    ///
    /// # Errors
    ///
    /// As those of the iterator.
    pub fn next_text(&mut self) -> Option<Result<&str>> {
        loop {
            match self.read_event(delta_text)? {
                Ok(None) if !self.text.is_empty() => break,
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(&self.text))
    }

    /// The pieces of text that the assistant writes, as strings of their own.
    pub fn text_deltas(&mut self) -> TextDeltas<'_> {
        TextDeltas { stream: self }
    }

    /// The thread, where the run was created together with it.
    #[must_use]
    pub fn thread(&self) -> Option<&Thread> {
        self.snapshots.thread.as_ref()
    }

    /// The run as the last event showed it.
    #[must_use]
    pub fn run(&self) -> Option<&Run> {
        self.snapshots.run.as_ref()
    }

    /// The message that the last message event was about, with everything its deltas have added.
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        self.snapshots.message()
    }

    /// The step that the last step event was about, with everything its deltas have added.
    #[must_use]
    pub fn run_step(&self) -> Option<&RunStep> {
        self.snapshots.step()
    }

    /// All messages that the stream spoke of, in the order of their first event.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.snapshots.messages
    }

    /// All steps that the stream spoke of, in the order of their first event.
    #[must_use]
    pub fn run_steps(&self) -> &[RunStep] {
        &self.snapshots.steps
    }

    /// The id under which the server logged the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Reads to the end, calling the handler for what arrives.
    ///
    /// # Errors
    ///
    /// As those of the iterator; the handler was told of it too.
    pub fn handle(&mut self, handler: &mut impl EventHandler) -> Result<()> {
        let outcome = handler::drive(self, handler, &mut Progress::default());
        handler.on_end();
        outcome
    }

    /// Reads to the end and hands out the run in its last state, its messages and its steps.
    ///
    /// A stream that broke off loses nothing: the run is then polled until it has ended, and its messages and steps
    /// are read.
    ///
    /// # Errors
    ///
    /// Everything but a stream that broke off, or went silent, after its run became known: [`Error::Api`] for an
    /// `error` event, [`Error::Cancelled`], [`Error::Decode`], and what polling gives.
    pub fn finish(mut self) -> Result<FinishedRun> {
        self.cancel_run_on_drop = false;
        while let Some(event) = self.next_event() {
            match event {
                Ok(_) => {}
                Err(error) if self.can_recover(&error) => {
                    log::debug!("{} {}: {error}; asking for the run instead", self.method, self.path);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        let settled = |run: &&Run| run.status.is_terminal() || run.status == RunStatus::RequiresAction;
        let snapshots = std::mem::take(&mut self.snapshots);
        match snapshots.run {
            Some(run) if self.ended && settled(&&run) && !skipped_text(&snapshots.messages) => Ok(FinishedRun {
                run,
                messages: snapshots.messages,
                steps: snapshots.steps,
            }),
            Some(run) => self.fetch(&run),
            None => Err(self.truncated(None)),
        }
    }

    /// Whether asking for the run makes up for an error.
    pub(super) fn can_recover(&self, error: &Error) -> bool {
        self.snapshots.run.is_some()
            && match error {
                Error::StreamTruncated(_) => true,
                Error::Timeout(timeout) => timeout.phase == crate::TimeoutPhase::Idle,
                _ => false,
            }
    }

    /// Waits for the run and reads what it wrote.
    fn fetch(&self, run: &Run) -> Result<FinishedRun> {
        let mut options = self.options.clone();
        // What was meant for the request that began the stream.
        options.idempotency_key = None;
        options.body_fields.clear();
        options.query.clear();
        options.deadline = options
            .deadline
            .map(|limit| limit.saturating_sub(self.started.elapsed()));
        let client = Client {
            endpoint: self.client.endpoint.clone(),
            options,
        };
        let run = client.runs(&run.thread_id).poll(run).send()?;
        let messages = client
            .messages(&run.thread_id)
            .list()
            .run_id(&run)
            .order(SortOrder::Asc)
            .limit(100);
        let steps = client
            .run_steps(&run.thread_id, &run)
            .list()
            .order(SortOrder::Asc)
            .limit(100);
        Ok(FinishedRun {
            messages: messages.into_iter().collect::<Result<_>>()?,
            steps: steps.into_iter().collect::<Result<_>>()?,
            run,
        })
    }
}

/// Whether a message was still being written when its last event came.
fn skipped_text(messages: &[Message]) -> bool {
    messages
        .iter()
        .any(|message| message.status == super::MessageStatus::InProgress)
}

impl Iterator for RunStream {
    type Item = Result<StreamEvent>;

    fn next(&mut self) -> Option<Result<StreamEvent>> {
        self.next_event()
    }
}

impl Drop for RunStream {
    fn drop(&mut self) {
        if !self.cancel_run_on_drop || self.ended {
            return;
        }
        let Some(run) = self
            .run()
            .filter(|run| run.status.is_running() || !run.tool_calls().is_empty())
        else {
            return;
        };
        // Closes the connection first: the server need not write into it any more.
        let (thread, run) = (run.thread_id.clone(), run.id.clone());
        self.events = None;
        if let Err(error) = self.client.runs(&thread).cancel(&run).send() {
            log::debug!("run {run}: could not be cancelled after its stream was dropped: {error}");
        }
    }
}

impl fmt::Debug for RunStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunStream")
            .field("path", &self.path)
            .field("events", &self.seen)
            .field("ended", &self.ended)
            .field("run", &self.run().map(|run| &run.id))
            .finish_non_exhaustive()
    }
}

/// The pieces of text of a stream. From [`RunStream::text_deltas`].
#[derive(Debug)]
#[must_use = "nothing is read until it is walked"]
pub struct TextDeltas<'s> {
    stream: &'s mut RunStream,
}

impl Iterator for TextDeltas<'_> {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Result<String>> {
        loop {
            match self.stream.next_event()? {
                Ok(StreamEvent::MessageDelta(delta)) => {
                    let text = delta.text();
                    if !text.is_empty() {
                        return Some(Ok(text.into_owned()));
                    }
                }
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// The typed form of an event. An `error` event, and data that is nothing but an error, is an error.
fn typed(
    name: &str,
    data: &str,
    (method, path, request_id): (&'static str, &str, Option<&str>),
) -> Result<StreamEvent> {
    let api_error = || ApiError::from_event(method, path, request_id.map(str::to_owned), data).into();
    if name == "error" {
        return Err(api_error());
    }
    match StreamEvent::parse(name, data) {
        // Gateways put errors into a stream without naming the event.
        Ok(StreamEvent::Unknown { data, .. })
            if name == "message" && data.get("error").is_some_and(|error| !error.is_null()) =>
        {
            Err(api_error())
        }
        Ok(event) => Ok(event),
        Err(error) => {
            let what = format!("{method} {path}: event `{name}`");
            Err(DecodeError::locate(data.as_bytes(), error, what, |data| {
                StreamEvent::deserialize_data(name, data)
            })
            .into())
        }
    }
}

/// Takes the text out of the data of a message delta; `None` when it is not the JSON that this reads.
fn delta_text(data: &str, text: &mut String) -> Option<()> {
    #[derive(Deserialize)]
    struct Delta<'a> {
        #[serde(borrow)]
        delta: Body<'a>,
    }

    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        content: Parts<'a>,
    }

    /// The first text of the list; a delta has one in practice.
    struct Parts<'a>(Option<Cow<'a, str>>);

    #[derive(Deserialize)]
    struct Part<'a> {
        #[serde(borrow, default)]
        text: Option<Text<'a>>,
    }

    #[derive(Deserialize)]
    struct Text<'a> {
        #[serde(borrow, default)]
        value: Option<Borrowed<'a>>,
    }

    /// Borrowed unless it has escapes. (Directly in an `Option`, a `Cow` would always be copied.)
    #[derive(Deserialize)]
    struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

    impl<'de: 'a, 'a> Deserialize<'de> for Parts<'a> {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct PartsVisitor;

            impl<'de> Visitor<'de> for PartsVisitor {
                type Value = Parts<'de>;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a list of one content part")
                }

                fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Parts<'de>, A::Error> {
                    let first: Option<Part<'de>> = seq.next_element()?;
                    if seq.next_element::<IgnoredAny>()?.is_some() {
                        return Err(serde::de::Error::invalid_length(2, &self));
                    }
                    Ok(Parts(
                        first
                            .and_then(|part| part.text)
                            .and_then(|text| text.value)
                            .map(|text| text.0),
                    ))
                }
            }

            deserializer.deserialize_seq(PartsVisitor)
        }
    }

    let delta: Delta<'_> = serde_json::from_str(data).ok()?;
    text.push_str(&delta.delta.content.0?);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn text(data: &str) -> Option<String> {
        let mut text = String::new();
        delta_text(data, &mut text).map(|()| text)
    }

    #[test]
    fn takes_the_text_of_a_delta() {
        let delta =
            |content: &str| format!(r#"{{"id":"m","object":"o","delta":{{"role":"assistant","content":{content}}}}}"#);
        let one = r#"[{"index":0,"type":"text","text":{"value":"a\u00e9\n","annotations":[{"x":1}]}}]"#;
        assert_eq!(text(&delta(one)).as_deref(), Some("aé\n"));
        // What is not one text part takes the long way.
        for other in [
            "[]",
            r#"[{"index":0,"type":"refusal","refusal":"no"}]"#,
            "3",
            r#"[{"text":{"value":"a"}},{"x":1}]"#,
        ] {
            assert_eq!(text(&delta(other)), None, "{other}");
        }
    }

    #[test]
    fn nested_and_flat_errors_are_the_same() {
        let place = ("POST", "/threads/t/runs", Some("req_1"));
        let nested =
            r#"{"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded","param":null}}"#;
        let flat = r#"{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded","param":null}"#;
        for (name, data) in [("error", nested), ("error", flat), ("message", nested)] {
            let Err(Error::Api(error)) = typed(name, data, place) else {
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
        let event = typed("thread.run.paused", r#"{"a":[1]}"#, ("POST", "/x", None)).unwrap();
        assert_eq!(event.name(), "thread.run.paused");
        assert_eq!(event.data().unwrap(), r#"{"a":[1]}"#);
    }

    #[test]
    fn a_payload_that_does_not_fit_names_event_and_place() {
        let data = r#"{"id":"msg_1","delta":{"content":[{"index":0,"type":"text","text":{"value":3}}]}}"#;
        let Err(Error::Decode(error)) = typed("thread.message.delta", data, ("POST", "/x", None)) else {
            panic!("it does not fit")
        };
        assert!(error.what.contains("thread.message.delta"), "{error}");
        assert_eq!(error.path, "delta.content[0].text.value");
    }
}
