//! Setting up a client: its builder and the environment.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::client::{Client, Services};
use super::credentials::{self, Credentials, Variables};
use crate::auth::authorization::FixedBearer;
use crate::call::options::Options;
use crate::call::url::BaseUrl;
use crate::error::{Error, Result};
use crate::http::builder::builder_setters;
use crate::http::config::EndpointConfig;
use crate::http::conventions::Conventions;
use crate::http::endpoint::Endpoint;

/// The domain of the services.
const CLOUD: &str = "api.cloud.yandex.net";

/// The default limit on the time of an attempt, as in Yandex' own client.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The same for a chat completion.
const CHAT_TIMEOUT: Duration = Duration::from_secs(180);

impl Client {
    /// Creates a client from the environment.
    ///
    /// | variable | meaning |
    /// | --- | --- |
    /// | `YC_FOLDER_ID` | the folder; required |
    /// | `YC_API_KEY`, `YC_IAM_TOKEN`, `YC_OAUTH_TOKEN`, `YC_METADATA_ADDR`, `YC_TOKEN`, `YC_PROFILE` | credentials: see [`Credentials::detect`] |
    /// | `YC_API_ENDPOINT` | the cloud, default `api.cloud.yandex.net:443`; or the URL of one server for everything, such as `http://127.0.0.1:8080`, which needs no credentials when it is on this machine |
    /// | `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY` | the proxy |
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

    /// Returns a builder without settings.
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
}

/// The settings of a [`Client`]. Invalid ones are reported by [`build`](Self::build).
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
    /// Returns a builder with the settings in the environment, as [`Client::from_env`] reads them.
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

    /// The folder that objects are created and listed in. Required.
    pub fn folder_id(mut self, id: impl Into<String>) -> Self {
        self.folder = Some(id.into());
        self
    }

    /// The credentials; the kind of a string is recognized by its form. Default: those that [`Credentials::detect`] finds,
    /// and none for a server on this machine.
    pub fn credentials(mut self, credentials: impl Into<Credentials>) -> Self {
        self.credentials = Some(credentials.into());
        self
    }

    /// The API key of a service account; shorthand for [`credentials`](Self::credentials) with one.
    pub fn api_key(self, key: impl Into<String>) -> Self {
        self.credentials(Credentials::api_key(key))
    }

    /// The domain of the services (default `api.cloud.yandex.net:443`), or the URL of one server with all services.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.cloud = Some(url.into());
        self
    }

    /// The URL of assistants, threads, messages, runs, search indexes, files and users. Default:
    /// `https://rest-assistant.api.cloud.yandex.net`, which was switched off on 2026-01-26.
    pub fn assistants_url(mut self, url: impl Into<String>) -> Self {
        self.assistants = Some(url.into());
        self
    }

    /// The URL of operations. Default: `https://operation.api.cloud.yandex.net`.
    pub fn operations_url(mut self, url: impl Into<String>) -> Self {
        self.operations = Some(url.into());
        self
    }

    /// The URL of the tokenizer. Default: `https://llm.api.cloud.yandex.net`.
    pub fn models_url(mut self, url: impl Into<String>) -> Self {
        self.models = Some(url.into());
        self
    }

    /// The base URL of chat completions. Default: `https://llm.api.cloud.yandex.net/v1`.
    pub fn chat_url(mut self, url: impl Into<String>) -> Self {
        self.chat = Some(url.into());
        self
    }

    /// The URL where OAuth tokens are exchanged. Default: `https://iam.api.cloud.yandex.net`.
    pub fn iam_url(mut self, url: impl Into<String>) -> Self {
        self.iam = Some(url.into());
        self
    }

    /// Whether the service may keep the data of requests, sent as `x-data-logging-enabled`. Default: the header is not sent.
    pub fn data_logging(mut self, enabled: bool) -> Self {
        let value = if enabled { "true" } else { "false" };
        self.options = self.options.header("x-data-logging-enabled", value);
        self
    }

    builder_setters!();

    /// Creates the client. No connection is opened yet, unless credentials have to be detected.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if there is no folder, for an invalid address, plain `http` to another machine or a credential that
    /// cannot be sent, and if no credentials are found.
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
}
