//! Embeddings.

use assistants_types::embeddings::operations as op;

use super::Client;
use crate::Call;
use crate::embeddings::{CreateEmbedding, EmbeddingList};

/// Embeddings: vectors of texts. From [`Client::embeddings`].
#[derive(Clone, Debug)]
pub struct Embeddings {
    pub(super) client: Client,
}

impl Embeddings {
    /// Computes the vectors of texts. `POST /embeddings`.
    ///
    /// The vectors are in the order of the texts. [`Embedding::vector`](crate::embeddings::Embedding::vector) returns the
    /// numbers from either encoding.
    ///
    /// ```no_run
    /// use assistants_blocking::embeddings::CreateEmbedding;
    ///
    /// let client = assistants_blocking::openai::Client::from_env()?;
    /// let params = CreateEmbedding::new("text-embedding-3-small", ["How are you?", "Wie geht es dir?"]);
    /// let list = client.embeddings().create(params).send()?;
    /// let vectors: Vec<Vec<f32>> = list.data.iter().filter_map(|one| one.vector()).collect();
    /// let similarity: f32 = vectors[0].iter().zip(&vectors[1]).map(|(one, other)| one * other).sum();
    /// println!("{similarity}");
    /// # Ok::<(), assistants_blocking::Error>(())
    /// ```
    pub fn create(&self, params: CreateEmbedding) -> Call<EmbeddingList> {
        self.client.call_model(op::CREATE_EMBEDDING, &params.model, &params)
    }
}
