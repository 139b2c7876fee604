//! Runs.

use assistants_types::yandex::operations as op;

use super::client::needed;
use super::{
    Client, CreateRun, IdOf, ListRunsResponse, ListenCall, Run, RunResult, StatusCall, SubmitToRun,
    SubmitToRunResponse, Thread, ToolResult, ToolRunCall, WaitCall,
};
use crate::{Call, ListCall, Tools};

/// The runs of the folder. From [`Client::runs`].
#[derive(Clone, Debug)]
pub struct Runs {
    pub(super) client: Client,
}

impl Runs {
    /// Starts a run, which goes on in the background. `POST /assistants/v1/runs`.
    ///
    /// [`Assistants::run`](super::Assistants::run) is the same with its parameters at hand.
    pub fn create(&self, params: CreateRun) -> Call<Run> {
        self.client.call_with(op::CREATE_RUN, &[], &params)
    }

    /// Reads one run. `GET /assistants/v1/runs/{runId}`.
    pub fn get(&self, run: impl IdOf<Run>) -> Call<Run> {
        self.client.call(op::GET_RUN, &[run.as_id()])
    }

    /// Reads the last run of a thread. `GET /assistants/v1/runs:getByThread`.
    pub fn get_last_by_thread(&self, thread: impl IdOf<Thread>) -> Call<Run> {
        self.client
            .query(op::GET_LAST_RUN_BY_THREAD, &[], &[("threadId", thread.as_id())])
    }

    /// Lists the runs of the client's folder. `GET /assistants/v1/runs`.
    pub fn list(&self) -> ListCall<Run, ListRunsResponse> {
        self.client
            .list(op::LIST_RUNS, &[], &[("folderId", self.client.folder_id())])
    }

    /// Hands out the events of a run from its first, or from a later one, also after its end.
    /// `GET /assistants/v1/runs/listen`.
    ///
    /// A connection that breaks off is made again and goes on behind the last event, so that each event comes once and
    /// in order.
    pub fn listen(&self, run: impl IdOf<Run>) -> ListenCall {
        let request = needed(op::LISTEN_RUN, &[], &[("runId", run.as_id())]);
        ListenCall::new(&self.client, run.as_id(), request)
    }

    /// Hands in the results of all tool calls that the run waits for. `PATCH /assistants/v1/runs/submit`.
    ///
    /// The calls of an assistant have no ids: results stand in the order of the calls and carry their names. Not
    /// idempotent, so it is sent again only when the service cannot have seen it or says that it did not do it.
    pub fn submit_tool_results(
        &self,
        run: impl IdOf<Run>,
        results: impl IntoIterator<Item = impl Into<ToolResult>>,
    ) -> Call<SubmitToRunResponse> {
        if run.as_id().is_empty() {
            return self
                .client
                .send(op::SUBMIT_TO_RUN, needed(op::SUBMIT_TO_RUN, &[], &[("runId", "")]));
        }
        let params = SubmitToRun::tool_results(run.as_id(), results);
        self.client.call_with(op::SUBMIT_TO_RUN, &[], &params)
    }

    /// Not possible: the service has no call that ends a run.
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

    /// How far a run is. `GET /assistants/v1/runs/{runId}`.
    pub fn get_status(&self, run: impl IdOf<Run>) -> StatusCall {
        StatusCall::new(self.get(run))
    }

    /// What a run has come to by now. `GET /assistants/v1/runs/{runId}`.
    pub fn get_result(&self, run: impl IdOf<Run>) -> Call<RunResult> {
        let mut call: Call<RunResult> = self.client.call(op::GET_RUN, &[run.as_id()]);
        call.adopt = RunResult::adopt;
        call
    }

    /// Waits until a run has ended or asks for tool results.
    pub fn wait(&self, run: impl IdOf<Run>) -> WaitCall {
        WaitCall::new(self, run.as_id())
    }

    /// Starts a run and answers its function calls with `tools` until it has ended.
    pub fn run_with_tools(&self, params: CreateRun, tools: &Tools) -> ToolRunCall {
        ToolRunCall::new(self, params, tools)
    }
}
