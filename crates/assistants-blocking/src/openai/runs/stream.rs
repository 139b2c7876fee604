//! Streamed runs.

use std::fmt;

use assistants_types::openai::operations as op;

use super::abandon::{self, Abandoned};
use super::event_reader::EventReader;
use super::finished::FinishedRun;
use super::handler::{EventHandler, Progress};
use super::resume::Resume;
use super::steps::include;
use crate::call::options::option_setters;
use crate::call::request::Request;
use crate::error::{Error, Result};
use crate::http::incoming::Incoming;
use crate::http::log;
use crate::openai::{
    Client, CreateRun, IdOf, Message, MessageStatus, Run, RunAccumulator, RunInclude, RunKind, RunStatus, RunStep,
    Runs, StreamEvent, Thread, ToolOutput,
};
use crate::stream::open::open_events;
use crate::{Call, Options, Plain};

impl Runs {
    /// Starts a run and streams its events. `POST /threads/{thread_id}/runs` with `stream`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// # let thread = assistants_blocking::openai::CreateThread::default();
    /// # let thread = thread.message(assistants_blocking::openai::CreateMessage::user("Hello"));
    /// # let thread = client.threads().create(thread).send()?;
    /// use assistants_blocking::openai::CreateRun;
    ///
    /// let mut stream = client.runs(&thread).stream(CreateRun::new(&assistant)).send()?;
    /// while let Some(text) = stream.next_text() {
    ///     print!("{}", text?);
    /// }
    /// let finished = stream.finish()?.completed()?;
    /// assert_eq!(finished.text(), "Hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stream(&self, params: CreateRun) -> StreamCall {
        StreamCall::new(&self.client, self.create(params))
    }

    /// As [`submit_tool_outputs`](Self::submit_tool_outputs), and streams the events of the run as it continues.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # use assistants_blocking::openai::{CreateAssistant, CreateMessage, CreateThread, Tool};
    /// # let tool = Tool::function("now", serde_json::json!({"type": "object"}));
    /// # let assistant = client.assistants().create(CreateAssistant::new("scripted").tool(tool)).send()?;
    /// # let thread = CreateThread::default().message(CreateMessage::user("call now {}"));
    /// # let thread = client.threads().create(thread).send()?;
    /// use assistants_blocking::openai::CreateRun;
    ///
    /// let runs = client.runs(&thread);
    /// let waiting = runs.stream(CreateRun::new(&assistant)).send()?.finish()?;
    /// let outputs = waiting.run.tool_calls().iter().map(|call| call.output("noon"));
    /// let finished = runs.submit_tool_outputs_stream(&waiting.run, outputs).send()?.finish()?;
    /// assert_eq!(finished.text(), "now returned noon");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn submit_tool_outputs_stream(
        &self,
        run: impl IdOf<Run>,
        outputs: impl IntoIterator<Item = impl Into<ToolOutput>>,
    ) -> StreamCall<Plain> {
        let run = run.into_id();
        StreamCall::new(&self.client, self.submit_tool_outputs(&run, outputs)).about(&self.thread, &run)
    }

    /// Streams the events of a run that exists: from the beginning, or with [`after`](StreamCall::after) those after an
    /// event, and then all later ones until the run has ended or requires action.
    ///
    /// `GET /threads/{thread_id}/runs/{run_id}/events`. An extension of `assistants-local`; other servers reject it with
    /// status 404.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// # let thread = assistants_blocking::openai::CreateThread::default();
    /// # let thread = thread.message(assistants_blocking::openai::CreateMessage::user("Hello"));
    /// # let thread = client.threads().create(thread).send()?;
    /// # use assistants_blocking::openai::CreateRun;
    /// let runs = client.runs(&thread);
    /// let run = runs.create(CreateRun::new(&assistant)).send()?;
    /// let finished = runs.follow(&run).send()?.finish()?.completed()?;
    /// assert_eq!(finished.text(), "Hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn follow(&self, run: impl IdOf<Run>) -> StreamCall<FollowKind> {
        let run = run.into_id();
        let op = op::STREAM_RUN_EVENTS;
        let request = Request::new(op.method, op.path, &[&self.thread, &run]);
        let call = Call::new(&self.client.endpoint, &self.client.options, request);
        StreamCall::new(&self.client, call).about(&self.thread, &run)
    }
}

/// The kind of a [`StreamCall`] that follows a run.
#[derive(Debug)]
#[non_exhaustive]
pub struct FollowKind;

impl StreamCall<FollowKind> {
    /// Begins after the event with this id, which is the [`last_event_id`](RunStream::last_event_id) of another stream of
    /// the same run. The id may come from another process, and remains valid when the server is restarted.
    ///
    /// Text that was written before this call arrives in few deltas. Joined with the deltas up to the event, they are the
    /// whole text.
    ///
    /// # Errors
    ///
    /// [`send`](Self::send) returns an [`Error::Api`] with status 400 for an id that is not one of the run.
    pub fn after(mut self, event_id: impl Into<String>) -> Self {
        self.call.request.last_event_id = Some(event_id.into());
        self
    }

    /// Includes data in the steps of the stream that is left out by default.
    pub fn include(mut self, what: impl Into<RunInclude>) -> Self {
        self.call.request.query.push(include(&what.into()));
        self
    }
}

/// A call that streams a run. `Kind` is that of a [`Call`].
#[must_use = "a call does nothing until `send`"]
#[derive(Debug)]
pub struct StreamCall<Kind = RunKind> {
    client: Client,
    call: Call<Run, Kind>,
    pub(crate) options: Options,
    cancel_run_on_drop: bool,
    /// The run, where it is known before the first event.
    known: Option<RunIds>,
}

/// The ids of a run.
#[derive(Clone, Debug)]
struct RunIds {
    thread: String,
    run: String,
}

impl StreamCall {
    /// Includes data in the steps of the stream that is left out by default.
    pub fn include(mut self, what: impl Into<RunInclude>) -> Self {
        self.call = self.call.include(what);
        self
    }
}

impl<Kind> StreamCall<Kind> {
    pub(crate) fn new(client: &Client, mut call: Call<Run, Kind>) -> Self {
        let options = std::mem::take(&mut call.options);
        call.request = call.request.streamed();
        Self {
            client: client.clone(),
            call,
            options,
            cancel_run_on_drop: false,
            known: None,
        }
    }

    /// Sets the run that the events are about.
    pub(crate) fn about(mut self, thread: &str, run: &str) -> Self {
        self.known = Some(RunIds {
            thread: thread.to_owned(),
            run: run.to_owned(),
        });
        self
    }

    /// The same call with these options in place of its own.
    pub(super) fn with_options(self, options: Options) -> Self {
        Self { options, ..self }
    }

    option_setters!();

    /// Whether dropping the stream before its end cancels the run on the server, so that nobody pays for an answer that
    /// nobody reads. Default: no.
    ///
    /// The request has the headers and options of this call, and is sent even if the deadline of the call has passed or its
    /// token was cancelled. The drop waits for it up to two seconds; if the token was cancelled, 5 ms, after which the
    /// request continues in the background. A stream that was not read at all is read up to the event that names the run,
    /// within the same time.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// # let thread = assistants_blocking::openai::CreateThread::default();
    /// # let thread = thread.message(assistants_blocking::openai::CreateMessage::user("Hello"));
    /// # let thread = client.threads().create(thread).send()?;
    /// # let run = assistants_blocking::openai::CreateRun::new(&assistant);
    /// let mut stream = client.runs(&thread).stream(run).cancel_run_on_drop(true).send()?;
    /// let first = stream.next_text().transpose()?;
    /// drop(stream); // the run ends on the server too
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel_run_on_drop(mut self, cancel: bool) -> Self {
        self.cancel_run_on_drop = cancel;
        self
    }

    /// Sends the request; returns when the response begins.
    ///
    /// # Errors
    ///
    /// As [`Call::send`].
    pub fn send(mut self) -> Result<RunStream> {
        self.options.begin();
        let events = open_events(&self.client.endpoint, &self.call.request, &self.options)?;
        let events = events.after(self.call.request.last_event_id.unwrap_or_default());
        Ok(RunStream {
            events: EventReader::of(events),
            snapshots: RunAccumulator::default(),
            text_skipped: false,
            resume: Resume::new(self.call.request.query),
            cancel_run_on_drop: self.cancel_run_on_drop,
            known: self.known,
            client: self.client,
            options: self.options,
        })
    }
}

/// The events of a run, as they arrive.
///
/// See also the chapter [Streaming](crate::guide::streaming).
///
/// An iterator of [`StreamEvent`]s; after an error it ends. While it is read it keeps snapshots of the run, its
/// messages and steps. A stream that ends without the event that ends it is an [`Error::StreamTruncated`];
/// [`finish`](Self::finish) gets the run's result all the same.
///
/// If the server sends events with ids and has the operation of [`Runs::follow`], as `assistants-local` does, a connection
/// that breaks is replaced, and the iterator continues without a gap and without repetitions. This is tried as often in a row,
/// without an event in between, as a call may be retried ([`max_retries`](StreamCall::max_retries)), within the deadline of
/// the call.
///
/// ```
/// # let server = assistants_local::LocalServer::builder().start()?;
/// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
/// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
/// # let thread = assistants_blocking::openai::CreateThread::default();
/// # let thread = thread.message(assistants_blocking::openai::CreateMessage::user("Hello"));
/// # let thread = client.threads().create(thread).send()?;
/// # let run = assistants_blocking::openai::CreateRun::new(&assistant);
/// use assistants_blocking::openai::StreamEvent;
///
/// let mut stream = client.runs(&thread).stream(run).send()?;
/// for event in &mut stream {
///     match event? {
///         StreamEvent::MessageDelta(delta) => print!("{}", delta.text()),
///         StreamEvent::RunStepCreated(step) => println!("step {}", step.id),
///         _ => {}
///     }
/// }
/// let finished = stream.finish()?.completed()?;
/// assert_eq!(finished.text(), "Hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the run continues on the server, but nothing is read from a stream that is dropped"]
pub struct RunStream {
    client: Client,
    options: Options,
    events: EventReader<Incoming>,
    snapshots: RunAccumulator,
    /// Text was read that is missing in the snapshots, and no message has been completed since.
    text_skipped: bool,
    resume: Resume,
    cancel_run_on_drop: bool,
    /// The run, where it was known before the first event.
    known: Option<RunIds>,
}

impl RunStream {
    /// Reads one event and updates the snapshots. With `text_only`, an event of text alone is `None`.
    ///
    /// If the connection breaks and the server can continue the stream, it is continued on another one.
    fn read(&mut self, text_only: bool) -> Option<Result<Option<StreamEvent>>> {
        loop {
            match self.read_connection(text_only) {
                Some(Err(error)) => match self.reconnect(error) {
                    Ok(()) => {}
                    Err(error) => return Some(Err(error)),
                },
                outcome => {
                    self.resume.event_arrived();
                    return outcome;
                }
            }
        }
    }

    /// Reconnects after an error, or returns it.
    fn reconnect(&mut self, error: Error) -> Result<()> {
        let error = match self.resume.was_in_vain(&error) {
            true => self.events.truncated(None),
            false => error,
        };
        if !self.resume.is_for(&error) {
            return Err(error);
        }
        let ids = match (self.snapshots.run(), &self.known) {
            (Some(run), _) => (run.thread_id.as_str(), run.id.as_str()),
            (None, Some(known)) => (known.thread.as_str(), known.run.as_str()),
            (None, None) => return Err(error),
        };
        let last_id = self.events.last_event_id();
        let events = self.resume.reconnect(&self.client, &self.options, ids, last_id);
        match events.map_err(|error| self.events.origin().error(error))? {
            Some(events) => {
                self.events.continue_with(events);
                Ok(())
            }
            None => Err(error),
        }
    }

    /// Reads one event of the current connection.
    fn read_connection(&mut self, text_only: bool) -> Option<Result<Option<StreamEvent>>> {
        let outcome = self.events.read(text_only);
        match &outcome {
            Some(Ok(Some(event))) => {
                self.snapshots.apply(event);
                // It came with all of its text.
                if matches!(
                    event,
                    StreamEvent::MessageCompleted(_) | StreamEvent::MessageIncomplete(_)
                ) {
                    self.text_skipped = false;
                }
            }
            Some(Ok(None)) => self.text_skipped = true,
            Some(Err(_)) => {}
            // The stream is complete, so its connection can serve another request.
            None if self.events.has_ended() => {
                if let Some(body) = self.events.take_source() {
                    body.recycle();
                }
            }
            None => {}
        }
        outcome
    }

    /// The next piece of text that the assistant writes; other events are skipped. `None` at the end.
    ///
    /// This is the fastest way to the text: nothing is allocated for an event whose text has no escapes, and the text is
    /// borrowed until the next call. Text that is read here is not added to the snapshots. They contain a message in full
    /// once the server has completed it, and [`finish`](Self::finish) requests what they lack.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// # let thread = assistants_blocking::openai::CreateThread::default();
    /// # let thread = thread.message(assistants_blocking::openai::CreateMessage::user("Hello"));
    /// # let thread = client.threads().create(thread).send()?;
    /// # let run = assistants_blocking::openai::CreateRun::new(&assistant);
    /// let mut stream = client.runs(&thread).stream(run).send()?;
    /// let mut length = 0;
    /// while let Some(text) = stream.next_text() {
    ///     length += text?.len();
    /// }
    /// assert_eq!(length, "Hello".len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As those of the iterator.
    pub fn next_text(&mut self) -> Option<Result<&str>> {
        loop {
            match self.read(true)? {
                // A delta of several parts came as an event.
                Ok(Some(StreamEvent::MessageDelta(delta))) => self.events.keep_text(&delta.text()),
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
            if !self.events.text().is_empty() {
                break;
            }
        }
        Some(Ok(self.events.text()))
    }

    /// The pieces of text that the assistant writes, as owned strings.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// # let thread = assistants_blocking::openai::CreateThread::default();
    /// # let thread = thread.message(assistants_blocking::openai::CreateMessage::user("Hello"));
    /// # let thread = client.threads().create(thread).send()?;
    /// # let run = assistants_blocking::openai::CreateRun::new(&assistant);
    /// let mut stream = client.runs(&thread).stream(run).send()?;
    /// let text: String = stream.text_deltas().collect::<Result<_, _>>()?;
    /// assert_eq!(text, "Hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn text_deltas(&mut self) -> TextDeltas<'_> {
        TextDeltas { stream: self }
    }

    /// The thread, if it was created together with the run.
    #[must_use]
    pub fn thread(&self) -> Option<&Thread> {
        self.snapshots.thread()
    }

    /// The run as of the last event.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// # let thread = assistants_blocking::openai::CreateThread::default();
    /// # let thread = thread.message(assistants_blocking::openai::CreateMessage::user("Hello"));
    /// # let thread = client.threads().create(thread).send()?;
    /// # let run = assistants_blocking::openai::CreateRun::new(&assistant);
    /// let mut stream = client.runs(&thread).stream(run).send()?;
    /// while let Some(event) = stream.next() {
    ///     event?;
    ///     println!("{:?}", stream.run().map(|run| &run.status)); // queued, in progress, …
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn run(&self) -> Option<&Run> {
        self.snapshots.run()
    }

    /// The message of the last message event, including all deltas so far.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// # let thread = assistants_blocking::openai::CreateThread::default();
    /// # let thread = thread.message(assistants_blocking::openai::CreateMessage::user("Hello"));
    /// # let thread = client.threads().create(thread).send()?;
    /// # let run = assistants_blocking::openai::CreateRun::new(&assistant);
    /// let mut stream = client.runs(&thread).stream(run).send()?;
    /// while let Some(event) = stream.next() {
    ///     event?;
    ///     println!("{:?}", stream.message().map(|message| message.text())); // grows
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        self.snapshots.message()
    }

    /// The step of the last step event, including all deltas so far.
    #[must_use]
    pub fn run_step(&self) -> Option<&RunStep> {
        self.snapshots.run_step()
    }

    /// All messages of the stream, in the order of their first event.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        self.snapshots.messages()
    }

    /// All steps of the stream, in the order of their first event.
    #[must_use]
    pub fn run_steps(&self) -> &[RunStep] {
        self.snapshots.steps()
    }

    /// The id under which the server logged the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.events.origin().request_id.as_deref()
    }

    /// The id of the last event, with which [`Runs::follow`] can continue after it; `None` if the server sends no ids, as
    /// OpenAI does not.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// # let thread = assistants_blocking::openai::CreateThread::default();
    /// # let thread = thread.message(assistants_blocking::openai::CreateMessage::user("Hello big world"));
    /// # let thread = client.threads().create(thread).send()?;
    /// # let run = assistants_blocking::openai::CreateRun::new(&assistant);
    /// let runs = client.runs(&thread);
    /// let mut stream = runs.stream(run).send()?;
    /// let mut text = stream.next_text().transpose()?.unwrap_or_default().to_owned();
    /// let run = stream.run().map(|run| run.id.clone()).ok_or("the first event names the run")?;
    /// let last = stream.last_event_id().ok_or("this server sends ids")?.to_owned();
    /// drop(stream); // another process may continue, also after a restart of the server
    ///
    /// for piece in runs.follow(run).after(last).send()?.text_deltas() {
    ///     text += &piece?;
    /// }
    /// assert_eq!(text, "Hello big world");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn last_event_id(&self) -> Option<&str> {
        Some(self.events.last_event_id()).filter(|id| !id.is_empty())
    }

    /// Reads to the end and calls the handler for each event.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// # let thread = assistants_blocking::openai::CreateThread::default();
    /// # let thread = thread.message(assistants_blocking::openai::CreateMessage::user("Hello"));
    /// # let thread = client.threads().create(thread).send()?;
    /// # let run = assistants_blocking::openai::CreateRun::new(&assistant);
    /// use assistants_blocking::openai::StreamEvent;
    ///
    /// let mut names = Vec::new();
    /// let mut stream = client.runs(&thread).stream(run).send()?;
    /// stream.handle(&mut |event: &StreamEvent| names.push(event.name().to_owned()))?;
    /// assert_eq!(names[0], "thread.run.created");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the iterator, which are also reported to the handler.
    pub fn handle(&mut self, handler: &mut impl EventHandler) -> Result<()> {
        let outcome = self.drive(handler, &mut Progress::default());
        handler.on_end();
        outcome
    }

    /// Reads to the end and calls the handler, except for its `on_end`: more streams of the same run may follow.
    fn drive(&mut self, handler: &mut impl EventHandler, progress: &mut Progress) -> Result<()> {
        while let Some(event) = self.next() {
            match event {
                Ok(event) => progress.report(&event, &self.snapshots, handler),
                Err(error) => {
                    if error.is_timeout() {
                        handler.on_timeout();
                    }
                    handler.on_exception(&error);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Reads to the end and returns the run in its last state, with its messages and steps.
    ///
    /// Nothing is lost if the stream breaks off or contains something unreadable: the run is then polled until it has
    /// ended, and its messages and steps are retrieved.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// # let thread = assistants_blocking::openai::CreateThread::default();
    /// # let thread = thread.message(assistants_blocking::openai::CreateMessage::user("Hello"));
    /// # let thread = client.threads().create(thread).send()?;
    /// # let run = assistants_blocking::openai::CreateRun::new(&assistant);
    /// let finished = client.runs(&thread).stream(run).send()?.finish()?;
    /// println!("{} after {} steps", finished.run.status, finished.steps.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Api`] for an `error` event, [`Error::Cancelled`], and those of polling. A stream that broke off, went silent
    /// or could not be read is an error only if its run is not known yet.
    pub fn finish(mut self) -> Result<FinishedRun> {
        self.read_to_end()
    }

    /// As [`finish`](Self::finish), and calls the handler, except for its `on_end`.
    pub(super) fn read_to_end_with(
        &mut self,
        handler: &mut impl EventHandler,
        progress: &mut Progress,
    ) -> Result<FinishedRun> {
        match self.drive(handler, progress) {
            Err(error) if !self.can_recover(&error) => Err(error),
            _ => self.read_to_end(),
        }
    }

    fn read_to_end(&mut self) -> Result<FinishedRun> {
        let finished = self.read_or_fetch()?;
        self.cancel_run_on_drop = false;
        Ok(finished)
    }

    fn read_or_fetch(&mut self) -> Result<FinishedRun> {
        while let Some(event) = self.next() {
            match event {
                Ok(_) => {}
                Err(error) if self.can_recover(&error) => {
                    log::debug!("{}: {error}; reading the run instead", self.events.origin().what());
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        let settled = |run: &&Run| run.status.is_terminal() || run.status == RunStatus::RequiresAction;
        let snapshots = std::mem::take(&mut self.snapshots).finish();
        let complete = self.events.has_ended() && !self.text_skipped && !any_in_progress(&snapshots.messages);
        match snapshots.run {
            Some(run) if complete && settled(&&run) => Ok(FinishedRun {
                run,
                messages: snapshots.messages,
                steps: snapshots.steps,
                secrets: self.events.origin().secrets.clone(),
            }),
            Some(run) => self.fetch(&run.thread_id, &run.id),
            None => match &self.known {
                Some(known) => self.fetch(&known.thread, &known.run),
                None => Err(self.events.truncated(None)),
            },
        }
    }

    /// Whether polling the run makes up for an error.
    fn can_recover(&self, error: &Error) -> bool {
        (self.snapshots.run().is_some() || self.known.is_some())
            && match error {
                // What cannot be read can be requested: the run continues without this stream.
                Error::StreamTruncated(_) | Error::Stream(_) | Error::Decode(_) => true,
                // Nothing arrived at all, as when a connection is closed in order too early.
                Error::NotAStream(error) => error.excerpt.is_empty(),
                Error::Timeout(timeout) => timeout.phase == crate::TimeoutPhase::Idle,
                _ => false,
            }
    }

    /// Waits for the run, and reads its messages and steps.
    fn fetch(&self, thread: &str, run: &str) -> Result<FinishedRun> {
        let poll = self.client.runs(thread).poll(run);
        let run = poll.with_options(self.options.follow_up()).send()?;
        Ok(FinishedRun {
            secrets: self.events.origin().secrets.clone(),
            ..FinishedRun::of(&self.client, &self.options, thread, run)?
        })
    }
}

/// Whether a message was incomplete at its last event.
fn any_in_progress(messages: &[Message]) -> bool {
    messages
        .iter()
        .any(|message| message.status == MessageStatus::InProgress)
}

impl Iterator for RunStream {
    type Item = Result<StreamEvent>;

    fn next(&mut self) -> Option<Result<StreamEvent>> {
        self.read(false)?.transpose()
    }
}

impl Drop for RunStream {
    fn drop(&mut self) {
        if !self.cancel_run_on_drop || self.events.has_ended() {
            return;
        }
        let run = match (self.snapshots.run(), &self.known) {
            (Some(run), _) if run.status.is_terminal() => return,
            (Some(Run { id, thread_id, .. }), _) => Abandoned::Known {
                thread: thread_id.clone(),
                run: id.clone(),
            },
            (None, Some(known)) => Abandoned::Known {
                thread: known.thread.clone(),
                run: known.run.clone(),
            },
            (None, None) => Abandoned::Unread(Box::new(self.events.split_off())),
        };
        // Closes the connection first: the server need not write into it any more.
        drop(self.events.take_source());
        abandon::cancel(&self.client, &self.options, run);
    }
}

impl fmt::Debug for RunStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunStream")
            .field("events", &self.events)
            .field("run", &self.run().map(|run| &run.id))
            .finish_non_exhaustive()
    }
}

/// The pieces of text of a stream. From [`RunStream::text_deltas`].
#[derive(Debug)]
#[must_use = "nothing is read until it is iterated"]
pub struct TextDeltas<'s> {
    stream: &'s mut RunStream,
}

impl Iterator for TextDeltas<'_> {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Result<String>> {
        loop {
            match self.stream.next()? {
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
