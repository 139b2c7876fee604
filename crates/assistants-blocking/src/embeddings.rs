//! Embeddings: vectors of texts, which are close to each other if the texts have similar meanings.
//!
//! Calls are made with [`openai::Client::embeddings`](crate::openai::Client::embeddings).
//!
//! The types are those of [`assistants_types::embeddings`], re-exported here.

pub use assistants_types::embeddings::*;
