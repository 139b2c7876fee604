//! Search indexes, which are vector stores in the OpenAI protocol. All kinds of indexes are searched by words.

pub(crate) mod files;

use assistants_types::openai::{
    ChunkingStrategy as OpenAiChunking, CreateVectorStore, StaticChunking, StaticChunkingOptions, VectorStore,
};
use assistants_types::yandex::{
    ChunkingStrategy, ChunkingStrategyKind, CombinationStrategyKind, CreateSearchIndex, DeleteSearchIndexResponse,
    HybridSearchIndex, ListSearchIndicesResponse, MeanCombinationStrategy, MeanEvaluationTechnique,
    NormalizationStrategy, SearchIndex, SearchIndexKind, StandardTokenizer, StaticChunkingStrategy, TextSearchIndex,
    UpdateSearchIndex, YandexLemmerAnalyzer,
};

use super::operations::{self, Work};
use super::resource::{self, SUBJECT, noted, to_text};
use super::{ApiError, ApiResponse, Call, page};
use crate::engine::{Engine, vector_stores};
use crate::storage::document::Loaded;
use crate::storage::{Document, Kind, StorageError, Transaction};

/// The maximum number of files in a request.
const MAX_FILES: usize = 100;

/// The default sizes of chunks, in tokens.
const CHUNK_SIZE: i64 = 800;
const CHUNK_OVERLAP: i64 = 400;

/// The embedders that the service reports for vector indexes. This server does not use embeddings.
const DOC_EMBEDDER: &str = "emb://yc.ml.rag-prod.common/text-search-doc/latest";
const QUERY_EMBEDDER: &str = "emb://yc.ml.rag-prod.common/text-search-query/latest";

pub(super) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CreateSearchIndex = call.body()?;
    check_files(&params.file_ids)?;
    let mut index = SearchIndex {
        folder_id: params.folder_id,
        name: params.name,
        description: params.description,
        expiration_config: params.expiration_config,
        labels: params.labels,
        kind: Some(complete(params.kind)?),
        ..SearchIndex::default()
    };
    resource::set_created(&mut index, String::new())?;
    let answer = call.respond_once(|transaction| {
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
        let work = Work::new(&index.id, &params.file_ids, true);
        operations::begin(transaction, "search index creation", &index, work)
    })?;
    call.engine.index_soon();
    Ok(answer)
}

/// Checks the number of files in a request.
pub(super) fn check_files(file_ids: &[String]) -> Result<(), ApiError> {
    if file_ids.len() > MAX_FILES {
        return Err(ApiError::invalid(format!(
            "At most {MAX_FILES} files can be given at once."
        )));
    }
    Ok(())
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

pub(super) fn find(transaction: &dyn Transaction, id: &str) -> Result<Document, ApiError> {
    let not_found = || {
        let message = format!("No search index found with id '{id}'.");
        ApiError::new(super::error::Code::NotFound, message)
    };
    vector_stores::find(transaction, id)?.ok_or_else(not_found)
}

/// Records that an index was used.
pub(super) fn touch(engine: &Engine, transaction: &dyn Transaction, mut index: SearchIndex) -> Result<(), ApiError> {
    if resource::touch(&mut index) {
        save(transaction, &index)?;
        resource::expire(engine, transaction, &index)?;
    }
    Ok(())
}

/// Stores the new state of an index.
fn save(transaction: &dyn Transaction, index: &SearchIndex) -> Result<(), ApiError> {
    let mut store = vector_stores::load_store(transaction, &index.id)?;
    store.object.name.clone_from(&index.name);
    store.object.metadata = Some(index.labels.clone());
    store.document.notes = Some(to_text(index)?);
    Ok(store.save(transaction)?)
}

/// Returns the index of a document: its notes, updated with what the OpenAI protocol has changed since.
pub(super) fn view(document: Document) -> Result<SearchIndex, StorageError> {
    let noted = noted::<SearchIndex>(&document)?;
    let store = Loaded::<VectorStore>::parse(document)?.object;
    let mut index = noted.unwrap_or_else(|| SearchIndex {
        id: store.id,
        created_by: SUBJECT.to_owned(),
        created_at: store.created_at,
        updated_by: SUBJECT.to_owned(),
        updated_at: store.created_at,
        kind: Some(SearchIndexKind::TextSearchIndex(text_index(TextSearchIndex::default()))),
        ..SearchIndex::default()
    });
    index.name = store.name;
    index.labels = store.metadata.unwrap_or_default();
    Ok(index)
}

/// Returns how files of an index are cut into chunks.
pub(super) fn chunking(index: &SearchIndex) -> OpenAiChunking {
    let strategy = match &index.kind {
        Some(SearchIndexKind::TextSearchIndex(index)) => index.chunking_strategy.as_ref(),
        Some(SearchIndexKind::VectorSearchIndex(index)) => index.chunking_strategy.as_ref(),
        Some(SearchIndexKind::HybridSearchIndex(index)) => index.chunking_strategy.as_ref(),
        _ => None,
    };
    let (size, overlap) = match strategy.and_then(|strategy| strategy.kind.as_ref()) {
        Some(ChunkingStrategyKind::StaticStrategy(sizes)) => (sizes.max_chunk_size_tokens, sizes.chunk_overlap_tokens),
        _ => (CHUNK_SIZE, CHUNK_OVERLAP),
    };
    OpenAiChunking::Static(StaticChunking::new(StaticChunkingOptions::new(size, overlap)))
}

/// Checks the kind of an index, and fills in the defaults that the service shows.
fn complete(kind: Option<SearchIndexKind>) -> Result<SearchIndexKind, ApiError> {
    let kind = kind.unwrap_or_else(|| SearchIndexKind::TextSearchIndex(TextSearchIndex::default()));
    let (kind, strategy) = match kind {
        SearchIndexKind::TextSearchIndex(index) => {
            let index = text_index(index);
            let strategy = index.chunking_strategy.clone();
            (SearchIndexKind::TextSearchIndex(index), strategy)
        }
        SearchIndexKind::VectorSearchIndex(mut index) => {
            default_to(&mut index.doc_embedder_uri, DOC_EMBEDDER);
            default_to(&mut index.query_embedder_uri, QUERY_EMBEDDER);
            index.chunking_strategy = Some(chunks(index.chunking_strategy));
            let strategy = index.chunking_strategy.clone();
            (SearchIndexKind::VectorSearchIndex(index), strategy)
        }
        SearchIndexKind::HybridSearchIndex(index) => {
            let index = hybrid_index(index);
            let strategy = index.chunking_strategy.clone();
            (SearchIndexKind::HybridSearchIndex(index), strategy)
        }
        other => {
            return Err(ApiError::invalid(format!(
                "There is no search index of kind `{}`.",
                other.member_name()
            )));
        }
    };
    if let Some(ChunkingStrategyKind::StaticStrategy(sizes)) = strategy.and_then(|strategy| strategy.kind) {
        let (size, overlap) = (sizes.max_chunk_size_tokens, sizes.chunk_overlap_tokens);
        if !(100..=2048).contains(&size) {
            return Err(ApiError::invalid(format!(
                "`maxChunkSizeTokens` is a number from 100 to 2048, not {size}."
            )));
        }
        if !(0..=size / 2).contains(&overlap) {
            return Err(ApiError::invalid(format!(
                "`chunkOverlapTokens` is a number from 0 to half of `maxChunkSizeTokens`, not {overlap}."
            )));
        }
    }
    Ok(kind)
}

fn default_to(text: &mut String, default: &str) {
    if text.is_empty() {
        default.clone_into(text);
    }
}

pub(crate) fn text_index(mut index: TextSearchIndex) -> TextSearchIndex {
    index.chunking_strategy = Some(chunks(index.chunking_strategy));
    if index.tokenizer.is_none() && index.analyzer.is_none() {
        index.tokenizer = Some(StandardTokenizer::default().into());
        index.analyzer = Some(YandexLemmerAnalyzer::default().into());
    }
    index
}

fn hybrid_index(mut index: HybridSearchIndex) -> HybridSearchIndex {
    index.chunking_strategy = Some(chunks(index.chunking_strategy));
    if index.normalization_strategy == NormalizationStrategy::Unspecified {
        index.normalization_strategy = NormalizationStrategy::MinMax;
    }
    let combination = index.combination_strategy.get_or_insert_default();
    combination.kind.get_or_insert_with(|| {
        CombinationStrategyKind::MeanCombination(MeanCombinationStrategy {
            mean_evaluation_technique: MeanEvaluationTechnique::Arithmetic,
            weights: vec![0.5, 0.5],
            ..MeanCombinationStrategy::default()
        })
    });
    index
}

fn chunks(strategy: Option<ChunkingStrategy>) -> ChunkingStrategy {
    match strategy {
        Some(strategy) if strategy.kind.is_some() => strategy,
        _ => ChunkingStrategy {
            kind: Some(ChunkingStrategyKind::StaticStrategy(StaticChunkingStrategy {
                max_chunk_size_tokens: CHUNK_SIZE,
                chunk_overlap_tokens: CHUNK_OVERLAP,
                ..StaticChunkingStrategy::default()
            })),
            ..ChunkingStrategy::default()
        },
    }
}
