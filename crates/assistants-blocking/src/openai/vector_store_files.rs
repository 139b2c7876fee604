//! Files of a vector store.

use assistants_types::openai::operations as op;

use super::wait::Awaited;
use super::{
    Client, CreateVectorStoreFile, IdOf, UpdateVectorStoreFile, VectorStoreFile, VectorStoreFileContent,
    VectorStoreFileDeleted, VectorStoreFileStatus, WaitCall,
};
use crate::error::Result;
use crate::source::FileSource;
use crate::{Call, ListCall, Options};

/// The files of one vector store. From [`Client::vector_store_files`].
#[derive(Clone, Debug)]
pub struct VectorStoreFiles {
    pub(super) client: Client,
    pub(super) store: String,
}

impl VectorStoreFiles {
    /// Puts a file into the vector store, where it is indexed in the background.
    ///
    /// `POST /vector_stores/{vector_store_id}/files`.
    pub fn create(&self, params: CreateVectorStoreFile) -> Call<VectorStoreFile> {
        self.client
            .call_with(op::CREATE_VECTOR_STORE_FILE, &[&self.store], &params)
    }

    /// Reads how far the indexing of one file has come. `GET /vector_stores/{vector_store_id}/files/{file_id}`.
    pub fn retrieve(&self, file: impl IdOf<VectorStoreFile>) -> Call<VectorStoreFile> {
        self.client
            .call(op::RETRIEVE_VECTOR_STORE_FILE, &[&self.store, file.as_id()])
    }

    /// Replaces the attributes of one file. `POST /vector_stores/{vector_store_id}/files/{file_id}`.
    pub fn update(&self, file: impl IdOf<VectorStoreFile>, params: UpdateVectorStoreFile) -> Call<VectorStoreFile> {
        self.client
            .call_with(op::UPDATE_VECTOR_STORE_FILE, &[&self.store, file.as_id()], &params)
    }

    /// Takes one file out of the vector store; the file itself stays.
    ///
    /// `DELETE /vector_stores/{vector_store_id}/files/{file_id}`.
    pub fn delete(&self, file: impl IdOf<VectorStoreFile>) -> Call<VectorStoreFileDeleted> {
        self.client
            .call(op::DELETE_VECTOR_STORE_FILE, &[&self.store, file.as_id()])
    }

    /// Lists the files, newest first unless told otherwise. `GET /vector_stores/{vector_store_id}/files`.
    pub fn list(&self) -> ListCall<VectorStoreFile> {
        self.client.list(op::LIST_VECTOR_STORE_FILES, &[&self.store])
    }

    /// Reads the text of one file as it was indexed. `GET /vector_stores/{vector_store_id}/files/{file_id}/content`.
    pub fn content(&self, file: impl IdOf<VectorStoreFile>) -> Call<VectorStoreFileContent> {
        self.client
            .call(op::RETRIEVE_VECTOR_STORE_FILE_CONTENT, &[&self.store, file.as_id()])
    }

    /// Waits until a file is indexed or has failed: look at its [`status`](VectorStoreFile#structfield.status).
    pub fn poll(&self, file: impl IdOf<VectorStoreFile>) -> WaitCall<VectorStoreFile> {
        let files = self.clone();
        WaitCall::of(&self.client.options, file.into_id(), move |id| files.retrieve(id))
    }

    /// Puts a file into the vector store, and waits as [`poll`](Self::poll).
    pub fn create_and_poll(&self, params: CreateVectorStoreFile) -> WaitCall<VectorStoreFile> {
        let first = self.create(params);
        self.wait(|_| Ok(first))
    }

    /// Uploads a file for assistants, puts it into the vector store, and waits as [`poll`](Self::poll). Fields of the
    /// body are those of [`create`](Self::create).
    ///
    /// # Errors
    ///
    /// At `send`: those of [`Files::upload`](super::Files::upload), and of the other requests.
    pub fn upload_and_poll(&self, file: impl Into<FileSource>) -> WaitCall<VectorStoreFile> {
        let (files, source) = (self.clone(), file.into());
        self.wait(move |options| {
            let mut upload = files.client.files().upload(source, "assistants");
            upload.options = options.follow_up();
            Ok(files.create(CreateVectorStoreFile::new(&upload.send()?)))
        })
    }

    fn wait(
        &self,
        first: impl FnOnce(&Options) -> Result<Call<VectorStoreFile>> + Send + 'static,
    ) -> WaitCall<VectorStoreFile> {
        let files = self.clone();
        WaitCall::after(&self.client.options, first, move |id| files.retrieve(id))
    }
}

impl ListCall<VectorStoreFile> {
    /// Only files in this status.
    pub fn filter(self, status: impl Into<VectorStoreFileStatus>) -> Self {
        self.parameter("filter", status.into().as_str())
    }
}

impl Awaited for VectorStoreFile {
    const NOUN: &'static str = "file";
    const FINAL: &'static [&'static str] = &["completed", "failed", "cancelled"];

    fn id(&self) -> &str {
        &self.id
    }

    fn status(&self) -> &str {
        self.status.as_str()
    }
}
