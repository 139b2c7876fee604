//! Search indexes, which are vector stores in the OpenAI protocol. All kinds of indexes are searched in the same
//! way: by words, and with an embedder by meaning too.

pub(crate) mod files;
mod indexing;
mod kinds;
mod stored;

use assistants_types::openai::CreateVectorStore;
use assistants_types::yandex::{
    CreateSearchIndex, DeleteSearchIndexResponse, ListSearchIndicesResponse, SearchIndex, UpdateSearchIndex,
};

pub(super) use self::indexing::Indexing;
pub(super) use self::stored::{touch, view};

use self::indexing::check_files;
use self::stored::{find, save};
use super::{ApiError, ApiResponse, Call, page, resource};
use crate::engine::vector_stores;
use crate::storage::Kind;

pub(super) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CreateSearchIndex = call.body()?;
    check_files(&params.file_ids)?;
    let mut index = SearchIndex {
        folder_id: params.folder_id,
        name: params.name,
        description: params.description,
        expiration_config: params.expiration_config,
        labels: params.labels,
        kind: Some(kinds::complete(params.kind)?),
        ..SearchIndex::default()
    };
    resource::set_created(&mut index, String::new())?;
    let response = call.respond_once(|transaction| {
        let store = CreateVectorStore {
            name: Some(index.name.clone()),
            metadata: index.labels.clone().into(),
            ..CreateVectorStore::default()
        };
        let id = vector_stores::create_store(transaction, &store)?.id;
        let index = SearchIndex { id, ..index.clone() };
        save(transaction, &index)?;
        transaction.put_in_folder(Kind::VectorStore, &index.id, &index.folder_id)?;
        resource::expire(&call.engine, transaction, &index)?;
        Indexing::of_new_index(&index.id, &params.file_ids).begin(transaction, "search index creation", &index)
    })?;
    call.engine.index_soon();
    Ok(response)
}

pub(super) fn list(call: &Call) -> Result<ApiResponse, ApiError> {
    let page = call.read(|transaction| page::of_folder(call, transaction, Kind::VectorStore))?;
    call.respond(&ListSearchIndicesResponse {
        indices: page.documents.into_iter().map(view).collect::<Result<_, _>>()?,
        next_page_token: page.next,
        ..ListSearchIndicesResponse::default()
    })
}

pub(super) fn get(call: &Call) -> Result<ApiResponse, ApiError> {
    let document = call.read(|transaction| find(transaction, call.id("searchIndexId")))?;
    call.respond(&view(document)?)
}

pub(super) fn update(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: UpdateSearchIndex = call.body()?;
    call.respond_once(|transaction| {
        let document = find(transaction, call.id("searchIndexId"))?;
        let index = resource::update(&view(document)?, &params, &params.update_mask)?;
        save(transaction, &index)?;
        resource::expire(&call.engine, transaction, &index)?;
        Ok(index)
    })
}

pub(super) fn delete(call: &Call) -> Result<ApiResponse, ApiError> {
    let id = call.id("searchIndexId");
    call.transact(|transaction| {
        find(transaction, id)?;
        vector_stores::delete(transaction, id)?;
        Ok(())
    })?;
    call.respond(&DeleteSearchIndexResponse::default())
}
