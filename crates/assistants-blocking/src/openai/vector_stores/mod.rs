//! Vector stores.

mod batches;
mod files;

use assistants_types::openai::operations as op;

use super::wait::{Pollable, is_final};
use super::{
    Client, CreateVectorStore, IdOf, SearchVectorStore, UpdateVectorStore, VectorStore, VectorStoreDeleted,
    VectorStoreSearchResults, WaitCall,
};
use crate::{Call, ListCall};

pub use crate::error::{BatchUpload, FailedUpload};
pub use batches::{BatchUploadCall, VectorStoreBatches};
pub use files::VectorStoreFiles;

/// The vector stores of the project: collections of files that can be searched. From [`Client::vector_stores`].
///
/// See also the chapter [Files](crate::guide::files).
#[derive(Clone, Debug)]
pub struct VectorStores {
    pub(super) client: Client,
}

impl VectorStores {
    /// Creates a vector store, empty or with files, which are indexed in the background.
    ///
    /// `POST /vector_stores`. Carries an idempotency key, so that a retry does not create a second one on servers that
    /// support such keys.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use assistants_blocking::openai::{CreateVectorStore, VectorStoreExpiration};
    ///
    /// let params = CreateVectorStore::default().name("handbook").expires_after(VectorStoreExpiration::days(7));
    /// let store = client.vector_stores().create(params).send()?;
    /// assert_eq!(store.name, "handbook");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(&self, params: CreateVectorStore) -> Call<VectorStore> {
        self.client.call_with(op::CREATE_VECTOR_STORE, &[], &params)
    }

    /// Reads one vector store. `GET /vector_stores/{vector_store_id}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let store = client.vector_stores().create(assistants_blocking::openai::CreateVectorStore::default()).send()?;
    /// let store = client.vector_stores().retrieve(&store).send()?;
    /// println!("{}: {} of {} files", store.status, store.file_counts.completed, store.file_counts.total);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "get")]
    pub fn retrieve(&self, store: impl IdOf<VectorStore>) -> Call<VectorStore> {
        self.client.call(op::RETRIEVE_VECTOR_STORE, &[store.as_id()])
    }

    /// Changes what `params` sets or clears, and keeps the rest. `POST /vector_stores/{vector_store_id}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let store = client.vector_stores().create(assistants_blocking::openai::CreateVectorStore::default()).send()?;
    /// use assistants_blocking::openai::UpdateVectorStore;
    ///
    /// let params = UpdateVectorStore::default().name("handbook").clear_expires_after();
    /// let store = client.vector_stores().update(&store, params).send()?;
    /// assert_eq!(store.name, "handbook");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update(&self, store: impl IdOf<VectorStore>, params: UpdateVectorStore) -> Call<VectorStore> {
        self.client
            .call_with(op::UPDATE_VECTOR_STORE, &[store.as_id()], &params)
    }

    /// Deletes one vector store; its files stay. `DELETE /vector_stores/{vector_store_id}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let store = client.vector_stores().create(assistants_blocking::openai::CreateVectorStore::default()).send()?;
    /// assert!(client.vector_stores().delete(&store).send()?.deleted);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn delete(&self, store: impl IdOf<VectorStore>) -> Call<VectorStoreDeleted> {
        self.client.call(op::DELETE_VECTOR_STORE, &[store.as_id()])
    }

    /// Lists vector stores, newest first by default. `GET /vector_stores`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let notes = assistants_blocking::FileSource::bytes("notes.txt", "nine to five");
    /// # let file = client.files().upload(notes, "assistants").send()?;
    /// # let store = assistants_blocking::openai::CreateVectorStore::default().file_id(&file.id);
    /// # let store = client.vector_stores().create_and_poll(store).send()?;
    /// for store in client.vector_stores().list() {
    ///     let store = store?;
    ///     println!("{} {:?}: {} files", store.id, store.name, store.file_counts.total);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self) -> ListCall<VectorStore> {
        self.client.list(op::LIST_VECTOR_STORES, &[])
    }

    /// Finds the passages that match a query best: a text, several texts, or a [`SearchVectorStore`] with filters.
    ///
    /// `POST /vector_stores/{vector_store_id}/search`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let notes = assistants_blocking::FileSource::bytes("notes.txt", "nine to five");
    /// # let file = client.files().upload(notes, "assistants").send()?;
    /// use assistants_blocking::openai::{CreateVectorStore, SearchVectorStore};
    ///
    /// let params = CreateVectorStore::default().file_id(&file.id);
    /// let store = client.vector_stores().create_and_poll(params).send()?;
    /// let query = SearchVectorStore::new("nine").max_num_results(3);
    /// for found in client.vector_stores().search(&store, query).send()?.data {
    ///     println!("{:.2} {}: {}", found.score, found.filename, found.text());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn search(
        &self,
        store: impl IdOf<VectorStore>,
        params: impl Into<SearchVectorStore>,
    ) -> Call<VectorStoreSearchResults> {
        self.client
            .call_with(op::SEARCH_VECTOR_STORE, &[store.as_id()], &params.into())
    }

    /// Creates a vector store, and waits until its files are indexed or have failed: check its
    /// [`file_counts`](VectorStore::file_counts).
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let notes = assistants_blocking::FileSource::bytes("notes.txt", "nine to five");
    /// # let file = client.files().upload(notes, "assistants").send()?;
    /// use assistants_blocking::openai::CreateVectorStore;
    ///
    /// let params = CreateVectorStore::default().file_id(&file.id);
    /// let store = client.vector_stores().create_and_poll(params).send()?;
    /// assert_eq!((store.file_counts.completed, store.file_counts.failed), (1, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create_and_poll(&self, params: CreateVectorStore) -> WaitCall<VectorStore> {
        let stores = self.clone();
        WaitCall::after(self.create(params), move |store| stores.retrieve(store))
    }
}

impl Pollable for VectorStore {
    const NOUN: &'static str = "vector store";

    fn id(&self) -> &str {
        &self.id
    }

    fn status(&self) -> &str {
        self.status.as_str()
    }

    fn is_done(&self) -> bool {
        is_final(self.status(), &["completed", "expired"])
    }
}
