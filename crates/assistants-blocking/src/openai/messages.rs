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
    #[doc(alias = "get")]
    pub fn retrieve(&self, message: impl IdOf<Message>) -> Call<Message> {
        self.client.call(op::RETRIEVE_MESSAGE, &[&self.thread, message.as_id()])
    }

    /// Changes the metadata of a message. `POST /threads/{thread_id}/messages/{message_id}`.
    pub fn update(&self, message: impl IdOf<Message>, params: UpdateMessage) -> Call<Message> {
        self.client
            .call_with(op::UPDATE_MESSAGE, &[&self.thread, message.as_id()], &params)
    }

    /// Deletes one message. `DELETE /threads/{thread_id}/messages/{message_id}`.
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
    pub fn run_id(self, run: impl IdOf<Run>) -> Self {
        self.parameter("run_id", run.as_id())
    }
}
