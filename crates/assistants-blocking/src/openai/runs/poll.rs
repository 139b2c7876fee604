//! Waiting for a run.

use std::time::Duration;

use crate::openai::wait::{Pollable, WaitCall};
use crate::openai::{CreateRun, IdOf, Run, RunStatus, Runs, ToolOutput};

/// A call that waits until a run has ended or needs tool outputs.
///
/// It returns the run in whatever state it ended: check its [`status`](Run#structfield.status).
///
/// ```
/// # let server = assistants_local::LocalServer::builder().start()?;
/// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
/// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
/// # let thread = assistants_blocking::openai::CreateThread::default();
/// # let thread = thread.message(assistants_blocking::openai::CreateMessage::user("Hello"));
/// # let thread = client.threads().create(thread).send()?;
/// use std::time::Duration;
/// use assistants_blocking::openai::CreateRun;
///
/// let call = client.runs(&thread).create_and_poll(CreateRun::new(&assistant));
/// let run = call.poll_interval(Duration::from_millis(500)).poll_timeout(Duration::from_secs(120)).send()?;
/// println!("{}", run.status);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type PollCall = WaitCall<Run>;

impl Runs {
    /// Waits until a run has ended or needs tool outputs.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// # let thread = assistants_blocking::openai::CreateThread::default();
    /// # let thread = thread.message(assistants_blocking::openai::CreateMessage::user("Hello"));
    /// # let thread = client.threads().create(thread).send()?;
    /// use std::time::Duration;
    /// # use assistants_blocking::openai::CreateRun;
    /// # let run = client.runs(&thread).create(CreateRun::new(&assistant)).send()?;
    ///
    /// let run = client.runs(&thread).poll(&run).poll_timeout(Duration::from_secs(60)).send()?;
    /// assert_eq!(run.status.as_str(), "completed");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn poll(&self, run: impl IdOf<Run>) -> PollCall {
        let runs = self.clone();
        PollCall::of(run.as_id().to_owned(), self.retrieve(run), move |run| {
            runs.retrieve(run)
        })
    }

    /// Starts a run and waits until it has ended or needs tool outputs.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// # let thread = assistants_blocking::openai::CreateThread::default();
    /// # let thread = thread.message(assistants_blocking::openai::CreateMessage::user("Hello"));
    /// # let thread = client.threads().create(thread).send()?;
    /// use assistants_blocking::openai::{CreateRun, RunStatus};
    ///
    /// let run = client.runs(&thread).create_and_poll(CreateRun::new(&assistant)).send()?;
    /// match run.status {
    ///     RunStatus::Completed => {
    ///         let messages = client.messages(&thread).list().run_id(&run).send()?;
    ///         println!("{}", messages.data[0].text());
    ///     }
    ///     other => println!("ended as {other}: {:?}", run.last_error),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create_and_poll(&self, params: CreateRun) -> PollCall {
        let runs = self.clone();
        PollCall::after(self.create(params).plain(), move |run| runs.retrieve(run))
    }

    /// As [`submit_tool_outputs`](Self::submit_tool_outputs), and waits until the run has ended or needs more outputs.
    pub fn submit_tool_outputs_and_poll(
        &self,
        run: impl IdOf<Run>,
        outputs: impl IntoIterator<Item = impl Into<ToolOutput>>,
    ) -> PollCall {
        let (runs, id) = (self.clone(), run.as_id().to_owned());
        PollCall::after(self.submit_tool_outputs(run, outputs), move |run| runs.retrieve(run)).about(id)
    }
}

impl Pollable for Run {
    const NOUN: &'static str = "run";
    const POLL_TIMEOUT: Duration = Duration::from_secs(15 * 60);

    fn id(&self) -> &str {
        &self.id
    }

    fn status(&self) -> &str {
        self.status.as_str()
    }

    fn is_done(&self) -> bool {
        self.status.is_terminal() || self.status == RunStatus::RequiresAction
    }
}
