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

/// How long the list may take where nothing is said.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What the ids of models that chat begin with; others make embeddings, or sort texts.
const CHATS: &str = "gpt://";

/// A list of models that was not asked for yet. From [`Chat::list`](super::Chat::list).
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

    /// Gets the list: the models that chat, in the order of the server, ready to be asked.
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

    /// Gets the list as the server has it: also models that do something else than chat.
    ///
    /// # Errors
    ///
    /// As [`Call::send_raw`].
    pub fn send_raw(self) -> Result<RawResponse<Page<Model>>> {
        let operation = op::LIST_MODELS;
        let request = Request::new(operation.method, operation.path, &[]);
        let mut options = self.options;
        // The folder goes first, so that a header of the caller's wins.
        let folder = ("OpenAI-Project".to_owned(), self.client.folder_id().to_owned());
        options.add().headers.insert(0, folder);
        Call::<_>::new(self.client.chat_endpoint(), &options, request).send_raw()
    }
}
