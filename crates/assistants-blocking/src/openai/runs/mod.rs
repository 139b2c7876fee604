//! Runs of a thread.

mod abandon;
mod delta_reader;
mod event_reader;
mod finished;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod handler;
mod poll;
mod resume;
mod steps;
mod stream;
mod tools;

use assistants_types::openai::operations as op;

use super::{Client, CreateRun, IdOf, Run, RunInclude, SubmitToolOutputs, ToolOutput, UpdateRun};
use crate::call::request::Request;
use crate::{Call, ListCall};
use steps::include;

pub use event_reader::EventReader;
pub use finished::FinishedRun;
pub use handler::EventHandler;
pub use poll::PollCall;
pub use steps::RunSteps;
pub use stream::{FollowKind, RunStream, StreamCall, TextDeltas};
pub use tools::ToolRunCall;

/// The runs of one thread. From [`Client::runs`].
///
/// A thread takes one active run at a time.
#[derive(Clone, Debug)]
pub struct Runs {
    pub(super) client: Client,
    pub(super) thread: String,
}

impl Runs {
    /// Starts a run, which continues in the background.
    ///
    /// `POST /threads/{thread_id}/runs`. Rejected with status 400 while another run on the thread is active.
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
    /// let run = client.runs(&thread).create(CreateRun::new(&assistant).temperature(0.2)).send()?;
    /// let run = client.runs(&thread).poll(&run).send()?; // whenever its result is needed
    /// println!("{}", run.status);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(&self, params: CreateRun) -> Call<Run, RunKind> {
        let request = Request::new(op::CREATE_RUN.method, op::CREATE_RUN.path, &[&self.thread]).json(&params);
        Call::new(&self.client.endpoint, &self.client.options, request)
    }

    /// Reads one run. `GET /threads/{thread_id}/runs/{run_id}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// # let thread = assistants_blocking::openai::CreateThread::default();
    /// # let thread = thread.message(assistants_blocking::openai::CreateMessage::user("Hello"));
    /// # let thread = client.threads().create(thread).send()?;
    /// # let run = client.runs(&thread).create(assistants_blocking::openai::CreateRun::new(&assistant)).send()?;
    /// let run = client.runs(&thread).retrieve(&run).send()?;
    /// println!("{} since {:?}", run.status, run.started_at);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "get")]
    pub fn retrieve(&self, run: impl IdOf<Run>) -> Call<Run> {
        self.client.call(op::RETRIEVE_RUN, &[&self.thread, run.as_id()])
    }

    /// Changes the metadata of a run. `POST /threads/{thread_id}/runs/{run_id}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// # let thread = assistants_blocking::openai::CreateThread::default();
    /// # let thread = thread.message(assistants_blocking::openai::CreateMessage::user("Hello"));
    /// # let thread = client.threads().create(thread).send()?;
    /// # let run = assistants_blocking::openai::CreateRun::new(&assistant);
    /// # let run = client.runs(&thread).create_and_poll(run).send()?;
    /// use assistants_blocking::openai::UpdateRun;
    ///
    /// let params = UpdateRun::default().metadata([("ticket", "4711")]);
    /// client.runs(&thread).update(&run, params).send()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update(&self, run: impl IdOf<Run>, params: UpdateRun) -> Call<Run> {
        self.client
            .call_with(op::UPDATE_RUN, &[&self.thread, run.as_id()], &params)
    }

    /// Lists runs, newest first by default. `GET /threads/{thread_id}/runs`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// # let thread = assistants_blocking::openai::CreateThread::default();
    /// # let thread = thread.message(assistants_blocking::openai::CreateMessage::user("Hello"));
    /// # let thread = client.threads().create(thread).send()?;
    /// # let run = client.runs(&thread).create(assistants_blocking::openai::CreateRun::new(&assistant)).send()?;
    /// for run in client.runs(&thread).list() {
    ///     let run = run?;
    ///     println!("{} {} {:?}", run.id, run.status, run.usage);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self) -> ListCall<Run> {
        self.client.list(op::LIST_RUNS, &[&self.thread])
    }

    /// Cancels a run. Its status becomes `cancelling`, and soon `cancelled`.
    ///
    /// `POST /threads/{thread_id}/runs/{run_id}/cancel`. Rejected with status 400 if the run has ended.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// # let thread = assistants_blocking::openai::CreateThread::default();
    /// # let thread = thread.message(assistants_blocking::openai::CreateMessage::user("Hello"));
    /// # let thread = client.threads().create(thread).send()?;
    /// # use assistants_blocking::openai::{CreateMessage, CreateRun};
    /// # client.messages(&thread).create(CreateMessage::user("sleep 60000")).send()?;
    /// let run = client.runs(&thread).create(CreateRun::new(&assistant)).send()?;
    /// let run = client.runs(&thread).cancel(&run).send()?;
    /// println!("{}", run.status); // cancelling, or cancelled
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel(&self, run: impl IdOf<Run>) -> Call<Run> {
        self.client.call(op::CANCEL_RUN, &[&self.thread, run.as_id()])
    }

    /// Submits the outputs of all function calls that the run waits for; they must be in one request.
    ///
    /// `POST /threads/{thread_id}/runs/{run_id}/submit_tool_outputs`.
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
    /// let run = runs.create_and_poll(CreateRun::new(&assistant)).send()?;
    /// let outputs = run.tool_calls().iter().map(|call| call.output("noon"));
    /// let run = runs.submit_tool_outputs(&run, outputs).send()?;
    /// assert_eq!(runs.poll(&run).send()?.status.as_str(), "completed");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn submit_tool_outputs(
        &self,
        run: impl IdOf<Run>,
        outputs: impl IntoIterator<Item = impl Into<ToolOutput>>,
    ) -> Call<Run> {
        let params = SubmitToolOutputs::new(outputs);
        self.client
            .call_with(op::SUBMIT_TOOL_OUTPUTS, &[&self.thread, run.as_id()], &params)
    }
}

/// The kind of a [`Call`] or [`StreamCall`] that starts a run on a thread. No other call has its setter:
///
/// ```compile_fail,E0599
/// let client = assistants_blocking::openai::Client::builder().base_url("http://127.0.0.1:1").build().unwrap();
/// let _ = client.runs("thread_1").retrieve("run_1").include("step_details.tool_calls[*].file_search.results[*].content");
/// ```
///
/// ```compile_fail,E0599
/// use assistants_blocking::openai::ToolOutput;
/// let client = assistants_blocking::openai::Client::builder().base_url("http://127.0.0.1:1").build().unwrap();
/// let outputs = [ToolOutput::default().tool_call_id("call_1").output("4")];
/// let call = client.runs("thread_1").submit_tool_outputs_stream("run_1", outputs);
/// let _ = call.include("step_details.tool_calls[*].file_search.results[*].content");
/// ```
///
/// ```
/// use assistants_blocking::openai::{CreateRun, ToolOutput};
/// let client = assistants_blocking::openai::Client::builder().base_url("http://127.0.0.1:1").build().unwrap();
/// let content = "step_details.tool_calls[*].file_search.results[*].content";
/// let runs = client.runs("thread_1");
/// let _ = runs.create(CreateRun::new("asst_1")).include(content);
/// let _ = runs.stream(CreateRun::new("asst_1")).include(content);
/// let _ = runs.submit_tool_outputs_stream("run_1", [ToolOutput::default().tool_call_id("call_1").output("4")]);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct RunKind;

impl Call<Run, RunKind> {
    /// Includes data in the steps of a streamed run that is left out by default.
    pub fn include(mut self, what: impl Into<RunInclude>) -> Self {
        self.request.query.push(include(&what.into()));
        self
    }
}
