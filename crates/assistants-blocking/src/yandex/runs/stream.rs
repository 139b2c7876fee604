//! The events of a run, over as many connections as necessary.

use std::fmt;
use std::ops::Deref;

use assistants_types::yandex::operations as op;

use crate::call::options::{Options, option_setters};
use crate::call::request::Request;
use crate::error::{Error, Result};
use crate::http::conventions::Conventions;
use crate::http::incoming::Incoming;
use crate::http::log;
use crate::http::random;
use crate::stream::event_source::Origin;
use crate::stream::json_objects::{Found, JsonStream, unwrap};
use crate::stream::open::open_objects;
use crate::yandex::{Client, EventType, Run, RunResult, RunStatus, RunStreamEvent, StreamEvent, ToolResult};

/// A call that listens to a run. From [`Runs::listen`](crate::yandex::Runs::listen).
#[must_use = "a call does nothing until `send`"]
#[derive(Debug)]
pub struct ListenCall {
    client: Client,
    run: String,
    request: Request,
    options: Options,
    start: i64,
}

impl ListenCall {
    pub(crate) fn new(client: &Client, run: &str, request: Request) -> Self {
        Self {
            client: client.clone(),
            run: run.to_owned(),
            request,
            options: client.options.clone(),
            start: 0,
        }
    }

    /// The same call with these options in place of its own.
    pub(crate) fn with_options(self, options: Options) -> Self {
        Self { options, ..self }
    }

    option_setters!();

    /// The number of the first event to return. Default: 0, the first event of the run.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
    /// # let assistant = client.assistants().create(params).send()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// # let run = client.assistants().run(&assistant, &thread).send()?;
    /// let events = client.runs().listen(&run).events_start_idx(0).send()?;
    /// println!("{} events", events.count());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn events_start_idx(mut self, index: i64) -> Self {
        self.start = index;
        self
    }

    /// Sends the request; returns when the response begins.
    ///
    /// # Errors
    ///
    /// As [`Call::send`](crate::Call::send).
    pub fn send(mut self) -> Result<RunStream> {
        self.options.begin();
        let mut stream = RunStream {
            origin: Origin::before(&self.request)?,
            client: self.client,
            id: self.run,
            run: None,
            request: self.request,
            options: self.options,
            objects: None,
            next_index: self.start,
            state: State::Open,
            failures: 0,
            seen: 0,
            text: String::new(),
        };
        stream.connect()?;
        Ok(stream)
    }
}

/// The events of a run, as they arrive.
///
/// An iterator of [`RunStreamEvent`]s. It ends after the last event of the run, after an error, and when the run waits for
/// tool results; after [`submit_tool_results`](Self::submit_tool_results) it continues.
///
/// If the connection breaks off, it is opened again after the last event. If nothing new arrives over several connections
/// in a row (one more than the retries of a call), the stream ends with [`Error::StreamTruncated`].
///
/// ```
/// # let server = assistants_local::LocalServer::builder().start()?;
/// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
/// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
/// # let assistant = client.assistants().create(params).send()?;
/// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
/// # let thread = client.threads().create(params).send()?;
/// let mut stream = client.assistants().run_stream(&assistant, &thread).send()?;
/// for event in &mut stream {
///     let event = event?;
///     println!("{}: {:?}", event.status(), event.text());
/// }
/// println!("the next event would be number {}", stream.next_index());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the run continues on the server, but nothing is read from a stream that is dropped"]
pub struct RunStream {
    client: Client,
    id: String,
    pub(crate) run: Option<Run>,
    request: Request,
    options: Options,
    origin: Origin,
    objects: Option<JsonStream<Incoming>>,
    next_index: i64,
    state: State,
    /// How many connections have ended early since the last new event.
    failures: u32,
    seen: u64,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The last event asked for tool results.
    ToolCalls,
    /// The server sends no more events until it has the results.
    Paused,
    Ended,
}

impl RunStream {
    /// The run that is listened to.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.id
    }

    /// The run as it was created; `None` when listening to an existing run.
    #[must_use]
    pub fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    /// The number of the next event: with [`ListenCall::events_start_idx`], another stream can continue from here.
    #[must_use]
    pub fn next_index(&self) -> i64 {
        self.next_index
    }

    /// The id under which the server logged the current request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.origin.request_id.as_deref()
    }

    /// The pieces of text; other events are skipped.
    ///
    /// The service repeats the whole text in every event, of which this returns what is new. Text that was read as events
    /// before is returned once more, as a whole.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
    /// # let assistant = client.assistants().create(params).send()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// let mut stream = client.assistants().run_stream(&assistant, &thread).send()?;
    /// for delta in stream.text_deltas() {
    ///     let delta = delta?;
    ///     if delta.replaces {
    ///         println!(); // the text so far is withdrawn
    ///     }
    ///     print!("{delta}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn text_deltas(&mut self) -> TextDeltas<'_> {
        TextDeltas { stream: self }
    }

    /// Submits the results of the tool calls that the run waits for; the events continue.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// use assistants_blocking::yandex::{CreateAssistant, CreateThread, FunctionResult, FunctionTool};
    ///
    /// let assistant = CreateAssistant::new(client.folder_id(), "yandexgpt").tool(FunctionTool::new("now"));
    /// let assistant = client.assistants().create(assistant).send()?;
    /// let thread = CreateThread::new(client.folder_id()).message("call now {}");
    /// let thread = client.threads().create(thread).send()?;
    /// let mut stream = client.assistants().run_stream(&assistant, &thread).send()?;
    /// let mut calls = Vec::new();
    /// for event in &mut stream {
    ///     calls.extend(event?.function_calls().map(|call| call.name.clone()));
    /// }
    /// stream.submit_tool_results(calls.iter().map(|name| FunctionResult::new(name, "noon")))?;
    /// assert_eq!(stream.finish()?.text().as_deref(), Some("now returned noon"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Call::send`](crate::Call::send). The position of the stream does not change.
    pub fn submit_tool_results(&mut self, results: impl IntoIterator<Item = impl Into<ToolResult>>) -> Result<()> {
        let call = self.client.runs().submit_tool_results(&self.id, results);
        call.with_options(self.options.follow_up()).send()?;
        if self.state != State::Ended {
            // The open response may carry no more events; a new one starts after the event that asked for the results.
            self.objects = None;
            self.state = State::Open;
        }
        Ok(())
    }

    /// Reads to the end of the events and requests the result of the run.
    ///
    /// Nothing is lost if an event cannot be read: the run is then polled until it has ended or waits for tool results.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
    /// # let assistant = client.assistants().create(params).send()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// let result = client.assistants().run_stream(&assistant, &thread).send()?.finish()?.succeeded()?;
    /// assert_eq!(result.text().as_deref(), Some("Hello"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As those of the iterator, except for [`Error::Decode`] and [`Error::Stream`], and of
    /// [`Call::send`](crate::Call::send).
    pub fn finish(mut self) -> Result<RunResult> {
        while let Some(event) = self.next() {
            match event {
                Ok(_) => {}
                Err(error @ (Error::Decode(_) | Error::Stream(_))) => {
                    log::debug!("{}: {error}; reading the run instead", self.origin.what());
                    let wait = self.client.runs().wait(&self.id);
                    return wait.with_options(self.options.follow_up()).send();
                }
                Err(error) => return Err(error),
            }
        }
        let call = self.client.runs().get_result(&self.id);
        call.with_options(self.options.follow_up()).send()
    }

    /// Opens a response that begins with the next event.
    fn connect(&mut self) -> Result<()> {
        let mut request = self.request.clone();
        if self.next_index > 0 {
            request = request.parameter("eventsStartIdx", self.next_index.to_string());
        }
        let (objects, origin) = open_objects(self.client.endpoint(op::LISTEN_RUN), &request, &self.options)?;
        (self.objects, self.origin) = (Some(objects), origin);
        Ok(())
    }

    fn read(&mut self) -> Result<Option<RunStreamEvent>> {
        while !matches!(self.state, State::Paused | State::Ended) {
            let Some(objects) = &mut self.objects else {
                self.connect()?;
                continue;
            };
            let (mut nothing, mut complete) = (false, false);
            let cause = match objects.next_object() {
                Ok(Found::Object(object)) => {
                    let mut event = None;
                    unwrap(object, &self.origin, |one: StreamEvent| event = Some(one))?;
                    match event.and_then(|event| self.take(event)) {
                        Some(event) => return Ok(Some(event)),
                        None => continue,
                    }
                }
                Ok(Found::End) if self.state == State::ToolCalls => {
                    self.state = State::Paused;
                    self.objects = None;
                    return Ok(None);
                }
                Ok(found @ (Found::End | Found::Cut)) => {
                    complete = matches!(found, Found::End);
                    nothing = objects.is_empty();
                    let head = objects.head();
                    // A response that is not a stream would not be one the next time either.
                    if let Some(error) = self.origin.not_a_stream(head).filter(|_| !head.is_empty()) {
                        return Err(error);
                    }
                    None
                }
                Err(Error::Transport(error)) => Some(error.into_source()),
                Err(error) => return Err(error),
            };
            self.objects = None;
            self.broke_off(cause, nothing, complete)?;
        }
        Ok(None)
    }

    /// Processes an event; `None` for one that was returned before.
    fn take(&mut self, event: StreamEvent) -> Option<RunStreamEvent> {
        // A server that does not number its events is trusted to send each of them once.
        let index = event.stream_cursor.as_ref().map_or(self.next_index, |_| event.index());
        if index < self.next_index {
            return None;
        }
        // The number may be as large as the type allows.
        self.next_index = index.saturating_add(1);
        self.failures = 0;
        self.seen += 1;
        self.state = match event.event_type {
            EventType::Done | EventType::Error => State::Ended,
            EventType::ToolCalls => State::ToolCalls,
            _ => State::Open,
        };
        if self.state == State::Ended
            && let Some(body) = self.objects.take().and_then(JsonStream::into_reader)
        {
            body.recycle();
        }
        Some(RunStreamEvent { index, event })
    }

    /// Prepares another connection after one that ended before the run did. `nothing`: it carried no byte. `complete`: its
    /// response was not cut off.
    fn broke_off(&mut self, cause: Option<std::io::Error>, nothing: bool, complete: bool) -> Result<()> {
        self.failures += 1;
        let policy = Conventions::Yandex.policy(self.options.max_retries);
        // Only a caller can have requested a number past the last one: events are numbered from 0, without gaps.
        let may_be_past_the_end = complete && self.seen == 0 && self.next_index > 0;
        if self.failures > policy.max_retries {
            let other = (nothing && self.seen == 0)
                .then(|| self.origin.not_a_stream(&[]))
                .flatten();
            return Err(other.unwrap_or_else(|| self.origin.truncated(self.seen, cause)));
        }
        log::debug!(
            "{}: run {}: the connection ended early, listening again from event {}",
            self.origin.what(),
            self.id,
            self.next_index
        );
        if self.failures == 1 {
            // The last connection carried an event, or it was the first one.
            return Ok(());
        }
        if self.failures == 2 && may_be_past_the_end && self.nothing_more()? {
            return Ok(());
        }
        self.options
            .watch()
            .sleep(policy.wait(self.failures - 2, random::fraction()), || {
                self.origin.what()
            })
    }

    /// Whether the run has ended or waits for tool results, so that there is no event of the requested number.
    fn nothing_more(&mut self) -> Result<bool> {
        let call = self.client.runs().get(&self.id);
        self.state = match call.with_options(self.options.follow_up()).send()?.status() {
            RunStatus::Completed | RunStatus::Failed => State::Ended,
            RunStatus::ToolCalls => State::Paused,
            _ => return Ok(false),
        };
        Ok(true)
    }
}

impl Iterator for RunStream {
    type Item = Result<RunStreamEvent>;

    fn next(&mut self) -> Option<Result<RunStreamEvent>> {
        let outcome = self.read();
        if outcome.is_err() {
            self.state = State::Ended;
            self.objects = None;
        }
        outcome.map_err(|error| self.origin.error(error)).transpose()
    }
}

impl fmt::Debug for RunStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunStream")
            .field("run", &self.id)
            .field("next_index", &self.next_index)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// A piece of text of a run. It derefs to the text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextDelta {
    /// The new text.
    pub text: String,
    /// Whether `text` replaces the whole text so far; if not, it is appended.
    pub replaces: bool,
}

impl Deref for TextDelta {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for TextDelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The text of a run in pieces. From [`RunStream::text_deltas`].
#[derive(Debug)]
#[must_use = "nothing is read until it is iterated"]
pub struct TextDeltas<'s> {
    stream: &'s mut RunStream,
}

impl Iterator for TextDeltas<'_> {
    type Item = Result<TextDelta>;

    fn next(&mut self) -> Option<Result<TextDelta>> {
        loop {
            let event = match self.stream.next()? {
                Ok(event) => event,
                Err(error) => return Some(Err(error)),
            };
            if event.event_type == EventType::ToolCalls {
                // The text that follows belongs to another message.
                self.stream.text.clear();
            }
            let Some(text) = event.text() else { continue };
            if let Some(delta) = grown(&mut self.stream.text, text) {
                return Some(Ok(delta));
            }
        }
    }
}

/// What `new` adds to `text`, which is then replaced by it.
fn grown(text: &mut String, new: String) -> Option<TextDelta> {
    let delta = match new.strip_prefix(text.as_str()) {
        Some("") => return None,
        Some(added) => TextDelta {
            text: added.to_owned(),
            replaces: false,
        },
        None => TextDelta {
            text: new.clone(),
            replaces: true,
        },
    };
    *text = new;
    Some(delta)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_grows_or_is_replaced() {
        let mut text = String::new();
        let mut grow = |new: &str| grown(&mut text, new.to_owned()).map(|delta| (delta.text, delta.replaces));
        assert_eq!(grow("Good"), Some(("Good".into(), false)));
        assert_eq!(grow("Good morning"), Some((" morning".into(), false)));
        assert_eq!(grow("Good morning"), None);
        assert_eq!(grow("Good day"), Some(("Good day".into(), true)));
        assert_eq!(grow(""), Some((String::new(), true)));
    }
}
