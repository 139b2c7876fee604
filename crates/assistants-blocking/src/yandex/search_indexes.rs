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
    /// Prepares files for search; the answer is an [`Operation`](super::Operation) that makes the index.
    /// `POST /assistants/v1/searchIndex`. Without a folder it is created in the client's.
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
    #[doc(alias = "retrieve")]
    pub fn get(&self, index: impl IdOf<SearchIndex>) -> Call<SearchIndex> {
        self.client.call(op::GET_SEARCH_INDEX, &[index.as_id()])
    }

    /// Changes what `params` sets or clears, and keeps the rest. `PATCH /assistants/v1/searchIndex/{searchIndexId}`.
    pub fn update(&self, params: UpdateSearchIndex) -> Call<SearchIndex> {
        self.client
            .call_with(op::UPDATE_SEARCH_INDEX, &[&params.search_index_id], &params)
    }

    /// Deletes one index, not its files. `DELETE /assistants/v1/searchIndex/{searchIndexId}`.
    pub fn delete(&self, index: impl IdOf<SearchIndex>) -> Call<DeleteSearchIndexResponse> {
        self.client.call(op::DELETE_SEARCH_INDEX, &[index.as_id()])
    }

    /// Lists the indexes of the client's folder, newest first. `GET /assistants/v1/searchIndex`.
    pub fn list(&self) -> ListCall<SearchIndex, ListSearchIndicesResponse> {
        self.client
            .list(op::LIST_SEARCH_INDEXES, &[], &[("folderId", self.client.folder_id())])
    }

    /// Adds files to an index. `POST /assistants/v1/searchIndexFile:batchCreate`.
    pub fn add_files(
        &self,
        index: impl IdOf<SearchIndex>,
        files: impl IntoIterator<Item = impl IdOf<File>>,
    ) -> OperationCall<BatchCreateSearchIndexFileResponse> {
        let params = BatchCreateSearchIndexFile::new(index.as_id()).file_ids(files);
        let call = self.client.call_with(op::BATCH_CREATE_SEARCH_INDEX_FILES, &[], &params);
        OperationCall::new(&self.client, call)
    }

    /// Reads what an index knows of one of its files. `GET /assistants/v1/searchIndexFile/{searchIndexId}/{fileId}`.
    pub fn get_file(&self, index: impl IdOf<SearchIndex>, file: impl IdOf<File>) -> Call<SearchIndexFile> {
        self.client
            .call(op::GET_SEARCH_INDEX_FILE, &[index.as_id(), file.as_id()])
    }

    /// Lists the files of an index. `GET /assistants/v1/searchIndexFile/{searchIndexId}`.
    pub fn list_files(&self, index: impl IdOf<SearchIndex>) -> ListCall<SearchIndexFile, ListSearchIndexFilesResponse> {
        self.client.list(op::LIST_SEARCH_INDEX_FILES, &[index.as_id()], &[])
    }
}
