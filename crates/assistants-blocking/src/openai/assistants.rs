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
    pub fn create(&self, params: CreateAssistant) -> Call<Assistant> {
        self.client.call_with(op::CREATE_ASSISTANT, &[], &params)
    }

    /// Reads one assistant. `GET /assistants/{assistant_id}`.
    pub fn retrieve(&self, assistant: impl IdOf<Assistant>) -> Call<Assistant> {
        self.client.call(op::RETRIEVE_ASSISTANT, &[assistant.as_id()])
    }

    /// Changes what `params` sets or clears, and keeps the rest. `POST /assistants/{assistant_id}`.
    pub fn update(&self, assistant: impl IdOf<Assistant>, params: UpdateAssistant) -> Call<Assistant> {
        self.client
            .call_with(op::UPDATE_ASSISTANT, &[assistant.as_id()], &params)
    }

    /// Deletes one assistant. `DELETE /assistants/{assistant_id}`.
    pub fn delete(&self, assistant: impl IdOf<Assistant>) -> Call<AssistantDeleted> {
        self.client.call(op::DELETE_ASSISTANT, &[assistant.as_id()])
    }

    /// Lists assistants, newest first unless told otherwise. `GET /assistants`.
    pub fn list(&self) -> ListCall<Assistant> {
        self.client.list(op::LIST_ASSISTANTS, &[])
    }
}
