//! Messages of a thread.

use assistants_types::openai::operations as op;

use super::{Client, CreateMessage, IdOf, Message, MessageDeleted, Run, UpdateMessage};
use crate::{Call, ListCall};

/// The messages of one thread. From [`Client::messages`].
#[derive(Clone, Debug)]
pub struct Messages {
    pub(super) client: Client,
    pub(super) thread: String,
}

impl Messages {
    /// Adds a message to the end of the thread.
    ///
    /// `POST /threads/{thread_id}/messages`. Carries an idempotency key, so that a retry does not add a second one on
    /// servers that know such keys. While a run on the thread is active, the server rejects it with status 400.
    ///
    /// Servers of version 1 take files as `body_field("file_ids", ["file-…"])`, and show them in
    /// [`extra`](Message#structfield.extra).
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let thread = client.threads().create(assistants_blocking::openai::CreateThread::default()).send()?;
    /// use assistants_blocking::openai::CreateMessage;
    ///
    /// let params = CreateMessage::user("Hello").metadata([("from", "cli")]);
    /// let message = client.messages(&thread).create(params).send()?;
    /// assert_eq!(message.text(), "Hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(&self, params: CreateMessage) -> Call<Message> {
        self.client.call_with(op::CREATE_MESSAGE, &[&self.thread], &params)
    }

    /// Reads one message. `GET /threads/{thread_id}/messages/{message_id}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let thread = client.threads().create(assistants_blocking::openai::CreateThread::default()).send()?;
    /// # use assistants_blocking::openai::CreateMessage;
    /// # let message = client.messages(&thread).create(CreateMessage::user("Hello")).send()?;
    /// let message = client.messages(&thread).retrieve(&message).send()?;
    /// println!("{}: {}", message.role, message.text());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "get")]
    pub fn retrieve(&self, message: impl IdOf<Message>) -> Call<Message> {
        self.client.call(op::RETRIEVE_MESSAGE, &[&self.thread, message.as_id()])
    }

    /// Changes the metadata of a message. `POST /threads/{thread_id}/messages/{message_id}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let thread = client.threads().create(assistants_blocking::openai::CreateThread::default()).send()?;
    /// # use assistants_blocking::openai::CreateMessage;
    /// # let message = client.messages(&thread).create(CreateMessage::user("Hello")).send()?;
    /// use assistants_blocking::openai::UpdateMessage;
    ///
    /// let params = UpdateMessage::default().metadata([("read", "yes")]);
    /// client.messages(&thread).update(&message, params).send()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update(&self, message: impl IdOf<Message>, params: UpdateMessage) -> Call<Message> {
        self.client
            .call_with(op::UPDATE_MESSAGE, &[&self.thread, message.as_id()], &params)
    }

    /// Deletes one message. `DELETE /threads/{thread_id}/messages/{message_id}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let thread = client.threads().create(assistants_blocking::openai::CreateThread::default()).send()?;
    /// # use assistants_blocking::openai::CreateMessage;
    /// # let message = client.messages(&thread).create(CreateMessage::user("Hello")).send()?;
    /// assert!(client.messages(&thread).delete(&message).send()?.deleted);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn delete(&self, message: impl IdOf<Message>) -> Call<MessageDeleted> {
        self.client.call(op::DELETE_MESSAGE, &[&self.thread, message.as_id()])
    }

    /// Lists messages, newest first by default. `GET /threads/{thread_id}/messages`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let thread = client.threads().create(assistants_blocking::openai::CreateThread::default()).send()?;
    /// # use assistants_blocking::openai::CreateMessage;
    /// # client.messages(&thread).create(CreateMessage::user("Hello")).send()?;
    /// for message in client.messages(&thread).list().order("asc") {
    ///     let message = message?;
    ///     println!("{}: {}", message.role, message.text());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self) -> ListCall<Message> {
        self.client.list(op::LIST_MESSAGES, &[&self.thread])
    }
}

impl ListCall<Message> {
    /// Lists only the messages that this run wrote.
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
    /// for message in client.messages(&thread).list().run_id(&run) {
    ///     println!("{}", message?.text());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_id(self, run: impl IdOf<Run>) -> Self {
        self.parameter("run_id", run.as_id())
    }
}
