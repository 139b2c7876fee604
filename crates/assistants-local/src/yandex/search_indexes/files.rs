//! Files of search indexes.

use assistants_types::openai::VectorStoreFile;
use assistants_types::yandex::{BatchCreateSearchIndexFile, ListSearchIndexFilesResponse, SearchIndexFile};

use super::{check_files, find};
use crate::engine::vector_stores;
use crate::storage::document::Loaded;
use crate::storage::{Document, Kind, StorageError};
use crate::yandex::operations::{self, Work};
use crate::yandex::resource::SUBJECT;
use crate::yandex::search_indexes;
use crate::yandex::{ApiError, ApiResponse, Call, page};

pub(crate) fn batch_create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: BatchCreateSearchIndexFile = call.body()?;
    check_files(&params.file_ids)?;
    if params.file_ids.is_empty() {
        return Err(ApiError::invalid("The body needs at least one of `fileIds`."));
    }
    let answer = call.respond_once(|transaction| {
        let index = search_indexes::view(find(transaction, &params.search_index_id)?)?;
        let work = Work::new(&index.id, &params.file_ids, false);
        let operation = operations::begin(transaction, "search index file batch creation", &index, work)?;
        search_indexes::touch(&call.engine, transaction, index)?;
        Ok(operation)
    })?;
    call.engine.index_soon();
    Ok(answer)
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
    call.respond(&of(&file.object))
}

fn view(document: Document) -> Result<SearchIndexFile, StorageError> {
    Ok(of(&Loaded::<VectorStoreFile>::parse(document)?.object))
}

pub(crate) fn of(file: &VectorStoreFile) -> SearchIndexFile {
    SearchIndexFile {
        id: file.id.clone(),
        search_index_id: file.vector_store_id.clone(),
        created_by: SUBJECT.to_owned(),
        created_at: file.created_at,
        ..SearchIndexFile::default()
    }
}
