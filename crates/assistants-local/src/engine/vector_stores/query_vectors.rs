//! The vectors of passages and of queries.

use assistants_types::openai::{HybridSearch, VectorStoreFileError, VectorStoreFileErrorCode};

use crate::embeddings::Embedder;
use crate::engine::Engine;
use crate::search::{Vector, Weights};

/// The maximum size of the vectors of a file, in bytes. They are in memory until all of them are known.
const MAX_VECTORS: usize = 128 * 1024 * 1024;

/// The vectors of queries, for [`Search`](super::Search).
#[derive(Debug)]
pub(crate) struct QueryVectors {
    pub(super) model: String,
    /// By query; `None` for one without text.
    pub(super) vectors: Vec<Option<Vector>>,
}

impl Engine {
    /// Computes the vectors of queries. `None` if there is no embedder or if it fails, which is logged: the search is then by
    /// words.
    pub(crate) fn query_vectors(&self, queries: &[String]) -> Option<QueryVectors> {
        let embedder = self.embedder.as_ref()?;
        let has_text = |query: &&String| !query.trim().is_empty();
        let texts: Vec<&str> = queries.iter().filter(has_text).map(String::as_str).collect();
        if texts.is_empty() {
            return None;
        }
        match embedder.embed_queries(&texts) {
            Ok(vectors) => {
                let mut vectors = vectors.into_iter();
                let by_query = queries
                    .iter()
                    .map(|query| has_text(&query).then(|| vectors.next()).flatten());
                Some(QueryVectors {
                    model: embedder.model().to_owned(),
                    vectors: by_query.collect(),
                })
            }
            Err(error) => {
                log::warn!("searching by words only: {error}");
                None
            }
        }
    }
}

/// Returns the weights of a search. By default, both rankings count the same.
pub(crate) fn weights(options: Option<&HybridSearch>) -> Weights {
    options.map_or_else(Weights::default, |options| Weights {
        embedding: options.embedding_weight,
        text: options.text_weight,
    })
}

/// Computes the vectors of the passages of a file. Gives up, with an empty result, once `is_closed` returns `true`.
pub(super) fn vectors_of(
    embedder: &Embedder,
    passages: &[&str],
    is_closed: impl Fn() -> bool,
) -> Result<Vec<Vector>, VectorStoreFileError> {
    let failed = |code, message| VectorStoreFileError {
        code,
        message,
        ..VectorStoreFileError::default()
    };
    let mut vectors: Vec<Vector> = Vec::new();
    let mut rest = passages;
    while !rest.is_empty() {
        if is_closed() {
            return Ok(Vec::new());
        }
        let (batch, others) = rest.split_at(Embedder::batch(rest));
        let embedded = embedder.embed(batch);
        vectors.extend(embedded.map_err(|error| failed(VectorStoreFileErrorCode::ServerError, error.to_string()))?);
        let bytes = vectors.first().map_or(0, Vector::dimensions) * size_of::<f32>() * passages.len();
        if bytes > MAX_VECTORS {
            let message = format!(
                "The file has {} passages, whose vectors would take more than {MAX_VECTORS} bytes.",
                passages.len()
            );
            return Err(failed(VectorStoreFileErrorCode::InvalidFile, message));
        }
        rest = others;
    }
    Ok(vectors)
}
