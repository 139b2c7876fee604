//! Files of search indexes.

use assistants_types::openai::VectorStoreFile;
use assistants_types::yandex::{BatchCreateSearchIndexFile, ListSearchIndexFilesResponse, SearchIndexFile};

use super::indexing::{Indexing, check_files};
use super::stored::{file_view, find, touch, view as index_view};
use crate::engine::vector_stores;
use crate::storage::object::Loaded;
use crate::storage::{Document, Kind, StorageError};
use crate::yandex::{ApiError, ApiResponse, Call, page};

pub(crate) fn batch_create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: BatchCreateSearchIndexFile = call.body()?;
    check_files(&params.file_ids)?;
    if params.file_ids.is_empty() {
        return Err(ApiError::invalid("`fileIds` must contain at least one id."));
    }
    let response = call.respond_once(|transaction| {
        let index = index_view(find(transaction, &params.search_index_id)?)?;
        let added = Indexing::of_added_files(&index.id, &params.file_ids);
        let operation = added.begin(transaction, "search index file batch creation", &index)?;
        touch(&call.engine, transaction, index)?;
        Ok(operation)
    })?;
    call.engine.index_soon();
    Ok(response)
}

pub(crate) fn list(call: &Call) -> Result<ApiResponse, ApiError> {
    let id = call.id("searchIndexId");
    let page = call.read(|transaction| {
        find(transaction, id)?;
        page::below(call, transaction, Kind::VectorStoreFile, id)
    })?;
    call.respond(&ListSearchIndexFilesResponse {
        files: page.documents.into_iter().map(view).collect::<Result<_, _>>()?,
        next_page_token: page.next,
        ..ListSearchIndexFilesResponse::default()
    })
}

pub(crate) fn get(call: &Call) -> Result<ApiResponse, ApiError> {
    let (index_id, file_id) = (call.id("searchIndexId"), call.id("fileId"));
    let file = call.read(|transaction| {
        find(transaction, index_id)?;
        vector_stores::load_file(transaction, index_id, file_id)?
            .ok_or_else(|| ApiError::not_found(Kind::File, file_id))
    })?;
    call.respond(&file_view(&file.object))
}

fn view(document: Document) -> Result<SearchIndexFile, StorageError> {
    Ok(file_view(&Loaded::<VectorStoreFile>::parse(document)?.object))
}
