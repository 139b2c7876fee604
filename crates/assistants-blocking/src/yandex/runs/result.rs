//! Results, events and the status of runs.

use std::ops::Deref;

use serde::Deserialize;

use crate::Call;
use crate::auth::secrets::Secrets;
use crate::call::options::{Options, option_setters};
use crate::call::response::RawResponse;
use crate::error::{Error, Result};
use crate::yandex::{Citation, ContentPart, EventType, Message, MessageContent, Run, RunStatus, StreamEvent};

/// The result of a run: a message, tool calls, or an error.
///
/// It derefs to the [`Run`], with its `status()`, `text()`, `message()`, `tool_calls()`, `usage()` and `error()`.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct RunResult {
    run: Run,
    /// Secrets that its errors must not show.
    #[serde(skip)]
    secrets: Secrets,
}

impl PartialEq for RunResult {
    fn eq(&self, other: &Self) -> bool {
        self.run == other.run
    }
}

impl RunResult {
    /// The parts of its message.
    #[must_use]
    pub fn parts(&self) -> &[ContentPart] {
        parts(self.run.message().and_then(|message| message.content.as_ref()))
    }

    /// The passages that the message cites.
    #[must_use]
    pub fn citations(&self) -> &[Citation] {
        citations(self.run.message())
    }

    /// An error if the run failed.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
    /// # let assistant = client.assistants().create(params).send()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// # let run = client.assistants().run(&assistant, &thread).send()?;
    /// match client.runs().wait(&run).send()?.succeeded() {
    ///     Ok(result) => println!("{:?}", result.text()),
    ///     Err(error) => println!("{error}"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::YandexRunFailed`] with the run.
    #[doc(alias = "completed")]
    pub fn succeeded(self) -> Result<Self> {
        if self.run.status().is_failed() {
            Err(Error::YandexRunFailed(Box::new(self.run)).redact(&self.secrets))
        } else {
            Ok(self)
        }
    }

    /// Sets the secrets of the call that it comes from.
    pub(crate) fn attach_secrets(&mut self, secrets: &Secrets) {
        self.secrets = secrets.clone();
    }

    /// The run itself.
    #[must_use]
    pub fn into_run(self) -> Run {
        self.run
    }
}

impl From<Run> for RunResult {
    fn from(run: Run) -> Self {
        Self {
            run,
            secrets: Secrets::default(),
        }
    }
}

impl Deref for RunResult {
    type Target = Run;

    fn deref(&self) -> &Run {
        &self.run
    }
}

/// An event of a run, with its number.
///
/// It derefs to the [`StreamEvent`], with its `text()` (all of it so far), `message()`, `tool_calls()` and `error()`.
#[derive(Clone, Debug, PartialEq)]
pub struct RunStreamEvent {
    pub(crate) index: i64,
    pub(crate) event: StreamEvent,
}

impl RunStreamEvent {
    /// The number of the event in its run, from 0. Listening again from the next number misses nothing.
    #[must_use]
    pub fn index(&self) -> i64 {
        self.index
    }

    /// The status of the run at this event: `IN_PROGRESS` for more text, `TOOL_CALLS`, `COMPLETED` and `FAILED`.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        match &self.event.event_type {
            EventType::PartialMessage => RunStatus::InProgress,
            EventType::ToolCalls => RunStatus::ToolCalls,
            EventType::Done => RunStatus::Completed,
            EventType::Error => RunStatus::Failed,
            other => RunStatus::from(other.as_str()),
        }
    }

    /// The parts of the message so far.
    #[must_use]
    pub fn parts(&self) -> &[ContentPart] {
        parts(self.event.content())
    }

    /// The passages that the message cites; empty before the last event.
    #[must_use]
    pub fn citations(&self) -> &[Citation] {
        citations(self.event.message())
    }

    /// Tokens used. Always `None`: the service counts them in the run only, see
    /// [`RunStream::finish`](crate::yandex::RunStream::finish).
    #[must_use]
    pub fn usage(&self) -> Option<&crate::yandex::ContentUsage> {
        None
    }

    /// The event itself.
    #[must_use]
    pub fn into_event(self) -> StreamEvent {
        self.event
    }
}

impl Deref for RunStreamEvent {
    type Target = StreamEvent;

    fn deref(&self) -> &StreamEvent {
        &self.event
    }
}

fn parts(content: Option<&MessageContent>) -> &[ContentPart] {
    content.map_or(&[], |content| &content.content)
}

fn citations(message: Option<&Message>) -> &[Citation] {
    message.map_or(&[], |message| &message.citations)
}

/// A request for the status of a run. From [`Runs::get_status`](super::Runs::get_status).
#[must_use = "a call does nothing until `send`"]
#[derive(Debug)]
pub struct StatusCall {
    call: Call<Run>,
    options: Options,
}

impl StatusCall {
    pub(crate) fn new(call: Call<Run>) -> Self {
        Self {
            options: call.options.clone(),
            call,
        }
    }

    option_setters!();

    /// Sends the request.
    ///
    /// # Errors
    ///
    /// As [`Call::send`].
    pub fn send(self) -> Result<RunStatus> {
        Ok(self.send_raw()?.parse()?.status())
    }

    /// Sends the request; the response is the run, unparsed.
    ///
    /// # Errors
    ///
    /// As [`Call::send_raw`].
    pub fn send_raw(self) -> Result<RawResponse<Run>> {
        self.call.with_options(self.options).send_raw()
    }
}
