//! Assistants.

use assistants_types::openai::operations as op;

use super::{Assistant, AssistantDeleted, Client, CreateAssistant, IdOf, UpdateAssistant};
use crate::{Call, ListCall};

/// The assistants of the project. From [`Client::assistants`].
#[derive(Clone, Debug)]
pub struct Assistants {
    pub(super) client: Client,
}

impl Assistants {
    /// Creates an assistant.
    ///
    /// `POST /assistants`. Carries an idempotency key, so that a retry does not create a second one on servers that
    /// know such keys.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use assistants_blocking::openai::{CreateAssistant, Tool};
    ///
    /// let params = CreateAssistant::new("gpt-4o").name("Clerk").tool(Tool::file_search());
    /// let assistant = client.assistants().create(params).send()?;
    /// assert_eq!(assistant.name.as_deref(), Some("Clerk"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(&self, params: CreateAssistant) -> Call<Assistant> {
        self.client.call_with(op::CREATE_ASSISTANT, &[], &params)
    }

    /// Reads one assistant. `GET /assistants/{assistant_id}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// let found = client.assistants().retrieve(&assistant).send()?; // or `&assistant.id`, or "asst_…"
    /// assert_eq!(found.model, "scripted");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "get")]
    pub fn retrieve(&self, assistant: impl IdOf<Assistant>) -> Call<Assistant> {
        self.client.call(op::RETRIEVE_ASSISTANT, &[assistant.as_id()])
    }

    /// Changes what `params` sets or clears, and keeps the rest. `POST /assistants/{assistant_id}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// use assistants_blocking::openai::UpdateAssistant;
    ///
    /// let changes = UpdateAssistant::default().name("Clerk").clear_description();
    /// let changed = client.assistants().update(&assistant, changes).send()?;
    /// assert_eq!(changed.name.as_deref(), Some("Clerk"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update(&self, assistant: impl IdOf<Assistant>, params: UpdateAssistant) -> Call<Assistant> {
        self.client
            .call_with(op::UPDATE_ASSISTANT, &[assistant.as_id()], &params)
    }

    /// Deletes one assistant. `DELETE /assistants/{assistant_id}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// assert!(client.assistants().delete(&assistant).send()?.deleted);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn delete(&self, assistant: impl IdOf<Assistant>) -> Call<AssistantDeleted> {
        self.client.call(op::DELETE_ASSISTANT, &[assistant.as_id()])
    }

    /// Lists assistants, newest first by default. `GET /assistants`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// for assistant in client.assistants().list().limit(100).order("asc") {
    ///     let assistant = assistant?;
    ///     println!("{} {:?}", assistant.id, assistant.name);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self) -> ListCall<Assistant> {
        self.client.list(op::LIST_ASSISTANTS, &[])
    }
}
