//! Runs of a thread.

use assistants_types::openai::operations as op;

use super::run_steps::include;
use super::{
    Client, CreateRun, IdOf, PollCall, Run, RunInclude, StreamCall, SubmitToolOutputs, ToolOutput, ToolRunCall,
    UpdateRun,
};
use crate::tools::Tools;
use crate::{Call, ListCall};

/// The runs of one thread. From [`Client::runs`].
///
/// A thread takes one active run at a time.
#[derive(Clone, Debug)]
pub struct Runs {
    pub(super) client: Client,
    pub(super) thread: String,
}

impl Runs {
    /// Starts a run, which goes on in the background.
    ///
    /// `POST /threads/{thread_id}/runs`. Refused with status 400 while another run on the thread is active.
    pub fn create(&self, params: CreateRun) -> Call<Run> {
        self.client.call_with(op::CREATE_RUN, &[&self.thread], &params)
    }

    /// Reads one run. `GET /threads/{thread_id}/runs/{run_id}`.
    pub fn retrieve(&self, run: impl IdOf<Run>) -> Call<Run> {
        self.client.call(op::RETRIEVE_RUN, &[&self.thread, run.as_id()])
    }

    /// Changes the metadata of a run. `POST /threads/{thread_id}/runs/{run_id}`.
    pub fn update(&self, run: impl IdOf<Run>, params: UpdateRun) -> Call<Run> {
        self.client
            .call_with(op::UPDATE_RUN, &[&self.thread, run.as_id()], &params)
    }

    /// Lists runs, newest first unless told otherwise. `GET /threads/{thread_id}/runs`.
    pub fn list(&self) -> ListCall<Run> {
        self.client.list(op::LIST_RUNS, &[&self.thread])
    }

    /// Asks the server to stop a run, whose status is then `cancelling` and soon `cancelled`.
    ///
    /// `POST /threads/{thread_id}/runs/{run_id}/cancel`. Refused with status 400 when the run has ended.
    pub fn cancel(&self, run: impl IdOf<Run>) -> Call<Run> {
        self.client.call(op::CANCEL_RUN, &[&self.thread, run.as_id()])
    }

    /// Hands in the outputs of all function calls that the run waits for; they must come in one request.
    ///
    /// `POST /threads/{thread_id}/runs/{run_id}/submit_tool_outputs`.
    pub fn submit_tool_outputs(
        &self,
        run: impl IdOf<Run>,
        outputs: impl IntoIterator<Item = impl Into<ToolOutput>>,
    ) -> Call<Run> {
        let params = SubmitToolOutputs::new(outputs);
        self.client
            .call_with(op::SUBMIT_TOOL_OUTPUTS, &[&self.thread, run.as_id()], &params)
    }

    /// Starts a run and streams its events. `POST /threads/{thread_id}/runs` with `stream`.
    pub fn stream(&self, params: CreateRun) -> StreamCall {
        StreamCall::new(&self.client, self.create(params))
    }

    /// As [`submit_tool_outputs`](Self::submit_tool_outputs), and streams the events of the run as it goes on.
    pub fn submit_tool_outputs_stream(
        &self,
        run: impl IdOf<Run>,
        outputs: impl IntoIterator<Item = impl Into<ToolOutput>>,
    ) -> StreamCall {
        let run = run.into_id();
        StreamCall::new(&self.client, self.submit_tool_outputs(&run, outputs)).about(&self.thread, &run)
    }

    /// Waits until a run has ended or needs tool outputs.
    pub fn poll(&self, run: impl IdOf<Run>) -> PollCall {
        PollCall::of(&self.client, &self.thread, run.as_id())
    }

    /// Starts a run, and waits until it has ended or needs tool outputs.
    pub fn create_and_poll(&self, params: CreateRun) -> PollCall {
        PollCall::after(&self.client, self.create(params))
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

    /// Starts a run and answers its function calls with `tools` until it has ended.
    pub fn run_with_tools(&self, params: CreateRun, tools: &Tools) -> ToolRunCall {
        ToolRunCall::new(self, params, tools)
    }
}

impl Call<Run> {
    /// Also what is normally left out of the steps that a streamed run reports.
    pub fn include(mut self, what: impl Into<RunInclude>) -> Self {
        self.request.query.push(include(&what.into()));
        self
    }
}
