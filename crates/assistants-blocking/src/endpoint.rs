//! A server and account: builds attempts, repeats them, writes the log.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ureq::http::HeaderMap;
use ureq::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};

use crate::error::{Error, Result};
use crate::lines::MAX_LINE_BYTES;
use crate::options::Options;
use crate::path::BaseUrl;
use crate::request::Request;
use crate::response::RawResponse;
use crate::retry::{self, Policy, Safety};
use crate::secret::ApiKey;
use crate::sse::MAX_EVENT_BYTES;
use crate::transport::watch::Watch;
use crate::transport::{self, Body, Expect, MAX_BODY_BYTES, Outgoing, Response, Timeouts, Transport, TransportOptions};

/// What is sent as `User-Agent`.
const AGENT: &str = concat!("assistants-blocking/", env!("CARGO_PKG_VERSION"));

/// The longest silence in a stream, where nothing else is said.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Headers that the log may show. Others may carry secrets.
const LOGGED_HEADERS: &[&str] = &[
    "accept",
    "content-length",
    "content-type",
    "idempotency-key",
    "openai-beta",
    "openai-processing-ms",
    "retry-after",
    "retry-after-ms",
    "user-agent",
    "x-request-id",
    "x-should-retry",
];

/// What the observer of [`ClientBuilder::on_retry`](crate::openai::ClientBuilder::on_retry) is told: an attempt failed,
/// and another follows after a wait.
#[derive(Debug)]
#[non_exhaustive]
pub struct Retry<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// The path of the request, without the query.
    pub path: &'a str,
    /// The number of the attempt that failed; the first is 1.
    pub attempt: u32,
    /// The wait before the next one.
    pub wait: Duration,
    /// Why it failed.
    pub cause: &'a Error,
}

type Observer = Arc<dyn Fn(&Retry<'_>) + Send + Sync>;

/// What an endpoint is made with, beside its address and key.
pub(crate) struct EndpointConfig {
    pub(crate) transport: TransportOptions,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_body_bytes: usize,
    pub(crate) max_line_bytes: usize,
    pub(crate) max_event_bytes: usize,
    pub(crate) on_retry: Option<Observer>,
}

impl Default for EndpointConfig {
    fn default() -> Self {
        Self {
            transport: TransportOptions::default(),
            connect_timeout: Duration::from_secs(5),
            max_body_bytes: MAX_BODY_BYTES,
            max_line_bytes: MAX_LINE_BYTES,
            max_event_bytes: MAX_EVENT_BYTES,
            on_retry: None,
        }
    }
}

/// A server and account, with the connections to it.
pub(crate) struct Endpoint {
    base: BaseUrl,
    key: Option<ApiKey>,
    transport: Transport,
    pub(crate) config: EndpointConfig,
}

impl Endpoint {
    pub(crate) fn new(base: BaseUrl, key: Option<ApiKey>, config: EndpointConfig) -> Result<Self> {
        let transport = Transport::new(&config.transport)?;
        transport.check_address(base.address())?;
        Ok(Self {
            base,
            key,
            transport,
            config,
        })
    }

    pub(crate) fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// Sends the request until an answer is there, and reads it.
    pub(crate) fn execute<T>(&self, request: &Request, options: &Options) -> Result<RawResponse<T>> {
        let started = Instant::now();
        let (attempts, (status, headers, body)) = self.repeat(request, options, Expect::Whole, |response| {
            let (status, headers) = (response.status, response.headers);
            Ok((status, headers, response.body.read_all(self.config.max_body_bytes)?))
        })?;
        log::trace!("{}: answer {}", request.what(), String::from_utf8_lossy(&body));
        Ok(RawResponse::new(
            request.what(),
            status,
            headers,
            body,
            attempts,
            started.elapsed(),
        ))
    }

    /// Sends the request until an answer begins.
    pub(crate) fn open(&self, request: &Request, options: &Options) -> Result<Response> {
        self.repeat(request, options, Expect::Stream, Ok)
            .map(|(_, response)| response)
    }

    /// Repeats attempts as the rules of [`retry`] say. `receive` takes what belongs to an attempt out of its answer.
    fn repeat<R>(
        &self,
        request: &Request,
        options: &Options,
        expect: Expect,
        receive: impl Fn(Response) -> Result<R>,
    ) -> Result<(u32, R)> {
        let path = request.path()?;
        let url = self
            .base
            .url(path, &[request.query.as_slice(), options.query.as_slice()].concat())?;
        let mut headers = self.headers(request, options)?;
        let body = request.body(options)?;
        let form = request.multipart(options, format!("form-{:016x}{:016x}", random(), random()))?;
        if let Some(form) = &form {
            headers.insert(CONTENT_TYPE, form.content_type());
        }
        if let Some(body) = &body {
            log::trace!("{}: request {}", request.what(), String::from_utf8_lossy(body));
        }
        let policy = options.max_retries.map_or_else(Policy::default, |max_retries| Policy {
            max_retries,
            ..Policy::default()
        });
        let safety = match request.safety() {
            Safety::Write if options.idempotency_key.is_some() => Safety::KeyedWrite,
            safety => safety,
        };
        let watch = Watch::new(options.cancel.clone(), options.deadline);
        let defaults = Timeouts::default();
        let timeouts = Timeouts {
            connect: Some(self.config.connect_timeout),
            attempt: options.timeout.or(defaults.attempt),
            idle: Some(options.idle_timeout.unwrap_or(IDLE_TIMEOUT)),
        };
        let mut sent = false;
        for retries in 0.. {
            headers.insert("x-stainless-retry-count", HeaderValue::from(retries));
            let outgoing = Outgoing {
                method: request.method,
                url: &url,
                path,
                headers: &headers,
                body: match (&form, &body) {
                    (Some(form), _) => Body::Source(form),
                    (None, Some(body)) => Body::Bytes(body),
                    (None, None) => Body::Empty,
                },
                timeouts,
                expect,
            };
            let mut error = match self.attempt(&outgoing, &watch, retries + 1, &receive) {
                Ok(answer) => return Ok((retries + 1, answer)),
                Err(error) => error,
            };
            let wait = retry::delay(retries, &error, safety, &policy, chance());
            sent |= error.request_sent();
            if sent {
                error.mark_request_sent();
            }
            let Some(wait) = wait else { return Err(error) };
            if watch.remaining().is_some_and(|left| left <= wait) {
                // The deadline would come first; the error at hand says more than it.
                return Err(error);
            }
            log::debug!(
                "{}: attempt {} failed, next in {wait:?}: {error}",
                request.what(),
                retries + 1
            );
            if let Some(observer) = &self.config.on_retry {
                observer(&Retry {
                    method: request.method,
                    path,
                    attempt: retries + 1,
                    wait,
                    cause: &error,
                });
            }
            watch.sleep(wait, || request.what())?;
        }
        unreachable!("the loop returns at the latest when the retries are used up")
    }

    /// One attempt, with its line in the log.
    fn attempt<R>(
        &self,
        outgoing: &Outgoing<'_>,
        watch: &Watch,
        attempt: u32,
        receive: impl Fn(Response) -> Result<R>,
    ) -> Result<R> {
        let started = Instant::now();
        let what = outgoing.what();
        let response = self.transport.attempt(outgoing, watch).inspect_err(|error| {
            log::debug!(
                "{what}: attempt {attempt}: no answer after {:?}: {error}",
                started.elapsed()
            );
        })?;
        log::debug!(
            "{what}: attempt {attempt}: {} after {:?}, request id {}",
            response.status,
            started.elapsed(),
            response.request_id().as_deref().unwrap_or("-"),
        );
        log::trace!(
            "{what}: sent {:?}, got {:?}",
            Shown(outgoing.headers),
            Shown(&response.headers)
        );
        if response.is_success() {
            return receive(response);
        }
        let mut error = response.into_error();
        if let (Error::Api(error), Some(key)) = (&mut error, &self.key) {
            error.redact(key);
        }
        Err(error)
    }

    fn headers(&self, request: &Request, options: &Options) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        let accept = match (request.stream, request.binary) {
            (true, _) => "text/event-stream",
            (false, true) => "*/*",
            (false, false) => "application/json",
        };
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        if request.has_body() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(key) = &self.key {
            headers.insert(AUTHORIZATION, key.header_value("Bearer "));
        }
        if request.method == "POST" || options.idempotency_key.is_some() {
            let key = options.idempotency_key.clone().unwrap_or_else(idempotency_key);
            let (name, value) = transport::header("idempotency-key", &key)?;
            headers.insert(name, value);
        }
        for (name, value) in &options.headers {
            let (name, value) = transport::header(name, value)?;
            headers.insert(name, value);
        }
        Ok(headers)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("base", &self.base.address())
            .finish_non_exhaustive()
    }
}

/// Headers as the log may show them.
struct Shown<'a>(&'a HeaderMap);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self
            .0
            .iter()
            .filter(|(name, _)| LOGGED_HEADERS.contains(&name.as_str()));
        f.debug_map().entries(shown).finish()
    }
}

/// A new key for one call: the standard library's random seed, stirred with a counter, twice.
fn idempotency_key() -> String {
    format!("call-{:016x}{:016x}", random(), random())
}

/// A number from 0 up to 1.
fn chance() -> f64 {
    // 53 bits are what a float holds.
    (random() >> 11) as f64 / (1u64 << 53) as f64
}

pub(crate) fn random() -> u64 {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(COUNTER.fetch_add(1, Ordering::Relaxed));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn idempotency_keys_differ() {
        let keys: HashSet<String> = (0..1000).map(|_| idempotency_key()).collect();
        assert_eq!(keys.len(), 1000);
        assert!(keys.iter().all(|key| key.len() == 37), "{:?}", keys.iter().next());
    }

    #[test]
    fn chance_lies_between_zero_and_one() {
        assert!((0..1000).all(|_| (0.0..1.0).contains(&chance())));
    }

    #[test]
    fn the_log_shows_no_other_headers() {
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static("a/b"));
        headers.insert("authorization", HeaderValue::from_static("Bearer hush"));
        headers.insert("x-secret", HeaderValue::from_static("hush"));
        assert_eq!(format!("{:?}", Shown(&headers)), r#"{"accept": "a/b"}"#);
    }
}
