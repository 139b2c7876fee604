//! Files of an assistant, in version 1 of the protocol.

use assistants_types::openai::operations as op;

use super::{AssistantFile, AssistantFileDeleted, Client, CreateAssistantFile, IdOf};
use crate::{Call, ListCall};

/// The files attached to one assistant. From [`Client::assistant_files`].
///
/// Legacy: only servers of version 1 have them, and only for clients built with
/// [`beta("assistants=v1")`](super::ClientBuilder::beta). Version 2 has
/// [`tool_resources`](super::Assistant#structfield.tool_resources) and vector stores instead.
#[derive(Clone, Debug)]
pub struct AssistantFiles {
    pub(super) client: Client,
    pub(super) assistant: String,
}

impl AssistantFiles {
    /// Attaches a file that was uploaded before. `POST /assistants/{assistant_id}/files`.
    pub fn create(&self, params: CreateAssistantFile) -> Call<AssistantFile> {
        self.client
            .call_with(op::CREATE_ASSISTANT_FILE, &[&self.assistant], &params)
    }

    /// Reads since when one file is attached. `GET /assistants/{assistant_id}/files/{file_id}`.
    #[doc(alias = "get")]
    pub fn retrieve(&self, file: impl IdOf<AssistantFile>) -> Call<AssistantFile> {
        self.client
            .call(op::RETRIEVE_ASSISTANT_FILE, &[&self.assistant, file.as_id()])
    }

    /// Takes one file from the assistant; the file itself stays.
    ///
    /// `DELETE /assistants/{assistant_id}/files/{file_id}`.
    pub fn delete(&self, file: impl IdOf<AssistantFile>) -> Call<AssistantFileDeleted> {
        self.client
            .call(op::DELETE_ASSISTANT_FILE, &[&self.assistant, file.as_id()])
    }

    /// Lists the files, newest first by default. `GET /assistants/{assistant_id}/files`.
    pub fn list(&self) -> ListCall<AssistantFile> {
        self.client.list(op::LIST_ASSISTANT_FILES, &[&self.assistant])
    }
}
