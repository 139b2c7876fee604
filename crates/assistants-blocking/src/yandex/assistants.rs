//! Assistants.

use assistants_types::yandex::operations as op;

use super::{
    Assistant, AssistantVersion, Client, CreateAssistant, CreateRun, DeleteAssistantResponse, IdOf,
    ListAssistantVersionsResponse, ListAssistantsResponse, RunCall, RunStreamCall, Thread, UpdateAssistant,
};
use crate::{Call, ListCall};

/// The assistants of the folder. From [`Client::assistants`].
#[derive(Clone, Debug)]
pub struct Assistants {
    pub(super) client: Client,
}

impl Assistants {
    /// Creates an assistant. `POST /assistants/v1/assistants`.
    ///
    /// The model may be given by name, see [`Client::model_uri`]. The default folder is that of the client.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// use assistants_blocking::yandex::{CreateAssistant, ExpirationPolicy};
    ///
    /// let params = CreateAssistant::new(client.folder_id(), "yandexgpt")
    ///     .instruction("Be brief.")
    ///     .temperature(0.3)
    ///     .ttl_days(7)
    ///     .expiration_policy(ExpirationPolicy::SinceLastActive);
    /// let assistant = client.assistants().create(params).send()?;
    /// println!("{} {:?}", assistant.model_uri, assistant.expires_at);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(&self, mut params: CreateAssistant) -> Call<Assistant> {
        self.client.or_folder(&mut params.folder_id);
        params.model_uri = self.client.model_uri(&params.model_uri);
        self.client.call_with(op::CREATE_ASSISTANT, &[], &params)
    }

    /// Reads one assistant. `GET /assistants/v1/assistants/{assistantId}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
    /// # let assistant = client.assistants().create(params).send()?;
    /// let assistant = client.assistants().get(&assistant).send()?;
    /// println!("{} {}", assistant.name, assistant.model_uri);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "retrieve")]
    pub fn get(&self, assistant: impl IdOf<Assistant>) -> Call<Assistant> {
        self.client.call(op::GET_ASSISTANT, &[assistant.as_id()])
    }

    /// Changes what `params` sets or clears, and keeps all other fields. `PATCH /assistants/v1/assistants/{assistantId}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
    /// # let assistant = client.assistants().create(params).send()?;
    /// use assistants_blocking::yandex::UpdateAssistant;
    ///
    /// let changes = UpdateAssistant::new(&assistant).name("Clerk").clear_description();
    /// assert_eq!(client.assistants().update(changes).send()?.name, "Clerk");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update(&self, mut params: UpdateAssistant) -> Call<Assistant> {
        params.model_uri = self.client.model_uri(&params.model_uri);
        self.client
            .call_with(op::UPDATE_ASSISTANT, &[&params.assistant_id], &params)
    }

    /// Deletes one assistant. `DELETE /assistants/v1/assistants/{assistantId}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
    /// # let assistant = client.assistants().create(params).send()?;
    /// client.assistants().delete(&assistant).send()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn delete(&self, assistant: impl IdOf<Assistant>) -> Call<DeleteAssistantResponse> {
        self.client.call(op::DELETE_ASSISTANT, &[assistant.as_id()])
    }

    /// Lists the assistants of the client's folder, newest first. `GET /assistants/v1/assistants`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
    /// # let assistant = client.assistants().create(params).send()?;
    /// for assistant in client.assistants().list().page_size(100) {
    ///     println!("{}", assistant?.id);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self) -> ListCall<Assistant, ListAssistantsResponse> {
        self.client
            .list(op::LIST_ASSISTANTS, &[], &[("folderId", self.client.folder_id())])
    }

    /// Lists the versions of an assistant, newest first. `GET /assistants/v1/assistants:listVersions`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
    /// # let assistant = client.assistants().create(params).send()?;
    /// for version in client.assistants().list_versions(&assistant) {
    ///     println!("{}", version?.id);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list_versions(
        &self,
        assistant: impl IdOf<Assistant>,
    ) -> ListCall<AssistantVersion, ListAssistantVersionsResponse> {
        self.client
            .list(op::LIST_ASSISTANT_VERSIONS, &[], &[("assistantId", assistant.as_id())])
    }

    /// Runs the assistant on a thread. The run continues in the background: [`Runs::wait`](super::Runs::wait) waits for
    /// its result.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
    /// # let assistant = client.assistants().create(params).send()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// let run = client.assistants().run(&assistant, &thread).custom_temperature(0.1).send()?;
    /// let result = client.runs().wait(&run).send()?.succeeded()?;
    /// assert_eq!(result.text().as_deref(), Some("Hello"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run(&self, assistant: impl IdOf<Assistant>, thread: impl IdOf<Thread>) -> RunCall {
        RunCall::new(&self.client, CreateRun::new(assistant.as_id(), thread.as_id()))
    }

    /// Runs the assistant on a thread and streams the events of the run.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
    /// # let assistant = client.assistants().create(params).send()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// let mut stream = client.assistants().run_stream(&assistant, &thread).send()?;
    /// for delta in stream.text_deltas() {
    ///     print!("{}", delta?);
    /// }
    /// let result = stream.finish()?.succeeded()?;
    /// assert_eq!(result.text().as_deref(), Some("Hello"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_stream(&self, assistant: impl IdOf<Assistant>, thread: impl IdOf<Thread>) -> RunStreamCall {
        RunStreamCall::new(&self.client, CreateRun::new(assistant.as_id(), thread.as_id()))
    }
}
