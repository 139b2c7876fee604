//! Search indexes and their files.

use assistants_types::yandex::operations as op;

use super::{
    BatchCreateSearchIndexFile, BatchCreateSearchIndexFileResponse, Client, CreateSearchIndex,
    DeleteSearchIndexResponse, File, IdOf, ListSearchIndexFilesResponse, ListSearchIndicesResponse, OperationCall,
    SearchIndex, SearchIndexFile, UpdateSearchIndex,
};
use crate::{Call, ListCall};

/// The search indexes of the folder. From [`Client::search_indexes`].
#[derive(Clone, Debug)]
pub struct SearchIndexes {
    pub(super) client: Client,
}

impl SearchIndexes {
    /// Creates a search index of files, as an [`Operation`](super::Operation) whose result is the index.
    /// `POST /assistants/v1/searchIndex`. The default folder is that of the client.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// use assistants_blocking::yandex::CreateSearchIndex;
    ///
    /// let file = client.files().upload("The office opens at nine.").send()?;
    /// let params = CreateSearchIndex::new(client.folder_id()).file_id(&file);
    /// let index = client.search_indexes().create(params).send()?.wait().send()?;
    /// for file in client.search_indexes().list_files(&index) {
    ///     println!("{}", file?.id);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(&self, mut params: CreateSearchIndex) -> OperationCall<SearchIndex> {
        self.client.or_folder(&mut params.folder_id);
        OperationCall::new(
            &self.client,
            self.client.call_with(op::CREATE_SEARCH_INDEX, &[], &params),
        )
    }

    /// Reads one index. `GET /assistants/v1/searchIndex/{searchIndexId}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let file = client.files().upload("The office opens at nine.").send()?;
    /// # let index = assistants_blocking::yandex::CreateSearchIndex::new(client.folder_id()).file_id(&file);
    /// # let index = client.search_indexes().create(index).send()?.wait().send()?;
    /// let index = client.search_indexes().get(&index).send()?;
    /// println!("{} {}", index.id, index.name);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "retrieve")]
    pub fn get(&self, index: impl IdOf<SearchIndex>) -> Call<SearchIndex> {
        self.client.call(op::GET_SEARCH_INDEX, &[index.as_id()])
    }

    /// Changes what `params` sets or clears, and keeps all other fields. `PATCH /assistants/v1/searchIndex/{searchIndexId}`.
    pub fn update(&self, params: UpdateSearchIndex) -> Call<SearchIndex> {
        self.client
            .call_with(op::UPDATE_SEARCH_INDEX, &[&params.search_index_id], &params)
    }

    /// Deletes one index, not its files. `DELETE /assistants/v1/searchIndex/{searchIndexId}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let file = client.files().upload("The office opens at nine.").send()?;
    /// # let index = assistants_blocking::yandex::CreateSearchIndex::new(client.folder_id()).file_id(&file);
    /// # let index = client.search_indexes().create(index).send()?.wait().send()?;
    /// client.search_indexes().delete(&index).send()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn delete(&self, index: impl IdOf<SearchIndex>) -> Call<DeleteSearchIndexResponse> {
        self.client.call(op::DELETE_SEARCH_INDEX, &[index.as_id()])
    }

    /// Lists the indexes of the client's folder, newest first. `GET /assistants/v1/searchIndex`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let file = client.files().upload("The office opens at nine.").send()?;
    /// # let index = assistants_blocking::yandex::CreateSearchIndex::new(client.folder_id()).file_id(&file);
    /// # let index = client.search_indexes().create(index).send()?.wait().send()?;
    /// for index in client.search_indexes().list() {
    ///     println!("{}", index?.id);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self) -> ListCall<SearchIndex, ListSearchIndicesResponse> {
        self.client
            .list(op::LIST_SEARCH_INDEXES, &[], &[("folderId", self.client.folder_id())])
    }

    /// Adds files to an index. `POST /assistants/v1/searchIndexFile:batchCreate`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let file = client.files().upload("The office opens at nine.").send()?;
    /// # let index = assistants_blocking::yandex::CreateSearchIndex::new(client.folder_id()).file_id(&file);
    /// # let index = client.search_indexes().create(index).send()?.wait().send()?;
    /// let more = client.files().upload("The office closes at five.").send()?;
    /// client.search_indexes().add_files(&index, [&more]).send()?.wait().send()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_files(
        &self,
        index: impl IdOf<SearchIndex>,
        files: impl IntoIterator<Item = impl IdOf<File>>,
    ) -> OperationCall<BatchCreateSearchIndexFileResponse> {
        let params = BatchCreateSearchIndexFile::new(index.as_id()).file_ids(files);
        let call = self.client.call_with(op::BATCH_CREATE_SEARCH_INDEX_FILES, &[], &params);
        OperationCall::new(&self.client, call)
    }

    /// Reads one file of an index. `GET /assistants/v1/searchIndexFile/{searchIndexId}/{fileId}`.
    pub fn get_file(&self, index: impl IdOf<SearchIndex>, file: impl IdOf<File>) -> Call<SearchIndexFile> {
        self.client
            .call(op::GET_SEARCH_INDEX_FILE, &[index.as_id(), file.as_id()])
    }

    /// Lists the files of an index. `GET /assistants/v1/searchIndexFile/{searchIndexId}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let file = client.files().upload("The office opens at nine.").send()?;
    /// # let index = assistants_blocking::yandex::CreateSearchIndex::new(client.folder_id()).file_id(&file);
    /// # let index = client.search_indexes().create(index).send()?.wait().send()?;
    /// for file in client.search_indexes().list_files(&index) {
    ///     println!("{}", file?.id);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list_files(&self, index: impl IdOf<SearchIndex>) -> ListCall<SearchIndexFile, ListSearchIndexFilesResponse> {
        self.client.list(op::LIST_SEARCH_INDEX_FILES, &[index.as_id()], &[])
    }
}
