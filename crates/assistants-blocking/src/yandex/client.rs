//! The client and how it is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use assistants_types::yandex::TokenizeResponse;
use serde::Serialize;

use super::chat::Chat;
use super::credentials::{self, Credentials, Variables};
use super::{Assistants, Files, IdOf, Messages, Operations, Runs, SearchIndexes, Thread, Threads, Tokenizer, Users};
use crate::auth::authorization::FixedBearer;
use crate::call::options::Options;
use crate::call::request::Request;
use crate::call::url::BaseUrl;
use crate::error::{Error, Result};
use crate::http::builder::builder_setters;
use crate::http::endpoint::{Conventions, Endpoint, EndpointConfig};
use crate::stream::json_objects::StreamLimits;
use crate::{Call, ListCall};

/// The cloud, in whose domain the services are.
const CLOUD: &str = "api.cloud.yandex.net";

/// How long an attempt may take where nothing is said, as in Yandex' own client.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The same for an answer of a chat.
const CHAT_TIMEOUT: Duration = Duration::from_secs(180);

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
    services: Arc<Services>,
    pub(super) options: Options,
}

/// The servers that the operations are spread over.
struct Services {
    folder: String,
    assistants: Arc<Endpoint>,
    operations: Arc<Endpoint>,
    models: Arc<Endpoint>,
    chat: Arc<Endpoint>,
}

impl Client {
    /// Sets a client up from the environment.
    ///
    /// | variable | what it gives |
    /// | --- | --- |
    /// | `YC_FOLDER_ID` | the folder; needed |
    /// | `YC_API_KEY`, `YC_IAM_TOKEN`, `YC_OAUTH_TOKEN`, `YC_METADATA_ADDR`, `YC_TOKEN`, `YC_PROFILE` | credentials: see [`Credentials::detect`] |
    /// | `YC_API_ENDPOINT` | the cloud, default `api.cloud.yandex.net:443`; or the URL of one server for everything, such as `http://127.0.0.1:8080`, which needs no credentials when it is on this machine |
    /// | `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY` | the way through a proxy |
    ///
    /// ```no_run
    /// use assistants_blocking::yandex::Client;
    ///
    /// let client = Client::from_env()?;
    /// let answer = client.chat().model("yandexgpt").run("Hello").send()?;
    /// println!("{}", answer.text());
    /// # Ok::<(), assistants_blocking::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming what is missing.
    pub fn from_env() -> Result<Self> {
        ClientBuilder::from_env()?.build()
    }

    /// Sets a client up step by step.
    ///
    /// ```
    /// use assistants_blocking::yandex::{Client, Credentials};
    ///
    /// let key = Credentials::api_key("my-key");
    /// let client = Client::builder().folder_id("my-folder").credentials(key).build()?;
    /// assert_eq!(client.model_uri("yandexgpt"), "gpt://my-folder/yandexgpt/latest");
    /// # Ok::<(), assistants_blocking::Error>(())
    /// ```
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A copy with other defaults: `options` win over those this client has. It shares the connections.
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

    /// The address of the service of assistants.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.services.assistants.base().address()
    }

    /// The address below which chat completions are found.
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

    /// Configured models.
    #[must_use]
    pub fn assistants(&self) -> Assistants {
        Assistants { client: self.clone() }
    }

    /// Conversations.
    #[must_use]
    pub fn threads(&self) -> Threads {
        Threads { client: self.clone() }
    }

    /// The messages of a thread.
    #[must_use]
    pub fn messages(&self, thread: impl IdOf<Thread>) -> Messages {
        Messages {
            client: self.clone(),
            thread: thread.into_id(),
        }
    }

    /// Executions of assistants on threads.
    #[must_use]
    pub fn runs(&self) -> Runs {
        Runs { client: self.clone() }
    }

    /// Files of the folder.
    #[must_use]
    pub fn files(&self) -> Files {
        Files { client: self.clone() }
    }

    /// Files prepared for search.
    #[must_use]
    pub fn search_indexes(&self) -> SearchIndexes {
        SearchIndexes { client: self.clone() }
    }

    /// People who write messages.
    #[must_use]
    pub fn users(&self) -> Users {
        Users { client: self.clone() }
    }

    /// Work that goes on after its call was answered.
    #[must_use]
    pub fn operations(&self) -> Operations {
        Operations { client: self.clone() }
    }

    /// Texts as a model sees them.
    #[must_use]
    pub fn tokenizer(&self) -> Tokenizer {
        Tokenizer { client: self.clone() }
    }

    /// The tokens of a text; short for [`Tokenizer::tokenize`].
    pub fn tokenize(&self, model: &str, text: impl Into<String>) -> Call<TokenizeResponse> {
        self.tokenizer().tokenize(model, text)
    }

    /// Chat completions.
    #[must_use]
    pub fn chat(&self) -> Chat {
        Chat { client: self.clone() }
    }

    /// A call to any path of the service of assistants, for what this client has no method for.
    ///
    /// The path is sent as it is given, so ids in it must be percent-encoded. A body starts out empty; give it its
    /// fields with [`Call::body_field`]. The answer is read as JSON.
    pub fn request(&self, method: &str, path: &str) -> Call<serde_json::Value> {
        let request = Request::to_path(method, path);
        let request = match request.method {
            "POST" | "PUT" | "PATCH" => request.json(&serde_json::Map::new()),
            _ => request,
        };
        Call::new(&self.services.assistants, &self.options, request)
    }

    /// The server that has the operation.
    pub(super) fn endpoint(&self, operation: Op) -> &Arc<Endpoint> {
        if operation.path.starts_with("/operations/") {
            &self.services.operations
        } else if operation.path.starts_with("/foundationModels/") {
            &self.services.models
        } else {
            &self.services.assistants
        }
    }

    /// The server that chats.
    pub(super) fn chat_endpoint(&self) -> &Arc<Endpoint> {
        &self.services.chat
    }

    pub(super) fn send<T>(&self, operation: Op, request: Request) -> Call<T> {
        Call::new(self.endpoint(operation), &self.options, request)
    }

    /// A call that the service has no operation for.
    pub(super) fn unsupported<T>(&self, why: &str) -> Call<T> {
        Call::new(&self.services.assistants, &self.options, Request::unsupported(why))
    }

    /// The server of most operations.
    pub(super) fn assistants_endpoint(&self) -> &Endpoint {
        &self.services.assistants
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

    /// The folder for a request that names none.
    pub(super) fn or_folder(&self, folder: &mut String) {
        if folder.is_empty() {
            self.folder_id().clone_into(folder);
        }
    }

    pub(super) fn stream_limits(&self) -> StreamLimits {
        let config = &self.services.assistants.config;
        StreamLimits {
            line_bytes: config.max_line_bytes,
            object_bytes: config.max_event_bytes,
        }
    }

    /// A server that is no service of Yandex, reached over the same pool and without credentials.
    pub(super) fn file_server(&self, base: BaseUrl) -> Result<Endpoint> {
        self.services
            .assistants
            .sibling(base, Arc::new(FixedBearer(None)), Conventions::Plain)
    }
}

/// A request whose query holds what the operation needs. An empty id would list or get something else.
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

/// Collects what a [`Client`] needs. Every fault shows at [`build`](Self::build).
#[must_use = "a builder does nothing until `build`"]
#[derive(Default)]
pub struct ClientBuilder {
    folder: Option<String>,
    credentials: Option<Credentials>,
    cloud: Option<String>,
    assistants: Option<String>,
    operations: Option<String>,
    models: Option<String>,
    chat: Option<String>,
    iam: Option<String>,
    options: Options,
    config: EndpointConfig,
}

impl ClientBuilder {
    /// Starts from the environment, as [`Client::from_env`] reads it.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming what is missing.
    pub fn from_env() -> Result<Self> {
        Self::from_variables(&credentials::process_variables())
    }

    fn from_variables(variables: &Variables) -> Result<Self> {
        let mut builder = Self {
            folder: variables("YC_FOLDER_ID"),
            cloud: credentials::credential(variables, "YC_API_ENDPOINT"),
            ..Self::default()
        };
        match &builder.folder {
            None => return Err(Error::config("no folder: set YC_FOLDER_ID")),
            Some(folder) if folder.contains(char::REPLACEMENT_CHARACTER) => {
                return Err(Error::config("YC_FOLDER_ID is not unicode"));
            }
            Some(_) => {}
        }
        builder.credentials = match Credentials::detect_in(variables)? {
            None if builder.addresses()?.assistants.is_loopback() => Some(Credentials::none()),
            found => Some(found.ok_or_else(Credentials::missing)?),
        };
        Ok(builder)
    }

    /// The folder that everything is created and listed in. Needed.
    pub fn folder_id(mut self, id: impl Into<String>) -> Self {
        self.folder = Some(id.into());
        self
    }

    /// What the client proves itself with; a bare string is taken for what it looks like. Default: what
    /// [`Credentials::detect`] finds, and nothing for a server on this machine.
    pub fn credentials(mut self, credentials: impl Into<Credentials>) -> Self {
        self.credentials = Some(credentials.into());
        self
    }

    /// The API key of a service account; short for [`credentials`](Self::credentials) with one.
    pub fn api_key(self, key: impl Into<String>) -> Self {
        self.credentials(Credentials::api_key(key))
    }

    /// The cloud, in whose domain the services are (default `api.cloud.yandex.net:443`), or the URL of one server that
    /// has them all.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.cloud = Some(url.into());
        self
    }

    /// Where assistants, threads, messages, runs, search indexes, files and users are. Default:
    /// `https://rest-assistant.api.cloud.yandex.net`, which was switched off on 2026-01-26.
    pub fn assistants_url(mut self, url: impl Into<String>) -> Self {
        self.assistants = Some(url.into());
        self
    }

    /// Where operations are. Default: `https://operation.api.cloud.yandex.net`.
    pub fn operations_url(mut self, url: impl Into<String>) -> Self {
        self.operations = Some(url.into());
        self
    }

    /// Where models cut texts into tokens. Default: `https://llm.api.cloud.yandex.net`.
    pub fn models_url(mut self, url: impl Into<String>) -> Self {
        self.models = Some(url.into());
        self
    }

    /// Below what chat completions are found. Default: `https://llm.api.cloud.yandex.net/v1`.
    pub fn chat_url(mut self, url: impl Into<String>) -> Self {
        self.chat = Some(url.into());
        self
    }

    /// Where OAuth tokens are exchanged. Default: `https://iam.api.cloud.yandex.net`.
    pub fn iam_url(mut self, url: impl Into<String>) -> Self {
        self.iam = Some(url.into());
        self
    }

    /// Whether the service may keep the data of requests, sent as `x-data-logging-enabled`. Default: nothing is sent.
    pub fn data_logging(mut self, enabled: bool) -> Self {
        let value = if enabled { "true" } else { "false" };
        self.options = self.options.header("x-data-logging-enabled", value);
        self
    }

    builder_setters!();

    /// Makes the client. No connection is opened yet, unless credentials have to be looked for.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] without a folder, for an address that is none, plain `http` to another machine, a credential
    /// that cannot be sent, and when no credentials are found.
    pub fn build(mut self) -> Result<Client> {
        let addresses = self.addresses()?;
        let folder = self
            .folder
            .ok_or_else(|| Error::config("no folder: give the builder a folder_id"))?;
        let credentials = match self.credentials {
            Some(credentials) => credentials,
            None if addresses.assistants.is_loopback() => Credentials::none(),
            None => Credentials::detect()?,
        };
        self.config.conventions = Conventions::Yandex;
        self.config.timeout = TIMEOUT;
        let first = Endpoint::new(addresses.assistants.clone(), Arc::new(FixedBearer(None)), self.config)?;
        let authorization = credentials.authorize(&first, &addresses.iam)?;
        let service = |address| {
            let endpoint = first.sibling(address, Arc::clone(&authorization), Conventions::Yandex)?;
            Ok::<_, Error>(Arc::new(endpoint))
        };
        let chat = first
            .sibling(addresses.chat, Arc::clone(&authorization), Conventions::Yandex)?
            .with_timeout(CHAT_TIMEOUT);
        Ok(Client {
            services: Arc::new(Services {
                folder,
                assistants: service(addresses.assistants)?,
                operations: service(addresses.operations)?,
                models: service(addresses.models)?,
                chat: Arc::new(chat),
            }),
            options: self.options.over(&Options::new()),
        })
    }

    fn addresses(&self) -> Result<Addresses> {
        let cloud = self.cloud.as_deref().unwrap_or(CLOUD).trim().trim_end_matches('/');
        let local = BaseUrl::parse(&format!("http://{cloud}")).is_ok_and(|base| base.is_loopback());
        let of = |own: &Option<String>, name: &str, path: &str| match own {
            Some(url) => BaseUrl::parse(url),
            None if cloud.contains("://") => BaseUrl::parse(&format!("{cloud}{path}")),
            None if local => BaseUrl::parse(&format!("http://{cloud}{path}")),
            None => BaseUrl::parse(&format!("https://{name}.{}{path}", cloud.trim_end_matches(":443"))),
        };
        Ok(Addresses {
            assistants: of(&self.assistants, "rest-assistant", "")?,
            operations: of(&self.operations, "operation", "")?,
            models: of(&self.models, "llm", "")?,
            chat: of(&self.chat, "llm", "/v1")?,
            iam: of(&self.iam, "iam", "")?,
        })
    }
}

/// The addresses of the services.
struct Addresses {
    assistants: BaseUrl,
    operations: BaseUrl,
    models: BaseUrl,
    chat: BaseUrl,
    iam: BaseUrl,
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("folder", &self.folder)
            .field("credentials", &self.credentials)
            .field("cloud", &self.cloud)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(builder: &ClientBuilder) -> String {
        let all = builder.addresses().unwrap();
        [&all.assistants, &all.operations, &all.models, &all.chat, &all.iam]
            .map(BaseUrl::address)
            .join(" ")
    }

    #[test]
    fn each_service_has_its_address() {
        let builder = ClientBuilder::default();
        assert_eq!(
            addresses(&builder),
            "https://rest-assistant.api.cloud.yandex.net https://operation.api.cloud.yandex.net \
             https://llm.api.cloud.yandex.net https://llm.api.cloud.yandex.net/v1 https://iam.api.cloud.yandex.net"
        );
        let builder = builder
            .base_url("api.cloud.example:443")
            .assistants_url("http://127.0.0.1:1");
        assert_eq!(
            addresses(&builder),
            "http://127.0.0.1:1 https://operation.api.cloud.example https://llm.api.cloud.example \
             https://llm.api.cloud.example/v1 https://iam.api.cloud.example"
        );
        for url in ["http://127.0.0.1:8080/", "127.0.0.1:8080"] {
            let builder = ClientBuilder::default().base_url(url);
            let one = "http://127.0.0.1:8080";
            assert_eq!(addresses(&builder), format!("{one} {one} {one} {one}/v1 {one}"));
        }
    }

    #[test]
    fn the_environment_must_name_a_folder() {
        let build = |pairs: &'static [(&str, &str)]| {
            let variables: Variables = Arc::new(|name| {
                pairs
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            });
            ClientBuilder::from_variables(&variables)?.build()
        };
        let key = ("YC_API_KEY", "secret-key");
        assert!(
            build(&[("YC_API_KEY", "k")])
                .unwrap_err()
                .to_string()
                .contains("YC_FOLDER_ID")
        );
        let garbled = build(&[("YC_API_KEY", "k"), ("YC_FOLDER_ID", "fld\u{fffd}")]).unwrap_err();
        assert_eq!(garbled.to_string(), "YC_FOLDER_ID is not unicode");
        let client = build(&[("YC_API_KEY", "secret-key"), ("YC_FOLDER_ID", "fld")]).unwrap();
        assert_eq!(
            (client.folder_id(), client.base_url()),
            ("fld", "https://rest-assistant.api.cloud.yandex.net")
        );
        assert!(!format!("{client:?}").contains(key.1));
        // An empty folder is a value; a server on this machine needs no credentials.
        let nowhere = [
            ("YC_FOLDER_ID", ""),
            ("YC_API_ENDPOINT", "http://127.0.0.1:1"),
            ("YC_METADATA_ADDR", "127.0.0.1:1"),
        ];
        let nowhere: &'static [_] = Box::leak(Box::new(nowhere));
        assert_eq!(build(nowhere).unwrap().folder_id(), "");
    }

    #[test]
    fn can_be_shared() {
        fn check<T: Clone + Send + Sync>() {}
        check::<Client>();
    }
}
