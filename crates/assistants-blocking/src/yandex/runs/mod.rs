//! Runs.

mod call;
mod result;
mod stream;
mod tools;
mod wait;

use assistants_types::yandex::operations as op;

use super::client::with_query;
use super::{Client, CreateRun, IdOf, ListRunsResponse, Run, SubmitToRun, SubmitToRunResponse, Thread, ToolResult};
use crate::{Call, ListCall};

pub use call::{RunCall, RunStreamCall};
pub use result::{RunResult, RunStreamEvent, StatusCall};
pub use stream::{ListenCall, RunStream, TextDelta, TextDeltas};
pub use tools::ToolRunCall;
pub use wait::WaitCall;

/// The runs of the folder. From [`Client::runs`].
#[derive(Clone, Debug)]
pub struct Runs {
    pub(super) client: Client,
}

impl Runs {
    /// Starts a run, which continues in the background. `POST /assistants/v1/runs`.
    ///
    /// [`Assistants::run`](super::Assistants::run) is the same with setters for the parameters.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
    /// # let assistant = client.assistants().create(params).send()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// use assistants_blocking::yandex::CreateRun;
    ///
    /// let run = client.runs().create(CreateRun::new(&assistant, &thread)).send()?;
    /// let result = client.runs().wait(&run).send()?.succeeded()?;
    /// assert_eq!(result.text().as_deref(), Some("Hello"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(&self, params: CreateRun) -> Call<Run> {
        self.client.call_with(op::CREATE_RUN, &[], &params)
    }

    /// Reads one run. `GET /assistants/v1/runs/{runId}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
    /// # let assistant = client.assistants().create(params).send()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// # let run = client.assistants().run(&assistant, &thread).send()?;
    /// let run = client.runs().get(&run).send()?;
    /// println!("{} {:?}", run.status(), run.text());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "retrieve")]
    pub fn get(&self, run: impl IdOf<Run>) -> Call<Run> {
        self.client.call(op::GET_RUN, &[run.as_id()])
    }

    /// Reads the last run of a thread. `GET /assistants/v1/runs:getByThread`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
    /// # let assistant = client.assistants().create(params).send()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// # let run = client.assistants().run(&assistant, &thread).send()?;
    /// let last = client.runs().get_last_by_thread(&thread).send()?;
    /// assert_eq!(last.id, run.id);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_last_by_thread(&self, thread: impl IdOf<Thread>) -> Call<Run> {
        self.client
            .query(op::GET_LAST_RUN_BY_THREAD, &[], &[("threadId", thread.as_id())])
    }

    /// Lists the runs of the client's folder. `GET /assistants/v1/runs`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
    /// # let assistant = client.assistants().create(params).send()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// # let run = client.assistants().run(&assistant, &thread).send()?;
    /// for run in client.runs().list() {
    ///     let run = run?;
    ///     println!("{} {}", run.id, run.status());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self) -> ListCall<Run, ListRunsResponse> {
        self.client
            .list(op::LIST_RUNS, &[], &[("folderId", self.client.folder_id())])
    }

    /// Streams the events of a run from the first or a later one, even after its end.
    /// `GET /assistants/v1/runs/listen`.
    ///
    /// If the connection breaks off, it is opened again after the last event, so that each event is returned once and in
    /// order.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
    /// # let assistant = client.assistants().create(params).send()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// # let run = client.assistants().run(&assistant, &thread).send()?;
    /// for event in client.runs().listen(&run).send()? {
    ///     let event = event?;
    ///     println!("{} {} {:?}", event.index(), event.status(), event.text());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn listen(&self, run: impl IdOf<Run>) -> ListenCall {
        let request = with_query(op::LISTEN_RUN, &[], &[("runId", run.as_id())]);
        ListenCall::new(&self.client, run.as_id(), request)
    }

    /// Submits the results of all tool calls that the run waits for. `PATCH /assistants/v1/runs/submit`.
    ///
    /// Tool calls have no ids: the results are in the order of the calls and have their names. Not idempotent, so the
    /// request is repeated only if the service cannot have seen it, or reports that it did not execute it.
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
    /// let run = client.assistants().run(&assistant, &thread).send()?;
    ///
    /// let waiting = client.runs().wait(&run).send()?;
    /// let results = waiting.function_calls().map(|call| FunctionResult::new(&call.name, "noon"));
    /// client.runs().submit_tool_results(&run, results).send()?;
    /// let result = client.runs().wait(&run).send()?;
    /// assert_eq!(result.text().as_deref(), Some("now returned noon"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn submit_tool_results(
        &self,
        run: impl IdOf<Run>,
        results: impl IntoIterator<Item = impl Into<ToolResult>>,
    ) -> Call<SubmitToRunResponse> {
        if run.as_id().is_empty() {
            return self
                .client
                .send(op::SUBMIT_TO_RUN, with_query(op::SUBMIT_TO_RUN, &[], &[("runId", "")]));
        }
        let params = SubmitToRun::tool_results(run.as_id(), results);
        self.client.call_with(op::SUBMIT_TO_RUN, &[], &params)
    }

    /// Not supported: the service has no operation that ends a run.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`](crate::Error::Unsupported), always, at `send`.
    pub fn cancel(&self, run: impl IdOf<Run>) -> Call<Run> {
        let why = format!(
            "run {}: cannot be cancelled, the service has no such call; it ends by itself",
            run.as_id()
        );
        self.client.unsupported(&why)
    }

    /// Reads the status of a run. `GET /assistants/v1/runs/{runId}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
    /// # let assistant = client.assistants().create(params).send()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// # let run = client.assistants().run(&assistant, &thread).send()?;
    /// println!("{}", client.runs().get_status(&run).send()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_status(&self, run: impl IdOf<Run>) -> StatusCall {
        StatusCall::new(self.get(run))
    }

    /// Reads a run with its result so far. `GET /assistants/v1/runs/{runId}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
    /// # let assistant = client.assistants().create(params).send()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// # let run = client.assistants().run(&assistant, &thread).send()?;
    /// let result = client.runs().get_result(&run).send()?;
    /// if result.status().is_succeeded() {
    ///     println!("{:?}", result.text());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_result(&self, run: impl IdOf<Run>) -> Call<RunResult> {
        let mut call: Call<RunResult> = self.client.call(op::GET_RUN, &[run.as_id()]);
        call.attach_secrets = RunResult::attach_secrets;
        call
    }
}
