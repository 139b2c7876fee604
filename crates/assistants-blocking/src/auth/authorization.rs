//! What a request proves itself with.
//!
//! [`Authorize`] is asked before each attempt, so that a token can be renewed between two of them.

use ureq::http::header::{AUTHORIZATION, HeaderName, HeaderValue};

use crate::auth::api_key::ApiKey;
use crate::error::Result;
use crate::http::watch::Watch;

/// What an attempt proves itself with; [`Authorize::header`] says in which header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Secret {
    /// The scheme with the space behind it, for example `Bearer `; empty where the key stands alone.
    pub(crate) scheme: &'static str,
    pub(crate) key: ApiKey,
}

impl Secret {
    pub(crate) fn bearer(key: ApiKey) -> Self {
        Self { scheme: "Bearer ", key }
    }

    pub(crate) fn header_value(&self) -> HeaderValue {
        self.key.header_value(self.scheme)
    }
}

/// Where the proof of each attempt comes from.
pub(crate) trait Authorize: Send + Sync {
    /// The header that carries it.
    fn header(&self) -> HeaderName {
        AUTHORIZATION
    }

    /// What the next attempt sends; `None` for no such header. `watch` is that of the call, which waits here as long
    /// as a token has to be fetched first.
    fn secret(&self, watch: &Watch) -> Result<Option<Secret>>;

    /// The secret that is at hand, without fetching one: what must not be shown.
    fn held(&self) -> Option<ApiKey>;

    /// Takes note that the server refused `sent` (status 401); true when the next attempt sends something else.
    fn refused(&self, _sent: &Secret) -> bool {
        false
    }

    /// Where the secret comes from, for the message of a refusal.
    fn origin(&self) -> Option<&'static str> {
        None
    }
}

/// A key that is always the same, sent as `Bearer`; or none.
pub(crate) struct FixedBearer(pub(crate) Option<ApiKey>);

impl Authorize for FixedBearer {
    fn secret(&self, _: &Watch) -> Result<Option<Secret>> {
        Ok(self.0.clone().map(Secret::bearer))
    }

    fn held(&self) -> Option<ApiKey> {
        self.0.clone()
    }
}

/// A key that is always the same, alone in a header of its own.
pub(crate) struct KeyHeader(pub(crate) HeaderName, pub(crate) ApiKey);

impl Authorize for KeyHeader {
    fn header(&self) -> HeaderName {
        self.0.clone()
    }

    fn secret(&self, _: &Watch) -> Result<Option<Secret>> {
        Ok(Some(Secret {
            scheme: "",
            key: self.1.clone(),
        }))
    }

    fn held(&self) -> Option<ApiKey> {
        Some(self.1.clone())
    }
}
