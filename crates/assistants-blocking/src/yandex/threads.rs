//! Threads.

use assistants_types::yandex::operations as op;

use super::{Client, CreateThread, DeleteThreadResponse, IdOf, ListThreadsResponse, Thread, UpdateThread};
use crate::{Call, ListCall};

/// The threads of the folder. From [`Client::threads`].
#[derive(Clone, Debug)]
pub struct Threads {
    pub(super) client: Client,
}

impl Threads {
    /// Creates a thread. `POST /assistants/v1/threads`. Without a folder it is created in the client's.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// use assistants_blocking::yandex::CreateThread;
    ///
    /// let params = CreateThread::new(client.folder_id()).name("Order 4711").message("Where is my order?");
    /// let thread = client.threads().create(params).send()?;
    /// assert_eq!(thread.name, "Order 4711");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(&self, mut params: CreateThread) -> Call<Thread> {
        self.client.or_folder(&mut params.folder_id);
        self.client.call_with(op::CREATE_THREAD, &[], &params)
    }

    /// Reads one thread. `GET /assistants/v1/threads/{threadId}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// let thread = client.threads().get(&thread).send()?;
    /// println!("{:?}", thread.expires_at);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "retrieve")]
    pub fn get(&self, thread: impl IdOf<Thread>) -> Call<Thread> {
        self.client.call(op::GET_THREAD, &[thread.as_id()])
    }

    /// Changes what `params` sets or clears, and keeps all other fields. `PATCH /assistants/v1/threads/{threadId}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// use assistants_blocking::yandex::UpdateThread;
    ///
    /// let params = UpdateThread::new(&thread).name("Order 4711").ttl_days(30);
    /// assert_eq!(client.threads().update(params).send()?.name, "Order 4711");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update(&self, params: UpdateThread) -> Call<Thread> {
        self.client.call_with(op::UPDATE_THREAD, &[&params.thread_id], &params)
    }

    /// Deletes one thread with its messages. `DELETE /assistants/v1/threads/{threadId}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// client.threads().delete(&thread).send()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn delete(&self, thread: impl IdOf<Thread>) -> Call<DeleteThreadResponse> {
        self.client.call(op::DELETE_THREAD, &[thread.as_id()])
    }

    /// Lists the threads of the client's folder, newest first. `GET /assistants/v1/threads`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// for thread in client.threads().list() {
    ///     println!("{}", thread?.id);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self) -> ListCall<Thread, ListThreadsResponse> {
        self.client
            .list(op::LIST_THREADS, &[], &[("folderId", self.client.folder_id())])
    }
}
