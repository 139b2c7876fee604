//! Vector stores.

pub(crate) mod batches;
pub(crate) mod files;

use assistants_types::openai::{
    CreateVectorStore, SearchQuery, SearchResultText, SearchVectorStore, UpdateVectorStore, VectorStoreDeleted,
    VectorStoreSearchResult, VectorStoreSearchResults, VectorStoreStatus,
};

use super::page::page;
use super::{ApiError, ApiResponse, Call};
use crate::clock::now;
use crate::engine::vector_stores::{self, Search, SearchHit};
use crate::http;
use crate::search::check_filter;
use crate::storage::Kind;
use crate::storage::object::to_json;

pub(super) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CreateVectorStore = call.body("CreateVectorStore")?;
    call.object(|transaction| Ok(vector_stores::create_store(transaction, &params)?))
}

pub(super) fn list(call: &Call) -> Result<ApiResponse, ApiError> {
    call.engine.expire_stores(now().unix_timestamp())?;
    page(call, Kind::VectorStore, None, None, |_| Ok(()))
}

pub(super) fn retrieve(call: &Call) -> Result<ApiResponse, ApiError> {
    call.engine.expire_stores(now().unix_timestamp())?;
    call.stored(Kind::VectorStore, call.id("vector_store_id"), None)
}

pub(super) fn update(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: UpdateVectorStore = call.body("UpdateVectorStore")?;
    let id = call.id("vector_store_id");
    call.object(|transaction| {
        let mut store = vector_stores::load_store(transaction, id)?;
        let mut name = Some(store.object.name.clone());
        params.name.clone().apply_to(&mut name);
        store.object.name = name.unwrap_or_default();
        params.expires_after.clone().apply_to(&mut store.object.expires_after);
        params.metadata.clone().apply_to(&mut store.object.metadata);
        store.object.metadata.get_or_insert_default();
        vector_stores::touch(transaction, &mut store)?;
        Ok(store.object)
    })
}

pub(super) fn delete(call: &Call) -> Result<ApiResponse, ApiError> {
    let id = call.id("vector_store_id");
    call.transact(|transaction| {
        vector_stores::load_store(transaction, id)?;
        Ok::<_, ApiError>(vector_stores::delete(transaction, id)?)
    })?;
    let deleted = VectorStoreDeleted {
        id: id.to_owned(),
        deleted: true,
        ..VectorStoreDeleted::default()
    };
    Ok(ApiResponse::json(&deleted))
}

/// The maximum number of queries in a search.
const MAX_QUERIES: usize = 64;

/// Responses are not stored for idempotency keys, because a repeated search does no harm.
pub(super) fn search(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: SearchVectorStore = call.body("SearchVectorStore")?;
    if let Some(filter) = &params.filters {
        check_filter(filter)
            .map_err(|fault| ApiError::invalid(format!("Invalid 'filters': {fault}.")).param("filters"))?;
    }
    let queries = match params.query {
        SearchQuery::Text(text) => vec![text],
        SearchQuery::Texts(texts) => texts,
        _ => Vec::new(),
    };
    http::check_count("query", queries.len(), MAX_QUERIES)?;
    let ranking = params.ranking_options.unwrap_or_default();
    let weights = vector_stores::weights(ranking.hybrid_search.as_ref());
    if weights.embedding + weights.text <= 0.0 {
        let message = "Invalid 'ranking_options.hybrid_search': one of the weights must be greater than 0.";
        return Err(ApiError::invalid(message).param("ranking_options.hybrid_search"));
    }
    let id = call.id("vector_store_id");
    call.engine.expire_stores(now().unix_timestamp())?;
    call.read(|transaction| {
        if vector_stores::load_store(transaction, id)?.object.status == VectorStoreStatus::Expired {
            return Err(vector_stores::expired(id).into());
        }
        Ok(())
    })?;
    let is_by_vector = weights.embedding > 0.0;
    let vectors = is_by_vector.then(|| call.engine.query_vectors(&queries)).flatten();
    let hits = call.engine.search(&Search {
        store_ids: &[id.to_owned()],
        queries: &queries,
        vectors: vectors.as_ref(),
        weights,
        filter: params.filters.as_ref(),
        limit: usize::try_from(params.max_num_results.unwrap_or(10)).unwrap_or(10),
        least_score: ranking.score_threshold.unwrap_or_default(),
    })?;
    let results = VectorStoreSearchResults {
        search_query: queries,
        data: hits.into_iter().map(result).collect(),
        ..VectorStoreSearchResults::default()
    };
    Ok(ApiResponse::Json(to_json(&results)))
}

fn result(hit: SearchHit) -> VectorStoreSearchResult {
    let content = SearchResultText {
        text: hit.text,
        ..SearchResultText::default()
    };
    VectorStoreSearchResult {
        file_id: hit.file_id,
        filename: hit.file_name,
        score: hit.score,
        attributes: hit.attributes,
        content: vec![content],
        ..VectorStoreSearchResult::default()
    }
}
