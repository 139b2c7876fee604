//! Credentials of Yandex Cloud.

mod metadata;
mod oauth;
mod yc;

use std::fmt;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::api_key::ApiKey;
use crate::auth::authorization::{Authorize, FixedBearer, Secret};
use crate::call::url::BaseUrl;
use crate::error::{Error, Result};
use crate::http::endpoint::Endpoint;
use crate::http::log;
use crate::http::watch::Watch;

use crate::auth::token::{Token, TokenCache};

/// Reads an environment variable. Tests pass environments of their own.
pub(super) type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The environment of this process. In a value that is not Unicode, [`char::REPLACEMENT_CHARACTER`] takes the place of the
/// invalid bytes; it makes a key or an address invalid.
pub(super) fn process_variables() -> Variables {
    Arc::new(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
}

/// A variable that contains a credential; an empty one counts as missing.
pub(super) fn credential(variables: &Variables, name: &str) -> Option<String> {
    variables(name)
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
}

/// The credentials of a client.
///
/// The kind of a plain string is recognized from its prefix, as in Yandex's own client: `t1.…` is an IAM token, `y0_…` an
/// OAuth token, anything else an API key. White space around it is removed. `Debug` shows the kind, and nothing of the
/// secret.
///
/// | kind | header | renewed |
/// | --- | --- | --- |
/// | [`api_key`](Self::api_key) | `Api-Key` | no |
/// | [`iam_token`](Self::iam_token) | `Bearer` | no; it expires after at most 12 hours |
/// | [`environment_token`](Self::environment_token) | `Bearer` | read again for every request |
/// | [`oauth_token`](Self::oauth_token) | `Bearer` with an IAM token exchanged for it | every hour, before it expires, and when it is rejected |
/// | [`metadata`](Self::metadata) | `Bearer` with the token of the machine's service account | the same |
/// | [`yc`](Self::yc) | `Bearer` with a token of the command-line tool | the same |
/// | [`none`](Self::none) | none | |
///
/// A token is renewed once, however many threads need it; a request whose token the server rejected is sent once more, with
/// the new token.
///
/// ```
/// use assistants_blocking::yandex::Credentials;
///
/// assert_eq!(format!("{:?}", Credentials::from("t1.abc")), "Credentials(iam token)");
/// assert_eq!(format!("{:?}", Credentials::from("AQVN…")), "Credentials(api key)");
/// ```
#[derive(Clone)]
pub struct Credentials(Kind);

#[derive(Clone)]
enum Kind {
    ApiKey(String),
    IamToken(String),
    Environment(Variables),
    OAuth(String),
    Metadata {
        address: Option<String>,
        first: Option<Token>,
    },
    Yc {
        tool: yc::Tool,
        first: Option<Token>,
    },
    None,
}

impl Credentials {
    /// The API key of a service account.
    #[must_use]
    pub fn api_key(key: impl Into<String>) -> Self {
        Self(Kind::ApiKey(key.into()))
    }

    /// An IAM token, which is not renewed.
    #[must_use]
    pub fn iam_token(token: impl Into<String>) -> Self {
        Self(Kind::IamToken(token.into()))
    }

    /// The IAM token in the variable `YC_TOKEN`, read again for every request, so that another program can renew it.
    #[must_use]
    pub fn environment_token() -> Self {
        Self(Kind::Environment(process_variables()))
    }

    /// The OAuth token of a Yandex account, exchanged for IAM tokens.
    #[must_use]
    pub fn oauth_token(token: impl Into<String>) -> Self {
        Self(Kind::OAuth(token.into()))
    }

    /// The service account of the virtual machine that this program runs on, from its metadata service at `169.254.169.254`.
    #[must_use]
    pub fn metadata() -> Self {
        Self(Kind::Metadata {
            address: None,
            first: None,
        })
    }

    /// As [`metadata`](Self::metadata), from a service at another `host` or `host:port`.
    #[must_use]
    pub fn metadata_at(address: impl Into<String>) -> Self {
        Self(Kind::Metadata {
            address: Some(address.into()),
            first: None,
        })
    }

    /// The account that the command-line tool `yc` is configured for, in its current profile.
    #[must_use]
    pub fn yc() -> Self {
        Self(Kind::Yc {
            tool: yc::Tool::default(),
            first: None,
        })
    }

    /// As [`yc`](Self::yc), in this profile.
    #[must_use]
    pub fn yc_profile(profile: impl Into<String>) -> Self {
        Self(Kind::Yc {
            tool: yc::Tool {
                profile: Some(profile.into()),
                ..yc::Tool::default()
            },
            first: None,
        })
    }

    /// No credentials and no `Authorization` header, for servers on this machine.
    #[must_use]
    pub fn none() -> Self {
        Self(Kind::None)
    }

    /// The first of these that exists: `YC_API_KEY`, `YC_IAM_TOKEN`, `YC_OAUTH_TOKEN`, the metadata service (which has a tenth
    /// of a second to respond, or a second if `YC_METADATA_ADDR` is set), `YC_TOKEN`, and the tool `yc` (with the profile of
    /// `YC_PROFILE`, and only if standard input is a terminal). Empty variables count as missing.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if none of them exists, or if `YC_METADATA_ADDR` is not an address.
    pub fn detect() -> Result<Self> {
        Self::detect_in(&process_variables())?.ok_or_else(Self::missing)
    }

    pub(super) fn missing() -> Error {
        Error::config(
            "no credentials: set YC_API_KEY, YC_IAM_TOKEN, YC_OAUTH_TOKEN or YC_TOKEN, or configure the tool `yc`",
        )
    }

    /// `None` if there are none. A source that does not respond is skipped; an invalid address is an error.
    pub(super) fn detect_in(variables: &Variables) -> Result<Option<Self>> {
        let variable = |name| credential(variables, name);
        if let Some(key) = variable("YC_API_KEY") {
            return Ok(Some(Self::api_key(key)));
        }
        if let Some(token) = variable("YC_IAM_TOKEN") {
            return Ok(Some(Self::iam_token(token)));
        }
        if let Some(token) = variable("YC_OAUTH_TOKEN") {
            return Ok(Some(Self::oauth_token(token)));
        }
        let address = variable("YC_METADATA_ADDR");
        let limit = Duration::from_millis(if address.is_some() { 1000 } else { 100 });
        let service = metadata::Service::new(address.as_deref())
            .map_err(|error| Error::config(format!("YC_METADATA_ADDR: {error}")))?;
        match service.probe(limit) {
            Ok(token) => {
                return Ok(Some(Self(Kind::Metadata {
                    address,
                    first: Some(token),
                })));
            }
            Err(error) => log::debug!("no token from a metadata service: {error}"),
        }
        if variable("YC_TOKEN").is_some() {
            return Ok(Some(Self(Kind::Environment(Arc::clone(variables)))));
        }
        if std::io::stdin().is_terminal() {
            let tool = yc::Tool {
                profile: variable("YC_PROFILE"),
                endpoint: variable("YC_API_ENDPOINT"),
                ..yc::Tool::default()
            };
            match tool.probe() {
                Ok(token) => {
                    return Ok(Some(Self(Kind::Yc {
                        tool,
                        first: Some(token),
                    })));
                }
                Err(error) => log::debug!("no token from yc: {error}"),
            }
        }
        Ok(None)
    }

    /// Authorizes the attempts of a client. Tokens are exchanged at `iam`, over the connection pool of `server`.
    pub(super) fn authorize(self, server: &Endpoint, iam: &BaseUrl) -> Result<Arc<dyn Authorize>> {
        let key = |key: &str| ApiKey::new(key.trim());
        Ok(match self.0 {
            Kind::None => Arc::new(FixedBearer(None)),
            Kind::ApiKey(text) => Arc::new(Given {
                secret: Secret {
                    scheme: "Api-Key ",
                    key: key(&text)?,
                },
                origin: "it was sent an api key",
            }),
            Kind::IamToken(text) => Arc::new(Given {
                secret: Secret::bearer(key(&text)?),
                origin: "it was sent the iam token that the client was given, which is not renewed",
            }),
            Kind::Environment(variables) => Arc::new(Environment(variables)),
            Kind::OAuth(text) => Arc::new(TokenCache::new(oauth::Exchange::new(server, iam, key(&text)?)?, None)),
            Kind::Metadata { address, first } => {
                Arc::new(TokenCache::new(metadata::Service::new(address.as_deref())?, first))
            }
            Kind::Yc { tool, first } => Arc::new(TokenCache::new(tool, first)),
        })
    }
}

impl From<&str> for Credentials {
    fn from(text: &str) -> Self {
        let text = text.trim();
        match text.as_bytes() {
            [b't', b'0'..=b'9', b'.', ..] => Self::iam_token(text),
            [b'y', b'0'..=b'3', b'_', next, ..] if *next == b'-' || *next == b'_' || next.is_ascii_alphanumeric() => {
                Self::oauth_token(text)
            }
            _ => Self::api_key(text),
        }
    }
}

impl From<String> for Credentials {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0 {
            Kind::ApiKey(_) => "api key",
            Kind::IamToken(_) => "iam token",
            Kind::Environment(_) => "YC_TOKEN",
            Kind::OAuth(_) => "oauth token",
            Kind::Metadata { .. } => "metadata service",
            Kind::Yc { .. } => "yc",
            Kind::None => "none",
        };
        write!(f, "Credentials({kind})")
    }
}

/// A key or token that is never renewed.
struct Given {
    secret: Secret,
    origin: &'static str,
}

impl Authorize for Given {
    fn secret(&self, _: &Watch) -> Result<Option<Secret>> {
        Ok(Some(self.secret.clone()))
    }

    fn held(&self) -> Option<ApiKey> {
        Some(self.secret.key.clone())
    }

    fn origin(&self) -> Option<&'static str> {
        Some(self.origin)
    }
}

/// The token in `YC_TOKEN`, read each time.
struct Environment(Variables);

impl Environment {
    fn read(&self) -> Result<Secret> {
        let token = credential(&self.0, "YC_TOKEN").ok_or_else(|| Error::config("YC_TOKEN is no longer set"))?;
        Ok(Secret::bearer(ApiKey::new(token)?))
    }
}

impl Authorize for Environment {
    fn secret(&self, _: &Watch) -> Result<Option<Secret>> {
        self.read().map(Some)
    }

    fn held(&self) -> Option<ApiKey> {
        self.read().ok().map(|secret| secret.key)
    }

    fn refused(&self, sent: &Secret) -> bool {
        self.read().is_ok_and(|now| now != *sent)
    }

    fn origin(&self) -> Option<&'static str> {
        Some("it was sent the token of YC_TOKEN")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::config::EndpointConfig;
    use std::sync::Mutex;

    fn environment(pairs: &'static [(&'static str, &'static str)]) -> Variables {
        Arc::new(|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    fn authorize(credentials: Credentials) -> Result<Arc<dyn Authorize>> {
        let base = BaseUrl::parse("http://127.0.0.1:1").unwrap();
        let server = Endpoint::new(base.clone(), Arc::new(FixedBearer(None)), EndpointConfig::default()).unwrap();
        credentials.authorize(&server, &base)
    }

    fn header(credentials: Credentials) -> String {
        let secret = authorize(credentials).unwrap().secret(&Watch::default()).unwrap();
        secret.map_or("-".into(), |secret| format!("{}{}", secret.scheme, secret.key.expose()))
    }

    #[test]
    fn a_bare_string_is_what_it_looks_like() {
        for (text, want) in [
            ("t1.abc", "iam token"),
            ("t9.", "iam token"),
            ("t1abc", "api key"),
            ("xt1.abc", "api key"),
            ("y0_abc", "oauth token"),
            ("y3_-", "oauth token"),
            ("y4_abc", "api key"),
            ("y0_", "api key"),
            (" AQVNabc\n", "api key"),
            ("", "api key"),
        ] {
            assert_eq!(
                format!("{:?}", Credentials::from(text)),
                format!("Credentials({want})"),
                "{text:?}"
            );
        }
    }

    #[test]
    fn each_kind_has_its_scheme_and_loses_white_space() {
        assert_eq!(header(Credentials::api_key(" k\n")), "Api-Key k");
        assert_eq!(header(Credentials::iam_token("t1.x")), "Bearer t1.x");
        assert_eq!(header(Credentials::none()), "-");
        assert!(matches!(authorize(Credentials::api_key(" ")), Err(Error::Config(_))));
    }

    #[test]
    fn the_environment_is_searched_in_order() {
        // Nothing listens at the address of the metadata service.
        const NOWHERE: (&str, &str) = ("YC_METADATA_ADDR", "127.0.0.1:1");
        const ALL: [(&str, &str); 5] = [
            ("YC_API_KEY", "key"),
            ("YC_IAM_TOKEN", "t1.x"),
            ("YC_OAUTH_TOKEN", "y0_x"),
            ("YC_TOKEN", "t1.y"),
            NOWHERE,
        ];
        let detect = |pairs| Credentials::detect_in(&environment(pairs)).map(|found| format!("{:?}", found.unwrap()));
        assert_eq!(detect(&ALL).unwrap(), "Credentials(api key)");
        assert_eq!(detect(&ALL[1..]).unwrap(), "Credentials(iam token)");
        assert_eq!(detect(&ALL[2..]).unwrap(), "Credentials(oauth token)");
        assert_eq!(detect(&ALL[3..]).unwrap(), "Credentials(YC_TOKEN)");
        let empty: &[_] = &[("YC_API_KEY", " "), ("YC_IAM_TOKEN", ""), ("YC_TOKEN", "t1.y"), NOWHERE];
        assert_eq!(detect(empty).unwrap(), "Credentials(YC_TOKEN)");
        let broken: &[_] = &[("YC_METADATA_ADDR", "no address"), ("YC_TOKEN", "t1.y")];
        assert_eq!(
            detect(broken).unwrap_err().to_string(),
            "YC_METADATA_ADDR: base url: is not a url"
        );
    }

    #[test]
    fn the_token_of_the_environment_is_read_each_time() {
        let value = Arc::new(Mutex::new("t1.first".to_owned()));
        let shared = Arc::clone(&value);
        let variables: Variables = Arc::new(move |_| Some(shared.lock().unwrap().clone()));
        let source = Environment(variables);
        let first = source.secret(&Watch::default()).unwrap().unwrap();
        assert!(!source.refused(&first), "there is nothing newer");
        *value.lock().unwrap() = "t1.second\n".into();
        assert!(source.refused(&first));
        assert_eq!(
            source.secret(&Watch::default()).unwrap().unwrap().key.expose(),
            "t1.second"
        );
        *value.lock().unwrap() = String::new();
        assert!(matches!(source.secret(&Watch::default()), Err(Error::Config(_))));
    }
}
