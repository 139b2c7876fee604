//! The differences of Azure: the address, the version in the query, the header of the key.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use ureq::http::HeaderName;

use crate::auth::api_key::ApiKey;
use crate::auth::authorization::{Authorize, FixedBearer, KeyHeader};
use crate::auth::token::{BearerToken, Provider, TokenCache};
use crate::call::url::BaseUrl;
use crate::error::{Error, Result};

/// The header of a key. Tokens are sent in `Authorization`, as everywhere.
const API_KEY: HeaderName = HeaderName::from_static("api-key");

/// The credential of a client.
#[derive(Clone, Default)]
pub(super) enum Credential {
    #[default]
    None,
    Key(String),
    Token(String),
    Provider(Provider),
}

impl Credential {
    pub(super) fn authorize(self, azure: bool) -> Result<Arc<dyn Authorize>> {
        Ok(match self {
            Self::None => Arc::new(FixedBearer(None)),
            Self::Key(key) if azure => Arc::new(KeyHeader(API_KEY, ApiKey::new(key)?)),
            Self::Key(key) => Arc::new(FixedBearer(Some(ApiKey::new(key)?))),
            Self::Token(token) => Arc::new(FixedBearer(Some(ApiKey::named("the token", token)?))),
            Self::Provider(provider) => Arc::new(TokenCache::new(provider, None)),
        })
    }
}

/// The credential of a client of Azure. A string is a key. `Debug` shows only the kind, nothing of the secret.
#[derive(Clone)]
pub struct AzureCredential(pub(super) Credential);

impl AzureCredential {
    /// A key of the resource, sent in the header `api-key`.
    #[must_use]
    pub fn key(key: impl Into<String>) -> Self {
        Self(Credential::Key(key.into()))
    }

    /// A token of Microsoft Entra ID, sent as `Authorization: Bearer` as long as it is valid.
    #[must_use]
    pub fn token(token: impl Into<String>) -> Self {
        Self(Credential::Token(token.into()))
    }

    /// Tokens of Microsoft Entra ID from a callback; see
    /// [`ClientBuilder::token_provider`](super::ClientBuilder::token_provider).
    #[must_use]
    pub fn token_provider<E>(provide: impl Fn() -> Result<BearerToken, E> + Send + Sync + 'static) -> Self
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        Self(Credential::Provider(Provider::new(provide)))
    }
}

impl From<&str> for AzureCredential {
    fn from(key: &str) -> Self {
        Self::key(key)
    }
}

impl From<String> for AzureCredential {
    fn from(key: String) -> Self {
        Self::key(key)
    }
}

impl fmt::Debug for AzureCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0 {
            Credential::None => "none",
            Credential::Key(_) => "key",
            Credential::Token(_) => "token",
            Credential::Provider(_) => "token provider",
        };
        write!(f, "AzureCredential({kind})")
    }
}

/// The base URL, given the address of a resource or project. The version is part of it, so that every request has it,
/// whatever its options.
pub(super) fn base(endpoint: BaseUrl, version: &str) -> Result<BaseUrl> {
    let version = version.trim();
    if version.is_empty() {
        return Err(Error::config("the api version of azure is empty"));
    }
    let segments: Vec<&str> = endpoint.path().split('/').collect();
    let project = |part: &[&str]| matches!(part, ["api", "projects", name] if !name.is_empty());
    let complete = segments.contains(&"openai") || segments.windows(3).any(project);
    let base = if complete { endpoint } else { endpoint.below("/openai") };
    Ok(base.with_parameter("api-version", version))
}

/// Whether chat completions and embeddings are found by deployment. Azure has them so below a bare `/openai`; in its newer
/// `/openai/v1` and in projects their paths are the usual ones.
pub(super) fn has_deployments(base: &BaseUrl) -> bool {
    base.path().ends_with("/openai")
}

/// A resource of Azure, as the environment describes it.
pub(super) struct Resource {
    pub(super) endpoint: String,
    pub(super) api_version: String,
    pub(super) credential: AzureCredential,
}

impl Resource {
    /// Reads the environment by `variable`.
    pub(super) fn from_variables(variable: impl Fn(&str) -> Result<Option<String>>) -> Result<Self> {
        let needed = |name: &str| variable(name)?.ok_or_else(|| Error::config(format!("{name} is not set")));
        let credential = match variable("AZURE_OPENAI_AD_TOKEN")? {
            Some(token) => AzureCredential::token(token),
            None => match variable("AZURE_OPENAI_API_KEY")? {
                Some(key) => AzureCredential::key(key),
                None => {
                    return Err(Error::config(
                        "no credential for azure: set AZURE_OPENAI_API_KEY or AZURE_OPENAI_AD_TOKEN",
                    ));
                }
            },
        };
        Ok(Self {
            endpoint: needed("AZURE_OPENAI_ENDPOINT")?,
            api_version: needed("OPENAI_API_VERSION")?,
            credential,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openai::Client;

    #[test]
    fn finds_the_base_url() {
        for (endpoint, want) in [
            (
                "https://n.openai.azure.com",
                "https://n.openai.azure.com/openai/x?api-version=v",
            ),
            (
                "https://n.openai.azure.com/",
                "https://n.openai.azure.com/openai/x?api-version=v",
            ),
            ("https://n/openai/", "https://n/openai/x?api-version=v"),
            ("https://n/openai/v1/", "https://n/openai/v1/x?api-version=v"),
            (
                "https://n/openai-proxy",
                "https://n/openai-proxy/openai/x?api-version=v",
            ),
            ("https://n/api/projects/p", "https://n/api/projects/p/x?api-version=v"),
            (
                "https://n/api/projects/",
                "https://n/api/projects/openai/x?api-version=v",
            ),
            ("https://openai/gate", "https://openai/gate/openai/x?api-version=v"),
            ("https://n?api-version=old&a=b", "https://n/openai/x?a=b&api-version=v"),
        ] {
            let base = base(BaseUrl::parse(endpoint).unwrap(), "v").unwrap();
            assert_eq!(base.url("/x", &[], &[]).unwrap(), want, "{endpoint}");
        }
        assert!(base(BaseUrl::parse("https://n").unwrap(), " ").is_err());
    }

    #[test]
    fn reads_the_environment() {
        const ALL: [(&str, &str); 4] = [
            ("AZURE_OPENAI_AD_TOKEN", "hush-token"),
            ("AZURE_OPENAI_API_KEY", "hush-key"),
            ("AZURE_OPENAI_ENDPOINT", "https://n"),
            ("OPENAI_API_VERSION", "v"),
        ];
        let read = |pairs: &'static [(&str, &str)]| {
            let resource = Resource::from_variables(move |name| {
                let found = pairs.iter().find(|(other, _)| *other == name);
                Ok(found.map(|(_, value)| (*value).to_owned()))
            })?;
            Ok::<_, Error>(Client::azure(
                resource.endpoint,
                resource.api_version,
                resource.credential,
            ))
        };
        let builder = read(&ALL).unwrap();
        assert!(!format!("{builder:?}").contains("hush"));
        assert_eq!(builder.build().unwrap().base_url(), "https://n/openai");
        assert!(read(&ALL[1..]).is_ok());
        let message = |pairs| read(pairs).unwrap_err().to_string();
        assert!(message(&ALL[2..]).contains("AZURE_OPENAI_API_KEY"));
        assert!(message(&ALL[..3]).contains("OPENAI_API_VERSION"));
        assert!(message(&ALL[..2]).contains("AZURE_OPENAI_ENDPOINT"));
    }

    #[test]
    fn debug_shows_no_secret() {
        for (credential, want) in [
            (AzureCredential::from("hush"), "AzureCredential(key)"),
            (AzureCredential::token("hush"), "AzureCredential(token)"),
        ] {
            assert_eq!(format!("{credential:?}"), want);
        }
    }
}
