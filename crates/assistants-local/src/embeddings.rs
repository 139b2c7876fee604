//! Embeddings: vectors of texts, from another server.
//!
//! With an [`Embedder`], vector stores find passages by their meaning and not only by their words. Its server is also
//! asked for the vectors that clients of this server request.
//!
//! ```no_run
//! use assistants_local::LocalServer;
//! use assistants_local::embeddings::{Embedder, Endpoint};
//!
//! let endpoint = Endpoint::new("http://127.0.0.1:11434/v1", "nomic-embed-text");
//! let server = LocalServer::builder().embedder(Embedder::new(endpoint)?).start()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use assistants_blocking::openai::Client;
use assistants_blocking::{CancelToken, Error, Options};
use assistants_types::embeddings::{CreateEmbedding, EmbeddingInput};

use crate::ids;
use crate::model::upstream::{client, words};
use crate::search::Vector;

/// The maximum number of texts in a request.
pub(crate) const MAX_TEXTS: usize = 96;

/// The maximum size of the texts in a request, in bytes, unless a single text is larger.
const MAX_BYTES: usize = 256 * 1024;

/// How long a search waits for the vector of its query.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

/// Where an embeddings server is, and its model.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Endpoint {
    /// The base URL, such as `http://127.0.0.1:11434/v1`.
    pub url: String,
    /// The name of the model.
    pub model: String,
    /// The key, if the server requires one.
    pub key: Option<String>,
    /// The header for the key; `Authorization` with the scheme `Bearer` if `None`.
    pub key_header: Option<String>,
    /// How often a failed request is sent again, if that can help. 2 by default.
    pub max_retries: u32,
}

impl Endpoint {
    /// Creates an endpoint without a key.
    pub fn new(url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            model: model.into(),
            max_retries: 2,
            ..Self::default()
        }
    }
}

impl std::fmt::Debug for Endpoint {
    /// Shows everything but the key.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Endpoint")
            .field("url", &self.url)
            .field("model", &self.model)
            .field("key_header", &self.key_header)
            .field("max_retries", &self.max_retries)
            .finish_non_exhaustive()
    }
}

/// A model that computes the vectors of texts.
#[derive(Debug)]
pub struct Embedder {
    client: Client,
    model: String,
    /// The length of the vectors in the last response; 0 before the first one.
    dimensions: AtomicUsize,
    /// Cancelled when the server stops.
    stopped: CancelToken,
}

/// Why there is no embedder.
#[derive(Debug, thiserror::Error)]
#[error("embeddings server: {reason}")]
pub struct EmbedderError {
    reason: String,
}

/// Why texts have no vectors.
#[derive(Debug, thiserror::Error)]
#[error("The embeddings server {message}")]
pub(crate) struct NoVectors {
    message: String,
}

impl NoVectors {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

impl Embedder {
    /// Creates an embedder. No connection is made.
    ///
    /// # Errors
    ///
    /// If the URL is invalid, if the key contains a line break, or if the name of the model is empty.
    pub fn new(endpoint: Endpoint) -> Result<Self, EmbedderError> {
        if endpoint.model.is_empty() {
            let reason = "the name of the model is empty".to_owned();
            return Err(EmbedderError { reason });
        }
        let options = Options::new().max_retries(endpoint.max_retries);
        let client =
            client(&endpoint.url, endpoint.key, endpoint.key_header, options).map_err(|error| EmbedderError {
                reason: error.to_string(),
            })?;
        Ok(Self {
            client,
            model: endpoint.model,
            dimensions: AtomicUsize::new(0),
            stopped: CancelToken::new(),
        })
    }

    /// Returns the base URL.
    #[must_use]
    pub fn url(&self) -> &str {
        self.client.base_url()
    }

    /// Returns the name of the model.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Returns the length of the model's vectors; `None` if it is not known yet.
    pub(crate) fn dimensions(&self) -> Option<usize> {
        let dimensions = self.dimensions.load(Ordering::Relaxed);
        (dimensions > 0).then_some(dimensions)
    }

    /// Ends all requests. Later ones fail.
    pub(crate) fn stop(&self) {
        self.stopped.cancel();
    }

    /// Forwards a request of a client, and returns the JSON of the response.
    pub(crate) fn forward(&self, params: CreateEmbedding, cancel: &CancelToken) -> Result<String, Error> {
        let call = self.client.embeddings().create(params);
        let response = call.idempotency_key(ids::new("emb_")).cancel_with(cancel).send_raw()?;
        // Parsed by the client of this client.
        Ok(String::from_utf8_lossy(response.bytes()).into_owned())
    }

    /// Returns the number of texts at the beginning of `texts` that fit into one request; at least 1 if there are any.
    pub(crate) fn batch(texts: &[&str]) -> usize {
        let mut bytes = 0;
        let fitting = texts.iter().take(MAX_TEXTS).take_while(|text| {
            bytes += text.len();
            bytes <= MAX_BYTES
        });
        fitting.count().max(1).min(texts.len())
    }

    /// Computes the vectors of texts, which must fit into one request.
    pub(crate) fn embed(&self, texts: &[&str]) -> Result<Vec<Vector>, NoVectors> {
        self.request(texts, Options::new())
    }

    /// Computes the vectors of the queries of a search, within a time limit.
    pub(crate) fn embed_queries(&self, queries: &[&str]) -> Result<Vec<Vector>, NoVectors> {
        self.request(queries, Options::new().deadline(QUERY_TIMEOUT))
    }

    fn request(&self, texts: &[&str], options: Options) -> Result<Vec<Vector>, NoVectors> {
        let input: EmbeddingInput = texts.iter().copied().collect();
        let client = self.client.with_options(options);
        let call = client
            .embeddings()
            .create(CreateEmbedding::new(self.model.clone(), input));
        // The key lets the client repeat the request, which has no effect on the server.
        let call = call.idempotency_key(ids::new("emb_")).cancel_with(&self.stopped);
        let mut list = call
            .send()
            .map_err(|error| NoVectors::new(format!("failed: {}", words(&error))))?;
        if list.data.len() != texts.len() {
            let (found, count) = (list.data.len(), texts.len());
            return Err(NoVectors::new(format!("returned {found} vectors for {count} texts.")));
        }
        list.data.sort_by_key(|one| one.index);
        let vectors = list.data.iter().map(|one| one.vector().and_then(Vector::normalized));
        let vectors: Option<Vec<Vector>> = vectors.collect();
        let vectors = vectors.ok_or_else(|| NoVectors::new("returned something that is not a vector."))?;
        if vectors.iter().any(|one| one.dimensions() != vectors[0].dimensions()) {
            return Err(NoVectors::new("returned vectors of different lengths."));
        }
        if let Some(first) = vectors.first() {
            self.dimensions.store(first.dimensions(), Ordering::Relaxed);
        }
        Ok(vectors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_a_bounded_size() {
        let large = "x".repeat(MAX_BYTES);
        for (texts, want) in [
            (vec![], 0),
            (vec!["a"], 1),
            (vec!["a"; 97], 96),
            (vec!["a", &large, "a"], 1),
            (vec![&large, "a"], 1),
            (vec![&large[1..], "a", "a"], 2),
        ] {
            assert_eq!(Embedder::batch(&texts), want, "{} texts", texts.len());
        }
        let larger = format!("{large}x");
        assert_eq!(Embedder::batch(&[&larger, "a"]), 1, "a text is never split");
    }
}
