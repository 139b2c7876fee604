//! The list of models.

use std::time::Duration;

use assistants_types::openai::{Model, Page, operations as op};

use super::ChatModel;
use crate::call::options::Options;
use crate::call::options::option_setters;
use crate::call::request::Request;
use crate::error::Result;
use crate::yandex::Client;
use crate::{Call, RawResponse};

/// The default limit on the time of the request.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The prefix of the ids of chat models; others are for embeddings or classification.
const CHATS: &str = "gpt://";

/// A list of models that has been described but not requested. From [`Chat::list`](super::Chat::list).
#[must_use = "a call does nothing until `send`"]
#[derive(Debug)]
pub struct ListModels {
    client: Client,
    options: Options,
}

impl ListModels {
    pub(super) fn new(client: &Client) -> Self {
        let mut options = client.options.clone();
        options.timeout = options.timeout.or(Some(TIMEOUT));
        Self {
            client: client.clone(),
            options,
        }
    }

    option_setters!();

    /// Requests the list of chat models, in the order of the server.
    ///
    /// # Errors
    ///
    /// As [`Call::send`].
    pub fn send(self) -> Result<Vec<ChatModel>> {
        let client = self.client.clone();
        let page = self.send_raw()?.parse()?;
        let models = page.data.into_iter().filter(|model| model.id.starts_with(CHATS));
        Ok(models
            .map(|model| ChatModel::new(&client, model.id).owned_by(model.owned_by))
            .collect())
    }

    /// Requests the list of the server, which also has models that are not for chats.
    ///
    /// # Errors
    ///
    /// As [`Call::send_raw`].
    pub fn send_raw(self) -> Result<RawResponse<Page<Model>>> {
        let operation = op::LIST_MODELS;
        let request = Request::new(operation.method, operation.path, &[]);
        let mut options = self.options;
        // The folder comes first, so that a header of the caller takes precedence.
        let folder = ("OpenAI-Project".to_owned(), self.client.folder_id().to_owned());
        options.add().headers.insert(0, folder);
        Call::<_>::new(self.client.chat_endpoint(), &options, request).send_raw()
    }
}
