//! Waiting for a run.

use std::time::Duration;

use assistants_types::openai::operations as op;

use crate::call::options::option_setters;
use crate::call::wait::{Polled, Wait};
use crate::error::Result;
use crate::openai::{Client, CreateRun, IdOf, Run, Runs, ToolOutput};
use crate::{Call, Options};

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
        PollCall::of(&self.client, &self.thread, run.as_id())
    }

    /// Starts a run, and waits until it has ended or needs tool outputs.
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
        PollCall::after(&self.client, self.create(params).plain())
    }

    /// As [`submit_tool_outputs`](Self::submit_tool_outputs), and waits until the run has ended or needs more outputs.
    pub fn submit_tool_outputs_and_poll(
        &self,
        run: impl IdOf<Run>,
        outputs: impl IntoIterator<Item = impl Into<ToolOutput>>,
    ) -> PollCall {
        let run = run.into_id();
        PollCall::after(&self.client, self.submit_tool_outputs(&run, outputs)).about(&self.thread, &run)
    }
}

/// A call that waits until a run has ended or needs tool outputs.
///
/// The run is handed out in whatever state it ended: look at its [`status`](Run::status).
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
#[must_use = "nothing is polled until `send`"]
#[derive(Debug)]
pub struct PollCall {
    client: Client,
    first: Option<Box<Call<Run>>>,
    /// The run, where it is known before the first response.
    run: Option<RunIds>,
    pub(crate) options: Options,
    poll_interval: Option<Duration>,
    poll_timeout: Duration,
}

/// The ids of a run.
#[derive(Debug)]
struct RunIds {
    thread: String,
    run: String,
}

impl PollCall {
    /// Waits for the run that `call` responds with.
    pub(crate) fn after(client: &Client, mut call: Call<Run>) -> Self {
        Self {
            options: std::mem::take(&mut call.options),
            first: Some(Box::new(call)),
            run: None,
            ..Self::new(client)
        }
    }

    pub(crate) fn of(client: &Client, thread: &str, run: &str) -> Self {
        Self::new(client).about(thread, run)
    }

    /// Takes no response about another run.
    pub(crate) fn about(mut self, thread: &str, run: &str) -> Self {
        self.run = Some(RunIds {
            thread: thread.to_owned(),
            run: run.to_owned(),
        });
        self
    }

    fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
            first: None,
            run: None,
            options: client.options.clone(),
            poll_interval: None,
            poll_timeout: Duration::from_secs(15 * 60),
        }
    }

    option_setters!();

    /// The wait between two polls. Default: what the last `openai-poll-after-ms` header says, from 20 ms to a minute;
    /// without one, 50 ms at first, growing to 1 second.
    #[doc(alias = "interval")]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = Some(interval);
        self
    }

    /// Limits the whole wait; the last poll is made when the limit is reached. Default: 15 minutes; runs expire on the
    /// server after 10.
    pub fn poll_timeout(mut self, limit: Duration) -> Self {
        self.poll_timeout = limit;
        self
    }

    /// Waits, and hands out the run.
    ///
    /// A status newer than this crate counts as "still at work".
    ///
    /// # Errors
    ///
    /// As [`Call::send`]; [`Error::Timeout`](crate::Error::Timeout) naming the last status when the run is not done in
    /// time, [`Error::Decode`](crate::Error::Decode) when the server responds with another run.
    pub fn send(mut self) -> Result<Run> {
        self.options.begin();
        let mut first = self.first.take();
        Wait::new(&self.options, self.poll_interval, self.poll_timeout).until(|| {
            let call = match (first.take(), &self.run) {
                (Some(mut call), _) => {
                    call.options = self.options.clone();
                    *call
                }
                (None, ids) => {
                    let ids = ids
                        .as_ref()
                        .map_or(["", ""], |ids| [ids.thread.as_str(), ids.run.as_str()]);
                    let mut call = self.client.call::<Run>(op::RETRIEVE_RUN, &ids);
                    call.options = self.options.follow_up();
                    call
                }
            };
            let what = call.request.what();
            let response = call.send_raw()?;
            let run = response.parse()?;
            match &self.run {
                Some(ids) => response.check_id(&ids.run, &run.id)?,
                None => {
                    self.run = Some(RunIds {
                        thread: run.thread_id.clone(),
                        run: run.id.clone(),
                    });
                }
            }
            if is_done(&run) {
                return Ok(Polled::Done(run));
            }
            Ok(Polled::running(
                &response,
                &format!("{what}: the run is `{}`", run.status),
            ))
        })
    }
}

/// Whether waiting longer changes nothing.
pub(crate) fn is_done(run: &Run) -> bool {
    run.status.is_terminal() || run.status == crate::openai::RunStatus::RequiresAction
}
