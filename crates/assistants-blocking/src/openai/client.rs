//! The client: where requests go, with which options.

use std::fmt;
use std::sync::Arc;

use assistants_types::openai::Operation;
use serde::Serialize;

use crate::call::options::Options;
use crate::call::request::Request;
use crate::http::endpoint::Endpoint;
use crate::{Call, ListCall};

/// A client for one server and account.
///
/// Cheap to clone and safe to share between threads: all copies use one pool of connections.
///
/// ```
/// use assistants_blocking::openai::{Client, CreateAssistant};
/// # let server = assistants_local::LocalServer::builder().start()?;
/// # let url = server.base_url();
///
/// let client = Client::builder().base_url(url).api_key("any").build()?;
/// let assistant = client.assistants().create(CreateAssistant::new("scripted").name("Clerk")).send()?;
/// assert_eq!(client.assistants().retrieve(&assistant).send()?.name.as_deref(), Some("Clerk"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Client {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) options: Options,
    /// Whether the paths of chat completions and embeddings contain the deployment, as they may on Azure.
    pub(super) has_deployments: bool,
}

impl Client {
    /// A copy with other defaults: `options` take precedence over those of this client. It shares the connections.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use std::time::Duration;
    /// use assistants_blocking::Options;
    ///
    /// let options = Options::new().timeout(Duration::from_secs(3600)).max_retries(10);
    /// client.with_options(options).assistants().list().send()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_options(&self, options: Options) -> Self {
        Self {
            endpoint: Arc::clone(&self.endpoint),
            options: options.over(&self.options),
            has_deployments: self.has_deployments,
        }
    }

    /// The address of the server, without its query.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.endpoint.base().address()
    }

    /// A call to any path below the base URL, for operations that this client has no method for.
    ///
    /// The path is sent as given, so ids in it must be percent-encoded. A body is empty at first;
    /// [`Call::body_field`] adds fields. The response is parsed as JSON.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// let call = client.request("POST", "/threads").body_field("metadata", serde_json::json!({"a": "b"}));
    /// let thread = call.send()?;
    /// assert_eq!(thread["metadata"]["a"], "b");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn request(&self, method: &str, path: &str) -> Call<serde_json::Value> {
        let request = Request::to_path(method, path);
        let request = match request.method {
            "POST" | "PUT" | "PATCH" => request.json(&serde_json::Map::new()),
            _ => request,
        };
        Call::new(&self.endpoint, &self.options, request)
    }

    pub(super) fn call<T>(&self, operation: Operation, ids: &[&str]) -> Call<T> {
        Call::new(
            &self.endpoint,
            &self.options,
            Request::new(operation.method, operation.path, ids),
        )
    }

    pub(super) fn call_with<T>(&self, operation: Operation, ids: &[&str], params: &impl Serialize) -> Call<T> {
        let request = Request::new(operation.method, operation.path, ids).json(params);
        Call::new(&self.endpoint, &self.options, request)
    }

    /// A call of an operation that Azure may have below the deployment of a model.
    pub(super) fn call_model<T>(&self, operation: Operation, model: &str, params: &impl Serialize) -> Call<T> {
        if !self.has_deployments {
            return self.call_with(operation, &[], params);
        }
        let path = format!("/deployments/{{model}}{}", operation.path);
        let request = Request::new(operation.method, &path, &[model]).json(params);
        Call::new(&self.endpoint, &self.options, request)
    }

    pub(super) fn list<T>(&self, operation: Operation, ids: &[&str]) -> ListCall<T> {
        ListCall::new(
            &self.endpoint,
            &self.options,
            Request::new(operation.method, operation.path, ids),
        )
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.base_url())
            .field("options", &self.options)
            .finish()
    }
}
