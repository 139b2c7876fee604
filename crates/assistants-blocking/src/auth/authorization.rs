//! The credentials of requests.
//!
//! [`Authorize`] is asked before each attempt, so that a token can be renewed between two of them.

use ureq::http::header::{AUTHORIZATION, HeaderName, HeaderValue};

use crate::auth::api_key::ApiKey;
use crate::error::Result;
use crate::http::watch::Watch;

/// The credentials of an attempt; [`Authorize::header`] is the header that carries them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Secret {
    /// The scheme with a space, for example `Bearer `; empty if there is only the key.
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

/// A source of credentials.
pub(crate) trait Authorize: Send + Sync {
    /// The header that carries them.
    fn header(&self) -> HeaderName {
        AUTHORIZATION
    }

    /// The credentials of the next attempt; `None` for none. `watch` is that of the call, which waits here while a token is
    /// fetched.
    fn secret(&self, watch: &Watch) -> Result<Option<Secret>>;

    /// The current secret, without fetching one: what must not be shown.
    fn held(&self) -> Option<ApiKey>;

    /// Records that the server rejected `sent` (status 401); true if the next attempt sends other credentials.
    fn refused(&self, _sent: &Secret) -> bool {
        false
    }

    /// Where the secret is from, for the message of a rejection.
    fn origin(&self) -> Option<&'static str> {
        None
    }
}

/// A fixed key, sent as `Bearer`; or none.
pub(crate) struct FixedBearer(pub(crate) Option<ApiKey>);

impl Authorize for FixedBearer {
    fn secret(&self, _: &Watch) -> Result<Option<Secret>> {
        Ok(self.0.clone().map(Secret::bearer))
    }

    fn held(&self) -> Option<ApiKey> {
        self.0.clone()
    }
}

/// A fixed key in a header of its own.
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
