//! Models.

use assistants_types::openai::operations as op;

use super::{Client, IdOf, Model, ModelDeleted};
use crate::{Call, ListCall};

/// The models that the server has. From [`Client::models`].
#[derive(Clone, Debug)]
pub struct Models {
    pub(super) client: Client,
}

impl Models {
    /// Lists all models: there is one page of them. `GET /models`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// for model in client.models().list() {
    ///     println!("{}", model?.id);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self) -> ListCall<Model> {
        self.client.list(op::LIST_MODELS, &[]).one_page()
    }

    /// Reads one model. `GET /models/{model}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// let model = client.models().retrieve("scripted").send()?;
    /// println!("{} by {}", model.id, model.owned_by);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "get")]
    pub fn retrieve(&self, model: impl IdOf<Model>) -> Call<Model> {
        self.client.call(op::RETRIEVE_MODEL, &[model.as_id()])
    }

    /// Deletes a model that the project has trained itself; no other can be. `DELETE /models/{model}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// let outcome = client.models().delete("ft:gpt-4o-mini:acme::1").send();
    /// assert!(outcome.is_err_and(|error| error.status() == Some(404))); // the local server has no such model
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn delete(&self, model: impl IdOf<Model>) -> Call<ModelDeleted> {
        self.client.call(op::DELETE_MODEL, &[model.as_id()])
    }
}
