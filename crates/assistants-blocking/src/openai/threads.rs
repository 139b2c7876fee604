//! Threads, and runs created together with them.

use assistants_types::openai::operations as op;

use super::{
    Client, CreateThread, CreateThreadAndRun, IdOf, PollCall, Run, StreamCall, Thread, ThreadDeleted, UpdateThread,
};
use crate::Call;
use crate::call::Plain;

/// Threads: conversations that the server keeps. From [`Client::threads`].
///
/// The protocol has no operation that lists them; keep the ids.
#[derive(Clone, Debug)]
pub struct Threads {
    pub(super) client: Client,
}

impl Threads {
    /// Creates a thread, empty or with first messages. `POST /threads`.
    pub fn create(&self, params: CreateThread) -> Call<Thread> {
        self.client.call_with(op::CREATE_THREAD, &[], &params)
    }

    /// Reads one thread. `GET /threads/{thread_id}`.
    pub fn retrieve(&self, thread: impl IdOf<Thread>) -> Call<Thread> {
        self.client.call(op::RETRIEVE_THREAD, &[thread.as_id()])
    }

    /// Changes metadata or tool resources. `POST /threads/{thread_id}`.
    pub fn update(&self, thread: impl IdOf<Thread>, params: UpdateThread) -> Call<Thread> {
        self.client.call_with(op::UPDATE_THREAD, &[thread.as_id()], &params)
    }

    /// Deletes a thread with its messages and runs. `DELETE /threads/{thread_id}`.
    pub fn delete(&self, thread: impl IdOf<Thread>) -> Call<ThreadDeleted> {
        self.client.call(op::DELETE_THREAD, &[thread.as_id()])
    }

    /// Creates a thread and a run on it in one request; the run goes on in the background. `POST /threads/runs`.
    pub fn create_and_run(&self, params: CreateThreadAndRun) -> Call<Run> {
        self.client.call_with(op::CREATE_THREAD_AND_RUN, &[], &params)
    }

    /// As [`create_and_run`](Self::create_and_run), and streams the events of the run.
    pub fn create_and_run_stream(&self, params: CreateThreadAndRun) -> StreamCall<Plain> {
        StreamCall::new(&self.client, self.create_and_run(params))
    }

    /// As [`create_and_run`](Self::create_and_run), and waits until the run has ended or needs tool outputs.
    pub fn create_and_run_poll(&self, params: CreateThreadAndRun) -> PollCall {
        PollCall::after(&self.client, self.create_and_run(params))
    }
}
