//! Responses before they are parsed.

use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;
use ureq::http::HeaderMap;

use crate::auth::secrets::Secrets;
use crate::error::{self, DecodeError, Error, Result, decode};
use crate::http::span::span;

/// The whole response to a call: status, headers, body, and the attempts that it took.
///
/// ```
/// # let server = assistants_local::LocalServer::builder().start()?;
/// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
/// let response = client.assistants().list().send_raw()?;
/// println!("{} {:?}", response.status(), response.header("content-type"));
/// println!("after {} attempts, {:?}", response.attempts(), response.rate_limits());
/// let page = response.parse()?;
/// println!("{} assistants", page.data.len());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RawResponse<T: ?Sized> {
    received: Received,
    /// Gives what was parsed the secrets that its own errors must not show.
    attach_secrets: AttachSecrets<T>,
}

/// Gives an object of a response the secrets of its call.
pub(crate) type AttachSecrets<T> = fn(&mut T, &Secrets);

/// A response of any type.
pub(crate) struct Received {
    /// The request, for messages: `POST /threads`.
    pub(crate) what: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) attempts: u32,
    pub(crate) elapsed: Duration,
    /// The secrets of the call when the response arrived.
    pub(crate) secrets: Secrets,
}

impl Received {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.trim().parse().ok()
    }

    fn rate_limit(&self, what: &str) -> RateLimit {
        RateLimit {
            limit: self.number(&format!("x-ratelimit-limit-{what}")),
            remaining: self.number(&format!("x-ratelimit-remaining-{what}")),
            reset: self.header(&format!("x-ratelimit-reset-{what}")).and_then(span),
        }
    }

    fn poll_after(&self) -> Option<Duration> {
        let wait = Duration::from_millis(self.number("openai-poll-after-ms")?);
        Some(wait).filter(|wait| !wait.is_zero())
    }

    fn error(&self, error: Error) -> Error {
        let id = error::request_id(&self.headers);
        error.of_response(id.as_deref(), &self.secrets)
    }

    fn check_id(&self, asked: &str, found: &str) -> Result<()> {
        if asked == found {
            return Ok(());
        }
        Err(self.error(DecodeError::another_object(&self.what, asked, found).into()))
    }
}

impl<T: ?Sized> RawResponse<T> {
    pub(crate) fn new(received: Received) -> Self {
        Self {
            received,
            attach_secrets: |_, _| {},
        }
    }

    /// Lets `attach` give the parsed object the secrets of the call.
    pub(crate) fn attach_secrets(self, attach: AttachSecrets<T>) -> Self {
        Self {
            attach_secrets: attach,
            ..self
        }
    }

    /// The HTTP status, from 200 to 299.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.received.status
    }

    /// The value of a header, whatever the case of its name; `None` if it is missing or not text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.received.header(name)
    }

    /// All headers whose values are text, with names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.received
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
    }

    /// The id under which the server logged the request.
    #[must_use]
    pub fn request_id(&self) -> Option<String> {
        error::request_id(&self.received.headers)
    }

    /// What the server reports about its limits on requests and tokens, from the `x-ratelimit-*` headers.
    #[must_use]
    pub fn rate_limits(&self) -> RateLimits {
        RateLimits {
            requests: self.received.rate_limit("requests"),
            tokens: self.received.rate_limit("tokens"),
        }
    }

    /// When the server wants to be polled again, from `openai-poll-after-ms`; `None` for 0.
    pub(crate) fn poll_after(&self) -> Option<Duration> {
        self.received.poll_after()
    }

    /// The number of attempts; 1 if the first succeeded.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.received.attempts
    }

    /// The time from the start of the first attempt to the last byte of the response, including waits between attempts.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.received.elapsed
    }

    /// The body as it arrived.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.received.body
    }

    /// The body as it arrived, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.received.body
    }
}

impl<T: ?Sized> RawResponse<T> {
    /// Rejects a response about another object than the requested one.
    ///
    /// # Errors
    ///
    /// [`Error::Decode`] with the place `id`.
    pub(crate) fn check_id(&self, asked: &str, found: &str) -> Result<()> {
        self.received.check_id(asked, found)
    }

    /// An error about the response: with its request id, and without the secrets of its call.
    pub(crate) fn error(&self, error: Error) -> Error {
        self.received.error(error)
    }

    /// The secrets of the call when the response arrived.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.received.secrets
    }
}

impl<T: DeserializeOwned> RawResponse<T> {
    /// Parses the body.
    ///
    /// # Errors
    ///
    /// [`Error::Decode`] with the place in the document that does not match.
    pub fn parse(&self) -> Result<T> {
        let Received {
            what, body, secrets, ..
        } = &self.received;
        let mut parsed = decode(body, secrets, || what.clone()).map_err(|error| self.error(error.into()))?;
        (self.attach_secrets)(&mut parsed, secrets);
        Ok(parsed)
    }
}

impl<T: ?Sized> fmt::Debug for RawResponse<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawResponse")
            .field("what", &self.received.what)
            .field("status", &self.received.status)
            .field("bytes", &self.received.body.len())
            .field("attempts", &self.received.attempts)
            .field("elapsed", &self.received.elapsed)
            .finish_non_exhaustive()
    }
}

/// Limits on requests and on tokens, as reported by the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Requests per time window of the server.
    pub requests: RateLimit,
    /// Tokens per time window of the server.
    pub tokens: RateLimit,
}

/// One limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// How many are allowed.
    pub limit: Option<u64>,
    /// How many are left.
    pub remaining: Option<u64>,
    /// How long it takes until the limit is reset.
    pub reset: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_requests_no_wait_between_polls_is_not_polled_without_one() {
        let wait = |value: &'static str| {
            let headers = HeaderMap::from_iter([(
                ureq::http::HeaderName::from_static("openai-poll-after-ms"),
                ureq::http::HeaderValue::from_static(value),
            )]);
            let received = Received {
                what: String::new(),
                status: 200,
                headers,
                body: Vec::new(),
                attempts: 1,
                elapsed: Duration::ZERO,
                secrets: Secrets::default(),
            };
            received.poll_after()
        };
        assert_eq!(wait(" 50 "), Some(Duration::from_millis(50)));
        assert_eq!((wait("0"), wait("-1"), wait("soon")), (None, None, None));
    }
}
