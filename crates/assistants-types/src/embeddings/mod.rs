//! Embeddings of OpenAI and compatible servers: vectors of texts, which are close to each other if the texts have similar
//! meanings.
//!
//! ```
//! use assistants_types::embeddings::{CreateEmbedding, EmbeddingList};
//! use serde_json::json;
//!
//! let request = CreateEmbedding::new("text-embedding-3-small", ["Hello", "Hi"]);
//! assert_eq!(
//!     serde_json::to_value(&request)?,
//!     json!({"model": "text-embedding-3-small", "input": ["Hello", "Hi"]})
//! );
//!
//! let text = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1.0]}]}"#;
//! let list: EmbeddingList = serde_json::from_str(text)?;
//! assert_eq!(list.data[0].vector(), Some(vec![0.5, -1.0]));
//! # Ok::<(), serde_json::Error>(())
//! ```

mod embedding;
mod generated;

pub use generated::*;
