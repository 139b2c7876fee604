//! The options of `serve` for embeddings.

use std::error::Error;

use assistants_local::embeddings::{Embedder, Endpoint};
use clap::Args;
use serde::Deserialize;

use super::key;

#[derive(Args, Debug)]
pub(crate) struct EmbeddingOptions {
    /// Server that computes embeddings, by its base URL, such as `http://127.0.0.1:11434/v1`. With it, files are searched by
    /// meaning as well as by words, and requests for embeddings are passed on to it.
    #[arg(long, env = "ASSISTANTS_LOCAL_EMBEDDINGS", value_name = "URL")]
    embeddings: Option<String>,

    /// Model of the embeddings server. Files that were indexed with another one are indexed again.
    #[arg(long, env = "ASSISTANTS_LOCAL_EMBEDDING_MODEL", value_name = "NAME")]
    embedding_model: Option<String>,

    /// Environment variable that contains the key for the embeddings server.
    #[arg(long, env = "ASSISTANTS_LOCAL_EMBEDDINGS_KEY_ENV", value_name = "VARIABLE")]
    embeddings_key_env: Option<String>,
}

/// The table `embeddings` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EmbeddingsTable {
    url: Option<String>,
    model: Option<String>,
    key_env: Option<String>,
    key_header: Option<String>,
}

impl EmbeddingOptions {
    /// Returns the model; `None` if no embeddings server is configured. Options take precedence over the table of the
    /// configuration file.
    pub(crate) fn embedder(&self, table: EmbeddingsTable) -> Result<Option<Embedder>, Box<dyn Error>> {
        let url = self.embeddings.clone().or(table.url);
        let model = self.embedding_model.clone().or(table.model);
        let key_env = self.embeddings_key_env.clone().or(table.key_env);
        let (url, model) = match (url, model) {
            (Some(url), Some(model)) => (url, model),
            (None, None) if key_env.is_none() && table.key_header.is_none() => return Ok(None),
            _ => return Err("an embeddings server needs both --embeddings and --embedding-model".into()),
        };
        let mut endpoint = Endpoint::new(url, model);
        endpoint.key = key::of(key_env, "embeddings server")?;
        endpoint.key_header = table.key_header;
        Ok(Some(Embedder::new(endpoint)?))
    }
}
