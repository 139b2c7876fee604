//! The client: where requests go, with which options.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::auth::authorization::FixedBearer;
use crate::call::options::Options;
use crate::call::request::Request;
use crate::call::url::BaseUrl;
use crate::error::Result;
use crate::http::conventions::Conventions;
use crate::http::endpoint::Endpoint;
use crate::{Call, ListCall};

/// An operation of the protocol.
type Op = assistants_types::openai::Operation;

/// A client for one folder.
///
/// Cheap to clone and safe to share between threads: all copies use one pool of connections and one token.
///
/// ```
/// use assistants_blocking::yandex::{Client, CreateAssistant};
/// # let server = assistants_local::LocalServer::builder().start()?;
/// # let url = server.yandex_url();
///
/// let client = Client::builder().base_url(url).folder_id("my-folder").build()?;
/// let assistant = CreateAssistant::new(client.folder_id(), "yandexgpt");
/// let assistant = client.assistants().create(assistant).send()?;
/// assert_eq!(client.assistants().get(&assistant).send()?.id, assistant.id);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Client {
    pub(super) services: Arc<Services>,
    pub(super) options: Options,
}

/// The folder, and the servers of the operations.
pub(super) struct Services {
    pub(super) folder: String,
    pub(super) assistants: Arc<Endpoint>,
    pub(super) operations: Arc<Endpoint>,
    pub(super) models: Arc<Endpoint>,
    pub(super) chat: Arc<Endpoint>,
}

impl Client {
    /// A copy with other defaults: `options` take precedence over those of this client. It shares the connections.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// use std::time::Duration;
    /// use assistants_blocking::Options;
    ///
    /// let options = Options::new().timeout(Duration::from_secs(300)).max_retries(10);
    /// client.with_options(options).assistants().list().send()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_options(&self, options: Options) -> Self {
        Self {
            services: Arc::clone(&self.services),
            options: options.over(&self.options),
        }
    }

    /// The folder that everything is created and listed in.
    #[must_use]
    pub fn folder_id(&self) -> &str {
        &self.services.folder
    }

    /// The address of the assistants service.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.services.assistants.base().address()
    }

    /// The base URL of chat completions.
    #[must_use]
    pub fn chat_url(&self) -> &str {
        self.services.chat.base().address()
    }

    /// The URI of a model: `gpt://<folder>/<name>/latest` for a bare name, `gpt://<folder>/<name>` for a name with its
    /// version, and a URI as it is.
    ///
    /// ```
    /// # use assistants_blocking::yandex::{Client, Credentials};
    /// # let client = Client::builder().folder_id("fld_1").credentials(Credentials::none()).build()?;
    /// assert_eq!(client.model_uri("yandexgpt"), "gpt://fld_1/yandexgpt/latest");
    /// assert_eq!(client.model_uri("yandexgpt/rc"), "gpt://fld_1/yandexgpt/rc");
    /// assert_eq!(client.model_uri("gpt://other/model/latest"), "gpt://other/model/latest");
    /// # Ok::<(), assistants_blocking::Error>(())
    /// ```
    #[must_use]
    pub fn model_uri(&self, model: &str) -> String {
        if model.contains("://") || model.is_empty() {
            model.to_owned()
        } else if model.contains('/') {
            format!("gpt://{}/{model}", self.folder_id())
        } else {
            format!("gpt://{}/{model}/latest", self.folder_id())
        }
    }

    /// A call to any path of the assistants service, for operations that this client has no method for.
    ///
    /// The path is sent as given, so ids in it must be percent-encoded. A body is empty at first;
    /// [`Call::body_field`] adds fields. The response is parsed as JSON.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// let call = client.request("POST", "/assistants/v1/threads").body_field("folderId", client.folder_id());
    /// println!("{}", call.send()?["id"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn request(&self, method: &str, path: &str) -> Call<serde_json::Value> {
        let request = Request::to_path(method, path);
        let request = match request.method {
            "POST" | "PUT" | "PATCH" => request.json(&serde_json::Map::new()),
            _ => request,
        };
        Call::new(&self.services.assistants, &self.options, request)
    }

    /// The server of the operation.
    pub(super) fn endpoint(&self, operation: Op) -> &Arc<Endpoint> {
        if operation.path.starts_with("/operations/") {
            &self.services.operations
        } else if operation.path.starts_with("/foundationModels/") {
            &self.services.models
        } else {
            &self.services.assistants
        }
    }

    /// The server of chat completions.
    pub(super) fn chat_endpoint(&self) -> &Arc<Endpoint> {
        &self.services.chat
    }

    pub(super) fn send<T>(&self, operation: Op, request: Request) -> Call<T> {
        Call::new(self.endpoint(operation), &self.options, request)
    }

    /// A call that fails because the service has no operation for it.
    pub(super) fn unsupported<T>(&self, why: &str) -> Call<T> {
        Call::new(&self.services.assistants, &self.options, Request::unsupported(why))
    }

    pub(super) fn call<T>(&self, operation: Op, ids: &[&str]) -> Call<T> {
        self.send(operation, Request::new(operation.method, operation.path, ids))
    }

    pub(super) fn call_with<T>(&self, operation: Op, ids: &[&str], params: &impl Serialize) -> Call<T> {
        self.send(
            operation,
            Request::new(operation.method, operation.path, ids).json(params),
        )
    }

    /// A call whose ids are in the query.
    pub(super) fn query<T>(&self, operation: Op, ids: &[&str], query: &[(&str, &str)]) -> Call<T> {
        self.send(operation, with_query(operation, ids, query))
    }

    pub(super) fn list<T, P>(&self, operation: Op, ids: &[&str], query: &[(&str, &str)]) -> ListCall<T, P> {
        ListCall::new(
            self.endpoint(operation),
            &self.options,
            with_query(operation, ids, query),
        )
    }

    /// Sets the folder of a request without one.
    pub(super) fn or_folder(&self, folder: &mut String) {
        if folder.is_empty() {
            self.folder_id().clone_into(folder);
        }
    }

    /// Another server than those of the services, with the same pool of connections and without credentials.
    pub(super) fn file_server(&self, base: BaseUrl) -> Result<Endpoint> {
        self.services
            .assistants
            .sibling(base, Arc::new(FixedBearer(None)), Conventions::Plain)
    }
}

/// A request with required query parameters. With an empty id, the operation would return something else.
pub(super) fn with_query(operation: Op, ids: &[&str], query: &[(&str, &str)]) -> Request {
    match query
        .iter()
        .find(|(name, value)| value.is_empty() && *name != "folderId")
    {
        Some((name, _)) => Request::impossible(&format!("`{name}` of {} is empty", operation.path)),
        None => query.iter().fold(
            Request::new(operation.method, operation.path, ids),
            |request, (name, value)| request.parameter(name, *value),
        ),
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.base_url())
            .field("folder_id", &self.folder_id())
            .field("options", &self.options)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn can_be_shared() {
        fn check<T: Clone + Send + Sync>() {}
        check::<Client>();
    }
}
