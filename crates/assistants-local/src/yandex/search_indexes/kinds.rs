//! The kinds of search indexes: their defaults, and how they divide files into chunks.

use assistants_types::openai::{ChunkingStrategy as OpenAiChunking, StaticChunking, StaticChunkingOptions};
use assistants_types::yandex::{
    ChunkingStrategy, ChunkingStrategyKind, CombinationStrategyKind, HybridSearchIndex, MeanCombinationStrategy,
    MeanEvaluationTechnique, NormalizationStrategy, SearchIndex, SearchIndexKind, StandardTokenizer,
    StaticChunkingStrategy, TextSearchIndex, YandexLemmerAnalyzer,
};

use crate::yandex::ApiError;

/// The default sizes of chunks, in tokens.
const CHUNK_SIZE: i64 = 800;
const CHUNK_OVERLAP: i64 = 400;

/// The embedders that the service reports for vector indexes. This server uses its own embedder, if it has one.
const DOC_EMBEDDER: &str = "emb://yc.ml.rag-prod.common/text-search-doc/latest";
const QUERY_EMBEDDER: &str = "emb://yc.ml.rag-prod.common/text-search-query/latest";

/// Returns how the files of an index are divided into chunks.
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
pub(super) fn complete(kind: Option<SearchIndexKind>) -> Result<SearchIndexKind, ApiError> {
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
                "Unknown kind of search index: `{}`.",
                other.member_name()
            )));
        }
    };
    if let Some(ChunkingStrategyKind::StaticStrategy(sizes)) = strategy.and_then(|strategy| strategy.kind) {
        let (size, overlap) = (sizes.max_chunk_size_tokens, sizes.chunk_overlap_tokens);
        if !(100..=2048).contains(&size) {
            return Err(ApiError::invalid(format!(
                "`maxChunkSizeTokens` must be from 100 to 2048, not {size}."
            )));
        }
        if !(0..=size / 2).contains(&overlap) {
            return Err(ApiError::invalid(format!(
                "`chunkOverlapTokens` must be from 0 to half of `maxChunkSizeTokens`, not {overlap}."
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

pub(super) fn text_index(mut index: TextSearchIndex) -> TextSearchIndex {
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
