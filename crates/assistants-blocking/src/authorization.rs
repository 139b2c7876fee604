//! What a request proves itself with.
//!
//! [`Authorize`] is asked before each attempt, so that a token can be renewed between two of them.

use ureq::http::HeaderValue;

use crate::error::Result;
use crate::secret::ApiKey;
use crate::transport::watch::Watch;

/// What goes into the `Authorization` header of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Secret {
    /// The scheme with the space behind it, for example `Bearer `.
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

/// Where the `Authorization` of each attempt comes from.
pub(crate) trait Authorize: Send + Sync {
    /// What the next attempt sends; `None` for no such header. `watch` is that of the call, which waits here as long
    /// as a token has to be fetched first.
    fn secret(&self, watch: &Watch) -> Result<Option<Secret>>;

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
pub(crate) struct Fixed(pub(crate) Option<ApiKey>);

impl Authorize for Fixed {
    fn secret(&self, _: &Watch) -> Result<Option<Secret>> {
        Ok(self.0.clone().map(Secret::bearer))
    }
}
