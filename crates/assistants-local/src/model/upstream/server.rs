//! An upstream server: its client, its models and its flags.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use assistants_blocking::Options;
use assistants_blocking::openai::Client;
use serde_json::{Map, Value};

use super::client::client;
use super::dialect::Dialect;
use super::flags::Flags;

/// How long a list of models is used before it is requested again.
const LIST_LIFETIME: Duration = Duration::from_secs(60);

/// How long listing the models may take.
const LIST_TIMEOUT: Duration = Duration::from_secs(5);

/// The number of models whose flags are kept. Beyond it, all are learned again.
const MAX_LEARNED: usize = 1_000;

/// How often, and after which waits, a request is sent again that failed before anything of its answer was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retries {
    /// How often it is sent again. 2 by default.
    pub most: u32,
    /// The wait before the first time, which doubles with each, unless the server asks for another one. 0.5 s by default.
    pub wait: Duration,
    /// The longest wait that the server can ask for; after that, the request has failed. 2 minutes by default.
    pub longest_wait: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            most: 2,
            wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(120),
        }
    }
}

/// Where an upstream server is, and how to speak to it.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Endpoint {
    /// The base URL, such as `http://127.0.0.1:11434/v1`.
    pub url: String,
    /// The key, if the server requires one.
    pub key: Option<String>,
    /// The header for the key; `Authorization` with the scheme `Bearer` if `None`.
    pub key_header: Option<String>,
    /// The protocol that the server is asked in; `None` means the default for its address, see [`Dialect::of_server`].
    pub dialect: Option<Dialect>,
    /// Flags that differ from the defaults, by name.
    pub flags: Map<String, Value>,
    /// When failed requests are sent again.
    pub retries: Retries,
}

impl Endpoint {
    /// Creates an endpoint without a key.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ..Self::default()
        }
    }
}

impl std::fmt::Debug for Endpoint {
    /// Shows everything but the key.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Endpoint")
            .field("url", &self.url)
            .field("key_header", &self.key_header)
            .field("dialect", &self.dialect)
            .field("flags", &self.flags)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}

/// A server with models.
#[derive(Debug)]
pub struct Upstream {
    pub(super) name: String,
    pub(super) client: Client,
    pub(super) dialect: Dialect,
    pub(super) retries: Retries,
    /// The defaults for the server's address.
    defaults: Flags,
    /// What the user has set.
    overrides: Map<String, Value>,
    /// The flags by model, where they were found to differ.
    learned: Mutex<HashMap<String, Flags>>,
    listed: Mutex<Option<Listed>>,
    cut_prompts: AtomicU64,
}

/// The models of a server.
#[derive(Clone, Debug)]
struct Listed {
    at: Instant,
    /// `None` if the server could not be asked or has no list.
    names: Option<Vec<String>>,
    owner: Option<String>,
}

/// Why there is no upstream server.
#[derive(Debug, thiserror::Error)]
#[error("upstream server '{name}': {reason}")]
pub struct UpstreamError {
    name: String,
    reason: String,
}

impl Upstream {
    /// Creates an upstream server. No connection is made.
    ///
    /// # Errors
    ///
    /// If the URL is invalid, if the key contains a line break, or if there is no such flag.
    pub fn new(name: impl Into<String>, endpoint: Endpoint) -> Result<Self, UpstreamError> {
        let name = name.into();
        let failed = |reason: String| UpstreamError {
            name: name.clone(),
            reason,
        };
        // What is sent again, and when, is decided where the flags can change in between.
        let options = Options::new().max_retries(0);
        let client = client(&endpoint.url, endpoint.key, endpoint.key_header, options);
        let client = client.map_err(|error| failed(error.to_string()))?;
        let url = url::Url::parse(&endpoint.url).map_err(|error| failed(error.to_string()))?;
        let host = url.host_str().unwrap_or_default();
        let defaults = Flags::of_server(host, url.port());
        defaults.overridden(&endpoint.flags).map_err(failed)?;
        Ok(Self {
            name,
            client,
            dialect: endpoint.dialect.unwrap_or_else(|| Dialect::of_server(host, url.path())),
            retries: endpoint.retries,
            defaults,
            overrides: endpoint.flags,
            learned: Mutex::default(),
            listed: Mutex::default(),
            cut_prompts: AtomicU64::new(0),
        })
    }

    /// Returns the name that configuration and logs use.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the base URL.
    #[must_use]
    pub fn url(&self) -> &str {
        self.client.base_url()
    }

    /// Returns the protocol that the server is asked in.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Returns the names of the server's models; `None` if it cannot be asked, or has no list.
    pub fn models(&self) -> Option<Vec<String>> {
        self.listed().names
    }

    /// Returns the flags for a model.
    pub fn flags(&self, model: &str) -> Flags {
        if let Some(flags) = lock(&self.learned).get(model) {
            return flags.clone();
        }
        let owner = lock(&self.listed).as_ref().and_then(|listed| listed.owner.clone());
        let flags = match owner {
            Some(owner) => self.defaults.clone().of_owner(&owner),
            None => self.defaults.clone(),
        };
        // They were checked when the server was created.
        flags.overridden(&self.overrides).unwrap_or(flags)
    }

    /// Returns how many prompts the server has cut without an error.
    #[must_use]
    pub fn cut_prompts(&self) -> u64 {
        self.cut_prompts.load(Ordering::Relaxed)
    }

    /// Uses these flags for a model from now on.
    pub(super) fn remember(&self, model: &str, flags: &Flags) {
        let mut learned = lock(&self.learned);
        // A server without a list of models gets any name that a user makes up.
        if learned.len() >= MAX_LEARNED {
            learned.clear();
        }
        learned.insert(model.to_owned(), flags.clone());
    }

    pub(super) fn count_cut_prompt(&self) {
        self.cut_prompts.fetch_add(1, Ordering::Relaxed);
    }

    fn listed(&self) -> Listed {
        if let Some(listed) = &*lock(&self.listed)
            && listed.at.elapsed() < LIST_LIFETIME
        {
            return listed.clone();
        }
        // Not under the lock: a server that does not respond would hold up everything else.
        let listed = self.list();
        *lock(&self.listed) = Some(listed.clone());
        listed
    }

    fn list(&self) -> Listed {
        let call = self.client.models().list().deadline(LIST_TIMEOUT);
        let (mut names, mut owner) = (Vec::new(), None);
        let mut failed = None;
        for model in call {
            match model {
                Ok(model) => {
                    owner = owner.or(Some(model.owned_by));
                    names.push(model.id);
                }
                Err(error) => failed = Some(error),
            }
        }
        if let Some(error) = &failed {
            log::warn!(
                "the models of the upstream server '{}' cannot be listed: {error}",
                self.name
            );
        }
        Listed {
            at: Instant::now(),
            names: failed.is_none().then_some(names),
            owner,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
