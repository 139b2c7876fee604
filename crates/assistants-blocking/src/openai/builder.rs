//! Setting up a client: its builder and the environment.

use std::env;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use super::azure::{self, AzureCredential, Credential};
use super::client::Client;
use crate::auth::token::{BearerToken, Provider};
use crate::call::options::Options;
use crate::call::url::BaseUrl;
use crate::error::{Error, Result};
use crate::http::builder::builder_setters;
use crate::http::config::EndpointConfig;
use crate::http::endpoint::Endpoint;

/// Where the protocol was hosted, and where files, models and chat completions still are.
const DEFAULT_BASE_URL: &str = "https://api.openai.com/v1";

impl Client {
    /// Creates a client from the environment.
    ///
    /// | variable | meaning |
    /// | --- | --- |
    /// | `OPENAI_API_KEY` | the key; may be missing only if the base URL is on this machine |
    /// | `OPENAI_BASE_URL` | the server; default `https://api.openai.com/v1` |
    /// | `OPENAI_ORG_ID`, `OPENAI_PROJECT_ID` | sent as `OpenAI-Organization` and `OpenAI-Project` |
    /// | `OPENAI_CUSTOM_HEADERS` | lines of the form `Name: value` |
    /// | `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY` | the proxy |
    ///
    /// An empty variable counts as missing.
    ///
    /// ```no_run
    /// use assistants_blocking::openai::Client;
    ///
    /// let client = Client::from_env()?;
    /// for model in client.models().list() {
    ///     println!("{}", model?.id);
    /// }
    /// # Ok::<(), assistants_blocking::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the variable that is missing or wrong.
    pub fn from_env() -> Result<Self> {
        ClientBuilder::from_env()?.build()
    }

    /// Returns a builder without settings.
    ///
    /// ```
    /// use std::time::Duration;
    /// use assistants_blocking::openai::Client;
    ///
    /// let client = Client::builder()
    ///     .base_url("http://127.0.0.1:8787/v1")
    ///     .api_key("any")
    ///     .timeout(Duration::from_secs(30))
    ///     .max_retries(5)
    ///     .build()?;
    /// assert_eq!(client.base_url(), "http://127.0.0.1:8787/v1");
    /// # Ok::<(), assistants_blocking::Error>(())
    /// ```
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Returns a builder for Azure OpenAI or a project of Azure AI Foundry.
    ///
    /// See also the chapter [Azure](crate::guide::azure).
    ///
    /// `endpoint` is the address of the resource. Paths are appended to it below `/openai`, unless it already ends there
    /// (`https://name.openai.azure.com/openai/v1`) or to a project
    /// (`https://name.services.ai.azure.com/api/projects/project`). `api_version` is sent with every request as the query
    /// parameter `api-version`. A key is sent in the header `api-key`, a token as `Authorization: Bearer`. Of the
    /// environment, only the proxy variables are read; see [`ClientBuilder::azure_from_env`].
    ///
    /// What Azure calls a deployment is the model of an assistant, run or chat. Only chat completions and
    /// embeddings of an endpoint that ends in `/openai` have the deployment in their path
    /// (`/openai/deployments/{model}/chat/completions`);
    /// the client takes care of that.
    ///
    /// ```
    /// use assistants_blocking::openai::Client;
    ///
    /// let client = Client::azure("https://name.openai.azure.com", "2024-05-01-preview", "key").build()?;
    /// assert_eq!(client.base_url(), "https://name.openai.azure.com/openai");
    /// # Ok::<(), assistants_blocking::Error>(())
    /// ```
    pub fn azure(
        endpoint: impl Into<String>,
        api_version: impl Into<String>,
        credential: impl Into<AzureCredential>,
    ) -> ClientBuilder {
        ClientBuilder {
            base_url: Some(endpoint.into()),
            api_version: Some(api_version.into()),
            credential: credential.into().0,
            ..ClientBuilder::default()
        }
    }
}

/// The settings of a [`Client`]. Invalid ones are reported by [`build`](Self::build).
#[must_use = "a builder does nothing until `build`"]
#[derive(Default)]
pub struct ClientBuilder {
    base_url: Option<String>,
    /// If there is one, the base URL is an endpoint of Azure.
    api_version: Option<String>,
    credential: Credential,
    organization: Option<String>,
    project: Option<String>,
    beta: Option<String>,
    options: Options,
    config: EndpointConfig,
}

impl ClientBuilder {
    /// Returns a builder with the settings in the environment, as [`Client::from_env`] reads them.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the variable that is missing or wrong.
    pub fn from_env() -> Result<Self> {
        let mut builder = Self {
            base_url: variable("OPENAI_BASE_URL")?,
            credential: variable("OPENAI_API_KEY")?.map_or(Credential::None, Credential::Key),
            organization: variable("OPENAI_ORG_ID")?,
            project: variable("OPENAI_PROJECT_ID")?,
            ..Self::default()
        };
        for line in variable("OPENAI_CUSTOM_HEADERS")?
            .unwrap_or_default()
            .lines()
            .filter(|line| !line.trim().is_empty())
        {
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| Error::config("OPENAI_CUSTOM_HEADERS: a line has no `:` between name and value"))?;
            builder.options = builder.options.header(name.trim(), value.trim());
        }
        let base = BaseUrl::parse(builder.base_url.as_deref().unwrap_or(DEFAULT_BASE_URL))?;
        if matches!(builder.credential, Credential::None) && !base.is_loopback() {
            return Err(Error::config(
                "no api key: set OPENAI_API_KEY, or OPENAI_BASE_URL to a server on this machine",
            ));
        }
        Ok(builder)
    }

    /// Returns a builder for Azure, as [`Client::azure`] with the settings in the environment.
    ///
    /// | variable | meaning |
    /// | --- | --- |
    /// | `AZURE_OPENAI_ENDPOINT` | the endpoint |
    /// | `OPENAI_API_VERSION` | the version |
    /// | `AZURE_OPENAI_AD_TOKEN` | a token of Microsoft Entra ID, preferred over a key |
    /// | `AZURE_OPENAI_API_KEY` | the key |
    ///
    /// An empty variable counts as missing.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the variable that is missing or wrong.
    pub fn azure_from_env() -> Result<Self> {
        let resource = azure::Resource::from_variables(variable)?;
        Ok(Client::azure(
            resource.endpoint,
            resource.api_version,
            resource.credential,
        ))
    }

    /// The server; paths are appended to it. Default: `https://api.openai.com/v1`, where the Assistants API was
    /// switched off on 2026-08-26.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// The key, sent as `Authorization: Bearer`, to Azure as `api-key`. Without one no such header is sent.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.credential = Credential::Key(key.into());
        self
    }

    /// Obtains tokens from `provide` instead of sending a key. A token is sent as `Authorization: Bearer`.
    ///
    /// A token is kept and used for all requests. `provide` is called again shortly before it expires (five minutes, or
    /// the last quarter of a short lifetime), after an hour at the latest, and when the server rejects it with 401; the
    /// rejected request is then repeated once with the new token. One thread calls `provide`; the others wait, or use the
    /// old token while it is valid. A failed renewal is ignored as long as the old token is valid.
    ///
    /// While `provide` runs, the call that needs the token cannot be cancelled or time out. `provide` must not use this
    /// client, which would deadlock.
    ///
    /// If `provide` fails, the call fails with [`Error::Token`], whose source is the error of `provide`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use assistants_blocking::{BearerToken, openai::Client};
    /// # let server = assistants_local::LocalServer::builder().api_key("fresh").start()?;
    /// # let url = server.base_url();
    ///
    /// let client = Client::builder()
    ///     .base_url(url)
    ///     .token_provider(|| {
    ///         let token = "fresh"; // or from a file, a vault, a command
    ///         Ok::<_, std::io::Error>(BearerToken::new(token).expires_in(Duration::from_secs(3600)))
    ///     })
    ///     .build()?;
    /// client.assistants().list().send()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn token_provider<E>(mut self, provide: impl Fn() -> Result<BearerToken, E> + Send + Sync + 'static) -> Self
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.credential = Credential::Provider(Provider::new(provide));
        self
    }

    /// The organization that requests are billed to, sent as `OpenAI-Organization`.
    pub fn organization(mut self, id: impl Into<String>) -> Self {
        self.organization = Some(id.into());
        self
    }

    /// The project that requests are billed to, sent as `OpenAI-Project`.
    pub fn project(mut self, id: impl Into<String>) -> Self {
        self.project = Some(id.into());
        self
    }

    /// The value of the `OpenAI-Beta` header. Default: `assistants=v2`.
    pub fn beta(mut self, value: impl Into<String>) -> Self {
        self.beta = Some(value.into());
        self
    }

    builder_setters!();

    /// Creates the client. No connection is opened yet.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for an invalid base URL, plain `http` to another machine, a key or header value that cannot be
    /// sent, or a certificate that cannot be read.
    pub fn build(self) -> Result<Client> {
        let mut base = BaseUrl::parse(self.base_url.as_deref().unwrap_or(DEFAULT_BASE_URL))?;
        let mut has_deployments = false;
        if let Some(version) = &self.api_version {
            base = azure::base(base, version)?;
            has_deployments = azure::has_deployments(&base);
        }
        let authorization = self.credential.authorize(self.api_version.is_some())?;
        let mut options = Options::new().header("OpenAI-Beta", self.beta.as_deref().unwrap_or("assistants=v2"));
        if let Some(id) = self.organization {
            options = options.header("OpenAI-Organization", id);
        }
        if let Some(id) = self.project {
            options = options.header("OpenAI-Project", id);
        }
        let endpoint = Arc::new(Endpoint::new(base, authorization, self.config)?);
        Ok(Client {
            endpoint,
            options: self.options.over(&options),
            has_deployments,
        })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("base_url", &self.base_url)
            .field("api_version", &self.api_version)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// A variable of the environment; empty counts as missing.
fn variable(name: &str) -> Result<Option<String>> {
    match env::var(name) {
        Ok(value) if value.trim().is_empty() => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(Error::config(format!("{name} is not unicode"))),
    }
}
