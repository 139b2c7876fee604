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
    /// A name of a model stands for its URI, see [`Client::model_uri`]; without a folder it is created in the client's.
    pub fn create(&self, mut params: CreateAssistant) -> Call<Assistant> {
        self.client.or_folder(&mut params.folder_id);
        params.model_uri = self.client.model_uri(&params.model_uri);
        self.client.call_with(op::CREATE_ASSISTANT, &[], &params)
    }

    /// Reads one assistant. `GET /assistants/v1/assistants/{assistantId}`.
    pub fn get(&self, assistant: impl IdOf<Assistant>) -> Call<Assistant> {
        self.client.call(op::GET_ASSISTANT, &[assistant.as_id()])
    }

    /// Changes what `params` sets or clears, and keeps the rest. `PATCH /assistants/v1/assistants/{assistantId}`.
    pub fn update(&self, mut params: UpdateAssistant) -> Call<Assistant> {
        params.model_uri = self.client.model_uri(&params.model_uri);
        self.client
            .call_with(op::UPDATE_ASSISTANT, &[&params.assistant_id], &params)
    }

    /// Deletes one assistant. `DELETE /assistants/v1/assistants/{assistantId}`.
    pub fn delete(&self, assistant: impl IdOf<Assistant>) -> Call<DeleteAssistantResponse> {
        self.client.call(op::DELETE_ASSISTANT, &[assistant.as_id()])
    }

    /// Lists the assistants of the client's folder, newest first. `GET /assistants/v1/assistants`.
    pub fn list(&self) -> ListCall<Assistant, ListAssistantsResponse> {
        self.client
            .list(op::LIST_ASSISTANTS, &[], &[("folderId", self.client.folder_id())])
    }

    /// Lists the versions of an assistant, newest first. `GET /assistants/v1/assistants:listVersions`.
    pub fn list_versions(
        &self,
        assistant: impl IdOf<Assistant>,
    ) -> ListCall<AssistantVersion, ListAssistantVersionsResponse> {
        self.client
            .list(op::LIST_ASSISTANT_VERSIONS, &[], &[("assistantId", assistant.as_id())])
    }

    /// Runs the assistant on a thread. The run goes on in the background: [`Runs::wait`](super::Runs::wait) waits for
    /// its result.
    pub fn run(&self, assistant: impl IdOf<Assistant>, thread: impl IdOf<Thread>) -> RunCall {
        RunCall::new(&self.client, CreateRun::new(assistant.as_id(), thread.as_id()))
    }

    /// Runs the assistant on a thread and hands out events while it writes.
    pub fn run_stream(&self, assistant: impl IdOf<Assistant>, thread: impl IdOf<Thread>) -> RunStreamCall {
        RunStreamCall::new(&self.client, CreateRun::new(assistant.as_id(), thread.as_id()))
    }
}
