//! Threads, and runs created together with them.

use assistants_types::openai::operations as op;

use super::{
    Client, CreateThread, CreateThreadAndRun, IdOf, PollCall, Run, StreamCall, Thread, ThreadDeleted, UpdateThread,
};
use crate::call::Plain;
use crate::{Call, ListCall};

/// Threads: conversations that the server keeps. From [`Client::threads`].
///
/// The protocol has no operation that lists them; keep the ids.
#[derive(Clone, Debug)]
pub struct Threads {
    pub(super) client: Client,
}

impl Threads {
    /// Lists the threads of the project, newest first.
    ///
    /// `GET /threads`. Microsoft Foundry and the local server have this operation; OpenAI never did.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use assistants_blocking::openai::CreateThread;
    ///
    /// let thread = client.threads().create(CreateThread::default()).send()?;
    /// let ids = client.threads().list().into_iter().map(|thread| Ok(thread?.id));
    /// assert_eq!(ids.collect::<Result<Vec<_>, assistants_blocking::Error>>()?, [thread.id]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self) -> ListCall<Thread> {
        self.client.list(op::LIST_THREADS, &[])
    }

    /// Creates a thread, empty or with first messages. `POST /threads`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use assistants_blocking::openai::{CreateMessage, CreateThread};
    ///
    /// let empty = client.threads().create(CreateThread::default()).send()?;
    /// let params = CreateThread::default().message(CreateMessage::user("Hello")).metadata([("user", "42")]);
    /// let thread = client.threads().create(params).send()?;
    /// # assert_ne!(empty.id, thread.id);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(&self, params: CreateThread) -> Call<Thread> {
        self.client.call_with(op::CREATE_THREAD, &[], &params)
    }

    /// Reads one thread. `GET /threads/{thread_id}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let thread = client.threads().create(assistants_blocking::openai::CreateThread::default()).send()?;
    /// let thread = client.threads().retrieve(&thread).send()?;
    /// println!("{} {:?}", thread.id, thread.created_at);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "get")]
    pub fn retrieve(&self, thread: impl IdOf<Thread>) -> Call<Thread> {
        self.client.call(op::RETRIEVE_THREAD, &[thread.as_id()])
    }

    /// Changes metadata or tool resources. `POST /threads/{thread_id}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let thread = client.threads().create(assistants_blocking::openai::CreateThread::default()).send()?;
    /// use assistants_blocking::openai::UpdateThread;
    ///
    /// let params = UpdateThread::default().metadata([("user", "42")]);
    /// client.threads().update(&thread, params).send()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update(&self, thread: impl IdOf<Thread>, params: UpdateThread) -> Call<Thread> {
        self.client.call_with(op::UPDATE_THREAD, &[thread.as_id()], &params)
    }

    /// Deletes a thread with its messages and runs. `DELETE /threads/{thread_id}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let thread = client.threads().create(assistants_blocking::openai::CreateThread::default()).send()?;
    /// assert!(client.threads().delete(&thread).send()?.deleted);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn delete(&self, thread: impl IdOf<Thread>) -> Call<ThreadDeleted> {
        self.client.call(op::DELETE_THREAD, &[thread.as_id()])
    }

    /// Creates a thread and a run on it in one request; the run continues in the background. `POST /threads/runs`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// use assistants_blocking::openai::{CreateMessage, CreateThread, CreateThreadAndRun};
    ///
    /// let thread = CreateThread::default().message(CreateMessage::user("Hello"));
    /// let run = client.threads().create_and_run(CreateThreadAndRun::new(&assistant).thread(thread)).send()?;
    /// println!("{} on {}", run.id, run.thread_id);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create_and_run(&self, params: CreateThreadAndRun) -> Call<Run> {
        self.client.call_with(op::CREATE_THREAD_AND_RUN, &[], &params)
    }

    /// As [`create_and_run`](Self::create_and_run), and streams the events of the run.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// use assistants_blocking::openai::{CreateMessage, CreateThread, CreateThreadAndRun};
    ///
    /// let thread = CreateThread::default().message(CreateMessage::user("Hello"));
    /// let params = CreateThreadAndRun::new(&assistant).thread(thread);
    /// let mut stream = client.threads().create_and_run_stream(params).send()?;
    /// while let Some(text) = stream.next_text() {
    ///     print!("{}", text?);
    /// }
    /// println!("{:?}", stream.thread().map(|thread| &thread.id));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create_and_run_stream(&self, params: CreateThreadAndRun) -> StreamCall<Plain> {
        StreamCall::new(&self.client, self.create_and_run(params))
    }

    /// As [`create_and_run`](Self::create_and_run), and waits until the run has ended or needs tool outputs.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// use assistants_blocking::openai::{CreateMessage, CreateThread, CreateThreadAndRun, RunStatus};
    ///
    /// let thread = CreateThread::default().message(CreateMessage::user("Hello"));
    /// let params = CreateThreadAndRun::new(&assistant).thread(thread);
    /// let run = client.threads().create_and_run_poll(params).send()?;
    /// assert_eq!(run.status, RunStatus::Completed);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create_and_run_poll(&self, params: CreateThreadAndRun) -> PollCall {
        let client = self.client.clone();
        PollCall::after(self.create_and_run(params), move |run| {
            client.runs(&run.thread_id).retrieve(run)
        })
    }
}
