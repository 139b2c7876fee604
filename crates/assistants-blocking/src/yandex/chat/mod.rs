//! Chat completions of Yandex AI Studio.
//!
//! [`Client::chat`](super::Client::chat) returns models; a [`ChatModel`] is configured and then run. Requests, completions
//! and streams are those of [`crate::chat`], which this client shares with the OpenAI one.
//!
//! ```
//! use assistants_blocking::yandex::Client;
//! # let server = assistants_local::LocalServer::builder().start()?;
//! # let url = format!("http://{}", server.address());
//!
//! let client = Client::builder().folder_id("fld_1").base_url(url).build()?;
//! let model = client.chat().model("yandexgpt").temperature(0.2);
//! let answer = model.run("Hello").send()?;
//! assert_eq!(answer.text(), "Hello");
//!
//! let mut stream = model.run_stream([("system", "Be brief."), ("user", "How are you?")]).send()?;
//! while let Some(partial) = stream.next_partial()? {
//!     println!("{:?} makes {:?}", partial.delta(), partial.text());
//! }
//! assert_eq!(stream.finish()?.text(), "How are you?");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Names in Yandex' Python SDK
//!
//! The counterparts of its `chat.completions`:
//!
//! | Python | Rust |
//! | --- | --- |
//! | `sdk.chat.completions` | [`Client::chat`](super::Client::chat) |
//! | `.list(timeout=60)` | [`Chat::list`], [`timeout`](ListModels::timeout); filters are [`Iterator::filter`] over [`name`](ChatModel::name), [`version`](ChatModel::version), [`owner`](ChatModel::owner), [`is_fine_tuned`](ChatModel::is_fine_tuned) |
//! | `completions(model_name)` | [`Chat::model`]; a name with `://` is a URI already |
//! | `completions(model_name, model_version=…)` | [`Chat::model_version`] |
//! | `model.configure(…)` | a copy with one thing changed, by the methods below, or with several, by [`configure`](ChatModel::configure) |
//! | `temperature` | [`ChatModel::temperature`] |
//! | `max_tokens` | [`ChatModel::max_tokens`] |
//! | `reasoning_mode` | [`ChatModel::reasoning_mode`] |
//! | `response_format` | [`ChatModel::response_format`]; a class is a Rust type with `ResponseFormat::of` |
//! | `tools` | [`ChatModel::tools`], [`ChatModel::tool`] |
//! | `parallel_tool_calls` | [`ChatModel::parallel_tool_calls`] |
//! | `tool_choice` | [`ChatModel::tool_choice`] |
//! | `extra_query` | [`ChatModel::extra_query`] |
//! | `model.config` | [`ChatModel::config`] |
//! | `model.uri` | [`ChatModel::uri`] |
//! | `model.run(messages, timeout=180)` | [`ChatModel::run`], [`timeout`](crate::Call::timeout) |
//! | `model.run_stream(messages, timeout=180)` | [`ChatModel::run_stream`], [`timeout`](crate::chat::ChatStreamCall::timeout), [`idle_timeout`](crate::chat::ChatStreamCall::idle_timeout) |
//! | `messages` | [`ChatMessages`], which everything that the SDK takes turns into |
//! | `result.alternatives`, `result.choices` | [`ChatCompletion::choices`](crate::chat::ChatCompletion::choices) |
//! | `result.text`, `.role`, `.status`, `.finish_reason`, `.reasoning_text`, `.tool_calls`, `.usage` | methods and fields of [`ChatCompletion`](crate::chat::ChatCompletion) with these names (`reasoning` for `reasoning_text`), of the first answer; of others at [`ChatChoice`](crate::chat::ChatChoice) |
//! | the results that `run_stream` yields: `.delta`, `.text`, `.reasoning_delta`, … | [`ChatStream::next_partial`](crate::chat::ChatStream::next_partial); chunks as they came by the stream as an iterator |
//!
//! The SDK never repeats a chat call. Here one is repeated by the rules of the client (see
//! [`max_retries`](crate::Call::max_retries)): only where the server refused it for the moment, or never saw it.

mod list;
mod messages;
mod model;

use super::Client;

pub use list::ListModels;
pub use messages::ChatMessages;
pub use model::{ChatModel, ChatModelConfig};

/// The models for chat completions. From [`Client::chat`].
#[derive(Clone, Debug)]
pub struct Chat {
    pub(super) client: Client,
}

impl Chat {
    /// Lists the models that the folder can chat with. `GET /models`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// for model in client.chat().list().send()? {
    ///     println!("{} by {}", model.uri(), model.owner().unwrap_or("somebody"));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self) -> ListModels {
        ListModels::new(&self.client)
    }

    /// A model by its name, in its latest version; `name/version` and whole URIs serve as well. See
    /// [`Client::model_uri`].
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// let model = client.chat().model("yandexgpt").temperature(0.2);
    /// assert_eq!(model.uri(), "gpt://f/yandexgpt/latest");
    /// assert_eq!(model.run("Hello").send()?.text(), "Hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn model(&self, name: impl AsRef<str>) -> ChatModel {
        ChatModel::new(&self.client, self.client.model_uri(name.as_ref()))
    }

    /// A model by its name and version, such as `latest`, `rc` or `deprecated`; the version of a tuned model goes on with
    /// `@` and the id of its tuning. A name that is a URI already (it has a `://`) stays as it is.
    #[must_use]
    pub fn model_version(&self, name: impl AsRef<str>, version: impl AsRef<str>) -> ChatModel {
        let (name, version) = (name.as_ref(), version.as_ref());
        let uri = if name.contains("://") {
            name.to_owned()
        } else if name.is_empty() || version.is_empty() {
            // Reported when the model is run.
            String::new()
        } else {
            format!("gpt://{}/{name}/{version}", self.client.folder_id())
        };
        ChatModel::new(&self.client, uri)
    }
}
