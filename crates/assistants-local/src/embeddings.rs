//! Embeddings: vectors of texts, from another server.
//!
//! With an [`Embedder`], the server passes requests for embeddings on.
//!
//! ```no_run
//! use assistants_local::LocalServer;
//! use assistants_local::embeddings::{Embedder, Endpoint};
//!
//! let endpoint = Endpoint::new("http://127.0.0.1:11434/v1", "nomic-embed-text");
//! let server = LocalServer::builder().embedder(Embedder::new(endpoint)?).start()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::time::Duration;

use assistants_blocking::openai::Client;
use assistants_blocking::{CancelToken, Error, Options};
use assistants_types::embeddings::CreateEmbedding;

use crate::ids;

/// How long the server may be silent. Large models on small machines take minutes for many texts.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

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
}

/// Why there is no embedder.
#[derive(Debug, thiserror::Error)]
#[error("embeddings server: {reason}")]
pub struct EmbedderError {
    reason: String,
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
        let mut options = Options::new()
            .idle_timeout(IDLE_TIMEOUT)
            .max_retries(endpoint.max_retries);
        let mut builder = Client::builder().base_url(&endpoint.url);
        match (endpoint.key, endpoint.key_header) {
            (Some(key), Some(header)) => options = options.header(header, key),
            (Some(key), None) => builder = builder.api_key(key),
            (None, _) => {}
        }
        let client = builder.build().map_err(|error| EmbedderError {
            reason: error.to_string(),
        })?;
        Ok(Self {
            client: client.with_options(options),
            model: endpoint.model,
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

    /// Forwards a request of a client, and returns the JSON of the response.
    pub(crate) fn forward(&self, params: CreateEmbedding, cancel: &CancelToken) -> Result<String, Error> {
        let call = self.client.embeddings().create(params);
        let response = call.idempotency_key(ids::new("emb_")).cancel_with(cancel).send_raw()?;
        // Parsed by the client of this client.
        Ok(String::from_utf8_lossy(response.bytes()).into_owned())
    }
}
