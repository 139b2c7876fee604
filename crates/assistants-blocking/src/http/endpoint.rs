//! A server and account: builds attempts, repeats them, writes the log.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ureq::http::HeaderMap;
use ureq::http::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};

use crate::auth::authorization::Authorize;
use crate::auth::secrets::Secrets;
use crate::call::options::Options;
use crate::call::request::Request;
use crate::call::response::RawResponse;
use crate::call::url::{BaseUrl, OwnQuery};
use crate::error::{Error, Result};
use crate::http::log;
use crate::http::log::Shown;
use crate::http::retry::{self, Policy, Rules, Safety};
use crate::http::transport::{
    self, Body, Expect, MAX_BODY_BYTES, Outgoing, Response, Source, Timeouts, Transport, TransportOptions,
};
use crate::http::watch::Watch;
use crate::stream::lines::MAX_LINE_BYTES;
use crate::stream::sse::MAX_EVENT_BYTES;

/// What is sent as `User-Agent`.
const AGENT: &str = concat!("assistants-blocking/", env!("CARGO_PKG_VERSION"));

/// The longest silence in a stream, where nothing else is said.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// The id that a client of Yandex gives a call, the same over its attempts.
pub(crate) const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-client-request-id");

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

/// Whose conventions an endpoint follows: the headers that go along, and what is repeated when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Conventions {
    /// OpenAI, and those who follow it. A `POST` carries an idempotency key, which makes it safe to repeat.
    #[default]
    OpenAi,
    /// Yandex. Its services ignore idempotency keys, so that only a key that the caller gave counts as one.
    Yandex,
    /// A server of files that knows neither: no headers of our own.
    Plain,
}

impl Conventions {
    /// The rules of repeats, with the caller's number of them.
    pub(crate) fn policy(self, max_retries: Option<u32>) -> Policy {
        let usual = match self {
            Self::OpenAi | Self::Plain => Policy::default(),
            Self::Yandex => Policy::yandex(),
        };
        Policy {
            max_retries: max_retries.unwrap_or(usual.max_retries),
            ..usual
        }
    }
}

/// What an endpoint is made with, beside its address and key.
#[derive(Clone)]
pub(crate) struct EndpointConfig {
    pub(crate) conventions: Conventions,
    pub(crate) transport: TransportOptions,
    pub(crate) connect_timeout: Duration,
    /// The limit on an attempt where neither the client nor the call has one.
    pub(crate) timeout: Duration,
    pub(crate) max_body_bytes: usize,
    pub(crate) max_line_bytes: usize,
    pub(crate) max_event_bytes: usize,
    pub(crate) on_retry: Option<Observer>,
}

impl Default for EndpointConfig {
    fn default() -> Self {
        Self {
            conventions: Conventions::default(),
            transport: TransportOptions::default(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(10 * 60),
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
    authorization: Arc<dyn Authorize>,
    transport: Transport,
    pub(crate) config: EndpointConfig,
}

impl Endpoint {
    pub(crate) fn new(base: BaseUrl, authorization: Arc<dyn Authorize>, config: EndpointConfig) -> Result<Self> {
        let transport = Transport::new(&config.transport)?;
        transport.check_address(&base)?;
        Ok(Self {
            base,
            authorization,
            transport,
            config,
        })
    }

    /// Another address reached over the same pool of connections.
    pub(crate) fn sibling(
        &self,
        base: BaseUrl,
        authorization: Arc<dyn Authorize>,
        conventions: Conventions,
    ) -> Result<Self> {
        self.transport.check_address(&base)?;
        Ok(Self {
            base,
            authorization,
            transport: self.transport.clone(),
            config: EndpointConfig {
                conventions,
                ..self.config.clone()
            },
        })
    }

    /// The same with another limit on attempts.
    pub(crate) fn with_timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout = timeout;
        self
    }

    pub(crate) fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// Sends the request until an answer is there, and reads it.
    pub(crate) fn execute<T>(&self, request: &Request, options: &Options) -> Result<RawResponse<T>> {
        let started = Instant::now();
        let (attempts, (status, headers, body, secrets)) =
            self.repeat(request, options, Expect::Whole, |response| {
                let (status, secrets) = (response.status, response.secrets().clone());
                let body = response.body.read_all(self.config.max_body_bytes)?;
                Ok((status, response.headers, body, secrets))
            })?;
        log::trace!(secrets; "{}: answer {}", request.what(), request.shown(&body));
        Ok(RawResponse::new(
            request.what(),
            status,
            headers,
            body,
            attempts,
            started.elapsed(),
            secrets,
        ))
    }

    /// Sends the request until an answer begins.
    pub(crate) fn open(&self, request: &Request, options: &Options) -> Result<Response> {
        self.repeat(request, options, Expect::Stream, Ok)
            .map(|(_, response)| response)
    }

    /// Sends the request, and hides what the call knows of secrets in its error, whatever that comes from.
    fn repeat<R>(
        &self,
        request: &Request,
        options: &Options,
        expect: Expect,
        receive: impl Fn(Response) -> Result<R>,
    ) -> Result<(u32, R)> {
        let mut secrets = self.secrets(options);
        if let Some(secret) = &request.secret {
            secrets.add(secret.expose());
        }
        self.attempts(request, options, expect, receive, &mut secrets)
            .map_err(|error| error.redact(&secrets))
    }

    /// Repeats attempts as the rules of [`retry`] say. `receive` takes what belongs to an attempt out of its answer. The
    /// keys and tokens of the attempts join `secrets`.
    fn attempts<R>(
        &self,
        request: &Request,
        options: &Options,
        expect: Expect,
        receive: impl Fn(Response) -> Result<R>,
        secrets: &mut Secrets,
    ) -> Result<(u32, R)> {
        let path = request.path()?;
        if options.shared_key {
            return Err(Error::config(
                "an idempotency key belongs to one call: with the same key for all calls of a client, a server would answer \
                 the first call again and again; give it to the call",
            ));
        }
        let own_query = request.query_with(&options.query);
        let url = self.base.url(path, &options.client_query, &own_query)?;
        let mut headers = self.headers(request, options)?;
        let body = request.body(options)?;
        let form = request.multipart(options, || format!("form-{:016x}{:016x}", random(), random()))?;
        if let Some(form) = &form {
            headers.insert(CONTENT_TYPE, form.content_type());
        }
        if let Some(body) = &body {
            log::trace!(secrets; "{}: request {}", request.what(), request.shown(body));
        }
        let carrier = self.authorization.header();
        // What the caller gave takes the place of ours; two proofs would contradict each other.
        let own_authorization = headers.contains_key(AUTHORIZATION) || headers.contains_key(&carrier);
        let policy = self.config.conventions.policy(options.max_retries);
        let keyed = options.idempotency_key.is_some();
        let safety = match request.safety() {
            Safety::Write if keyed => Safety::KeyedWrite,
            Safety::KeyedWrite if !keyed && policy.rules == Rules::Yandex => Safety::Write,
            safety => safety,
        };
        let watch = options.watch();
        let timeouts = Timeouts {
            connect: Some(self.config.connect_timeout),
            attempt: Some(options.timeout.unwrap_or(self.config.timeout)),
            idle: Some(options.idle_timeout.unwrap_or(IDLE_TIMEOUT)),
        };
        let mut sent = false;
        let mut retries = 0;
        let mut renewed = false;
        for attempt in 1.. {
            match self.config.conventions {
                Conventions::OpenAi => {
                    headers.insert("x-stainless-retry-count", HeaderValue::from(retries));
                }
                Conventions::Yandex if attempt > 1 => {
                    headers.insert("x-retry-attempt", HeaderValue::from(attempt - 1));
                }
                Conventions::Yandex | Conventions::Plain => {}
            }
            let secret = if own_authorization {
                None
            } else {
                self.authorization.secret(&watch)?
            };
            if let Some(secret) = &secret {
                secrets.add(secret.key.expose());
                headers.insert(carrier.clone(), secret.header_value());
            }
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
                own_query: OwnQuery {
                    base: Some(&self.base),
                    client: &options.client_query,
                    call: &options.query,
                },
                secrets,
            };
            let mut error = match self.attempt(&outgoing, &watch, attempt, &receive) {
                Ok(answer) => return Ok((attempt, answer)),
                Err(error) => error.redact(secrets),
            };
            // A reader that was used up has nothing for another attempt, and what happened first says more than that.
            let repeatable = form.as_ref().is_none_or(Source::is_whole);
            // A token that has gone bad is no fault of the request, and does not count as one of its retries.
            if let Some(secret) = &secret
                && repeatable
                && !renewed
                && error.is_unauthenticated()
                && self.authorization.refused(secret)
            {
                log::debug!(
                    secrets;
                    "{}: attempt {attempt}: the token was refused, another one follows",
                    request.what()
                );
                renewed = true;
                continue;
            }
            let wait = retry::delay(retries, &error, safety, &policy, chance());
            sent |= error.request_sent();
            if sent {
                error.mark_request_sent();
            }
            let Some(wait) = wait.filter(|_| repeatable) else {
                return Err(error);
            };
            if watch.remaining().is_some_and(|left| left <= wait) {
                // The deadline would come first; the error at hand says more than it.
                return Err(error);
            }
            log::debug!(
                secrets;
                "{}: attempt {attempt} failed, next in {wait:?}: {error}",
                request.what()
            );
            if let Some(observer) = &self.config.on_retry {
                observer(&Retry {
                    method: request.method,
                    path: &secrets.redact(path),
                    attempt,
                    wait,
                    cause: &error,
                });
            }
            watch.sleep(wait, || request.what())?;
            retries += 1;
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
        let secrets = outgoing.secrets;
        let response = self.transport.attempt(outgoing, watch).inspect_err(|error| {
            log::debug!(
                secrets;
                "{}: attempt {attempt}: no answer after {:?}: {error}",
                outgoing.what(),
                started.elapsed()
            );
        })?;
        let client_request_id = outgoing.headers.get(CLIENT_REQUEST_ID).and_then(|id| id.to_str().ok());
        log::debug!(
            secrets;
            "{}: attempt {attempt}: {} after {:?}, request id {}{}{}",
            outgoing.what(),
            response.status,
            started.elapsed(),
            response.request_id().as_deref().unwrap_or("-"),
            if client_request_id.is_some() { ", ours " } else { "" },
            client_request_id.unwrap_or_default(),
        );
        log::trace!(
            secrets;
            "{}: sent {:?}, got {:?}",
            outgoing.what(),
            Shown(outgoing.headers),
            Shown(&response.headers)
        );
        if response.is_success() {
            self.check_encoding(outgoing, &response)?;
            return receive(response);
        }
        let mut error = response.into_error();
        let unauthenticated = error.is_unauthenticated();
        if let Error::Api(error) = &mut error {
            error.client_request_id = client_request_id.map(str::to_owned);
            if unauthenticated {
                error.hint = error.hint.or_else(|| self.authorization.origin());
            }
        }
        Err(error)
    }

    /// What calls with these options know of secrets, with the key or token at hand.
    pub(crate) fn secrets(&self, options: &Options) -> Secrets {
        let mut secrets = options.secrets.clone();
        if let Some(key) = self.authorization.held() {
            secrets.add(key.expose());
        }
        self.base.add_secrets(&mut secrets);
        for (name, value) in options
            .headers
            .iter()
            .chain(&options.client_query)
            .chain(&options.query)
        {
            secrets.add_named(name, value);
        }
        secrets
    }

    /// Refuses what the transport did not decode: its bytes are not those that were asked for. A server of files is let
    /// through, since it may keep a file as it is encoded.
    fn check_encoding(&self, outgoing: &Outgoing<'_>, response: &Response) -> Result<()> {
        let encoding = response.headers.get(CONTENT_ENCODING);
        match encoding.map(HeaderValue::as_bytes) {
            None | Some(b"" | b"identity") => Ok(()),
            Some(_) if self.config.conventions == Conventions::Plain => Ok(()),
            Some(encoding) => Err(Error::unsupported(format!(
                "{}: the response has the encoding `{}`, which was not asked for; `gzip` is a feature of this crate",
                outgoing.what(),
                encoding.escape_ascii()
            ))),
        }
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
        let conventions = self.config.conventions;
        if conventions == Conventions::Yandex {
            headers.insert(CLIENT_REQUEST_ID, plain(&uuid()));
        }
        if options.idempotency_key.is_some() || (request.method == "POST" && conventions != Conventions::Plain) {
            let made_up = || match conventions {
                Conventions::Yandex => uuid(),
                Conventions::OpenAi | Conventions::Plain => idempotency_key(),
            };
            let key = options.idempotency_key.clone().unwrap_or_else(made_up);
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

/// A new key for one call: the standard library's random seed, stirred with a counter, twice.
fn idempotency_key() -> String {
    format!("call-{:016x}{:016x}", random(), random())
}

/// A random UUID (RFC 9562, version 4).
fn uuid() -> String {
    let (high, low) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 48) & 0x3fff,
        low & 0xffff_ffff_ffff,
    )
}

/// A header value of our own making.
fn plain(text: &str) -> HeaderValue {
    HeaderValue::try_from(text).expect("only letters, digits and dashes")
}

/// A number from 0 up to 1.
pub(crate) fn chance() -> f64 {
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
    fn a_uuid_says_that_it_is_random() {
        for _ in 0..100 {
            let id = uuid();
            let shape: String = id
                .chars()
                .map(|c| if c.is_ascii_hexdigit() { 'x' } else { c })
                .collect();
            assert_eq!(shape, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "{id}");
            assert!(
                id[14..].starts_with('4') && matches!(&id[19..20], "8" | "9" | "a" | "b"),
                "{id}"
            );
        }
    }

    #[test]
    fn chance_lies_between_zero_and_one() {
        assert!((0..1000).all(|_| (0.0..1.0).contains(&chance())));
    }
}
