//! Keys that stay out of logs and messages.

use std::fmt;

use ureq::http::HeaderValue;

use crate::error::{Error, Result};

/// A key or token. `Debug` shows `***`, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Takes a key that can be sent in a header.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if it is empty, has white space around it, or contains a line break, another control
    /// character or a character outside ASCII. The message does not quote it.
    pub fn new(key: impl Into<String>) -> Result<Self> {
        Self::named("the api key", key.into())
    }

    /// As [`new`](Self::new); `what` is what the message calls it.
    pub(crate) fn named(what: &str, key: String) -> Result<Self> {
        let fault = if key.trim().is_empty() {
            "is empty"
        } else if key.contains(['\r', '\n']) {
            "holds a line break; was it read from a file without trimming?"
        } else if key.bytes().any(|byte| byte.is_ascii_control()) {
            "holds a control character"
        } else if !key.is_ascii() {
            "holds a character outside ascii"
        } else if key.trim() != key {
            "has white space at an end"
        } else {
            return Ok(Self(key));
        };
        Err(Error::config(format!("{what} {fault}")))
    }

    /// The key itself, for the header that carries it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// `prefix` and the key as a header value that HTTP libraries know to keep out of logs.
    pub(crate) fn header_value(&self, prefix: &str) -> HeaderValue {
        let mut value = HeaderValue::try_from(format!("{prefix}{}", self.0))
            .expect("`new` accepts only printable ascii, and the prefix is ours");
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_key() {
        let key = ApiKey::new("sk-hush").unwrap();
        assert_eq!(format!("{key:?}"), "***");
        assert_eq!(format!("{:?}", key.header_value("Bearer ")), "Sensitive");
        assert_eq!(key.header_value("Bearer "), "Bearer sk-hush");
        assert_eq!(key.expose(), "sk-hush");
    }

    #[test]
    fn refuses_what_a_header_cannot_carry_without_quoting_it() {
        for (bad, want) in [
            ("", "is empty"),
            ("  ", "is empty"),
            ("sk-hush\n", "line break"),
            ("sk\r\nx: y", "line break"),
            ("sk-\0hush", "control character"),
            ("sk-\thush", "control character"),
            ("sk-hüsh", "outside ascii"),
            (" sk-hush", "white space"),
        ] {
            let message = ApiKey::new(bad).unwrap_err().to_string();
            assert!(message.contains(want), "{bad:?}: {message}");
            assert!(!message.contains("sk-"), "{message}");
        }
    }
}
