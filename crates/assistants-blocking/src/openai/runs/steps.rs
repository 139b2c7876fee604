//! Steps of a run.

use assistants_types::openai::operations as op;

use crate::openai::{Client, IdOf, RunInclude, RunStep};
use crate::{Call, ListCall};

/// The steps of one run. From [`Client::run_steps`].
#[derive(Clone, Debug)]
pub struct RunSteps {
    pub(crate) client: Client,
    pub(crate) thread: String,
    pub(crate) run: String,
}

impl RunSteps {
    /// Reads one step. `GET /threads/{thread_id}/runs/{run_id}/steps/{step_id}`.
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
    /// # let id = client.run_steps(&thread, &run).list().send()?.data[0].id.clone();
    /// let step = client.run_steps(&thread, &run).retrieve(&id).send()?;
    /// println!("{} {}", step.type_, step.status);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "get")]
    pub fn retrieve(&self, step: impl IdOf<RunStep>) -> Call<RunStep> {
        self.client
            .call(op::RETRIEVE_RUN_STEP, &[&self.thread, &self.run, step.as_id()])
    }

    /// Lists steps, newest first by default. `GET /threads/{thread_id}/runs/{run_id}/steps`.
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
    /// for step in client.run_steps(&thread, &run).list().order("asc") {
    ///     let step = step?;
    ///     println!("{} {}", step.type_, step.status);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self) -> ListCall<RunStep> {
        self.client.list(op::LIST_RUN_STEPS, &[&self.thread, &self.run])
    }
}

impl ListCall<RunStep> {
    /// Includes data of a step that is left out by default.
    pub fn include(mut self, what: impl Into<RunInclude>) -> Self {
        self.request.query.push(include(&what.into()));
        self
    }
}

impl Call<RunStep> {
    /// Includes data of a step that is left out by default.
    pub fn include(mut self, what: impl Into<RunInclude>) -> Self {
        self.request.query.push(include(&what.into()));
        self
    }
}

/// The query parameter; it may be repeated.
pub(crate) fn include(what: &RunInclude) -> (String, String) {
    ("include[]".to_owned(), what.as_str().to_owned())
}
