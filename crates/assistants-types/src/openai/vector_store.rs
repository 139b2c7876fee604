//! Shortcuts for filters and search results of vector stores.

use super::{
    ChunkingStrategy, ComparisonFilter, ComparisonOperator, ComparisonValue, CompoundFilter, CompoundOperator, Filter,
    SearchQuery, SearchVectorStore, StaticChunking, StaticChunkingOptions, VectorStoreExpiration,
    VectorStoreExpirationAnchor, VectorStoreFileBatch, VectorStoreSearchResult,
};

impl Filter {
    /// The attribute equals the value.
    #[must_use]
    pub fn eq(key: impl Into<String>, value: impl Into<ComparisonValue>) -> Self {
        Self::compare(ComparisonOperator::Eq, key, value)
    }

    /// Compares the attribute with the value.
    #[must_use]
    pub fn compare(
        operator: impl Into<ComparisonOperator>,
        key: impl Into<String>,
        value: impl Into<ComparisonValue>,
    ) -> Self {
        ComparisonFilter::new(operator, key, value).into()
    }

    /// All filters must match.
    #[must_use]
    pub fn all(filters: impl IntoIterator<Item = Self>) -> Self {
        CompoundFilter::new(CompoundOperator::And, filters).into()
    }

    /// At least one filter must match.
    #[must_use]
    pub fn any(filters: impl IntoIterator<Item = Self>) -> Self {
        CompoundFilter::new(CompoundOperator::Or, filters).into()
    }
}

impl ChunkingStrategy {
    /// Chunks of at most `size` tokens (100 to 4096), with an overlap of `overlap` tokens (at most half the size).
    #[must_use]
    pub fn fixed(size: i64, overlap: i64) -> Self {
        StaticChunking::new(StaticChunkingOptions::new(size, overlap)).into()
    }
}

impl VectorStoreExpiration {
    /// Expires after this many days without use, 1 to 365.
    #[must_use]
    pub fn days(days: i64) -> Self {
        Self::new(VectorStoreExpirationAnchor::LastActiveAt, days)
    }
}

impl<const N: usize> From<[&str; N]> for SearchQuery {
    fn from(texts: [&str; N]) -> Self {
        Self::Texts(texts.map(str::to_owned).into())
    }
}

impl From<&str> for SearchVectorStore {
    /// A single query.
    fn from(query: &str) -> Self {
        Self::new(query)
    }
}

impl From<String> for SearchVectorStore {
    /// A single query.
    fn from(query: String) -> Self {
        Self::new(query)
    }
}

impl VectorStoreSearchResult {
    /// The text of the chunk.
    #[must_use]
    pub fn text(&self) -> String {
        self.content.iter().map(|part| part.text.as_str()).collect()
    }
}

impl VectorStoreFileBatch {
    /// Whether all files of the batch have been indexed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.file_counts.completed == self.file_counts.total
    }
}
