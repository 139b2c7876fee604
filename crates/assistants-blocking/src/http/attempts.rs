//! The attempts at a request: it is sent until there is a response, or until another attempt would be useless or unsafe.
//!
//! What is retried and after which wait is decided by [`retry`]; how a request is sent once is the matter of the
//! [`Transport`].

use std::time::Instant;

use ureq::http::header::{AUTHORIZATION, CONTENT_ENCODING, HeaderValue};

use crate::auth::authorization::{Authorize, Secret};
use crate::call::options::Options;
use crate::error::{Error, Result};
use crate::http::config::EndpointConfig;
use crate::http::conventions::{CLIENT_REQUEST_ID, Conventions};
use crate::http::incoming::Response;
use crate::http::log::{self, Shown};
use crate::http::outgoing::{Expect, Outgoing};
use crate::http::random;
use crate::http::retry::{self, Policy, Retry, Safety};
use crate::http::transport::Transport;
use crate::http::watch::Watch;

/// The outcome of attempts of which the last one succeeded.
pub(crate) struct Delivered {
    /// The number of attempts.
    pub(crate) attempts: u32,
    pub(crate) response: Response,
    /// The whole body; empty if it is to be read as a stream.
    pub(crate) body: Vec<u8>,
}

/// The attempts at one request.
pub(crate) struct Attempts<'a> {
    transport: &'a Transport,
    authorization: &'a dyn Authorize,
    config: &'a EndpointConfig,
    outgoing: Outgoing<'a>,
    /// The caller set credentials, which replace those of the client, because two might contradict each other.
    own_authorization: bool,
    safety: Safety,
    policy: Policy,
    watch: Watch,
    /// The number of the attempt, from 1.
    attempt: u32,
    /// The number of attempts that count as retries.
    retries: u32,
    /// The credentials of the attempt, if they are those of the client.
    secret: Option<Secret>,
    /// Rejected credentials have been renewed.
    renewed: bool,
    /// The server can have seen an attempt.
    request_sent: bool,
}

impl<'a> Attempts<'a> {
    /// Attempts to send `outgoing`, of which none has been made. `safety` is that of the request itself.
    pub(crate) fn new(
        (transport, authorization, config): (&'a Transport, &'a dyn Authorize, &'a EndpointConfig),
        outgoing: Outgoing<'a>,
        safety: Safety,
        options: &Options,
    ) -> Self {
        let has = |name| outgoing.head.get(name).is_some();
        let keyed = options.idempotency_key.is_some();
        Self {
            transport,
            authorization,
            config,
            own_authorization: has(&AUTHORIZATION) || has(&authorization.header()),
            outgoing,
            safety: config.conventions.safety(safety, keyed),
            policy: config.conventions.policy(options.max_retries),
            watch: options.watch(),
            attempt: 0,
            retries: 0,
            secret: None,
            renewed: false,
            request_sent: false,
        }
    }

    /// Makes attempts until one succeeds.
    ///
    /// # Errors
    ///
    /// The error of the last attempt, without the secrets of any attempt; [`Error::Cancelled`] and [`Error::Timeout`] if the
    /// call ends during a wait.
    pub(crate) fn run(mut self) -> Result<Delivered> {
        self.until_success()
            .map_err(|error| error.redact(&self.outgoing.secrets))
    }

    fn until_success(&mut self) -> Result<Delivered> {
        loop {
            self.begin()?;
            let error = match self.deliver() {
                Ok(delivered) => return Ok(delivered),
                Err(error) => error.redact(&self.outgoing.secrets),
            };
            if !self.renews_credentials(&error) {
                self.wait(error)?;
            }
        }
    }

    /// Sets the headers that differ between attempts.
    fn begin(&mut self) -> Result<()> {
        self.attempt += 1;
        let Outgoing { head, secrets, .. } = &mut self.outgoing;
        if let Some((name, value)) = self.config.conventions.attempt_header(self.attempt, self.retries) {
            head.set(name, value);
        }
        if !self.own_authorization {
            self.secret = self.authorization.secret(&self.watch)?;
        }
        if let Some(secret) = &self.secret {
            secrets.add(secret.key.expose());
            head.set(self.authorization.header(), secret.header_value());
        }
        Ok(())
    }

    /// Makes one attempt. A body that is expected as a whole is part of it.
    fn deliver(&self) -> Result<Delivered> {
        let mut response = self.send()?;
        if !response.is_success() {
            return Err(self.rejection(response));
        }
        self.check_encoding(&response)?;
        let body = match self.outgoing.expect {
            Expect::Whole => response.body.read_all(self.config.max_body_bytes)?,
            Expect::Stream => Vec::new(),
        };
        Ok(Delivered {
            attempts: self.attempt,
            response,
            body,
        })
    }

    /// Sends the request once, and logs the outcome.
    fn send(&self) -> Result<Response> {
        let (outgoing, attempt) = (&self.outgoing, self.attempt);
        let started = Instant::now();
        let response = self.transport.attempt(outgoing, &self.watch).inspect_err(|error| {
            log::debug!(
                outgoing.secrets;
                "{}: attempt {attempt}: no response after {:?}: {error}",
                outgoing.what(),
                started.elapsed()
            );
        })?;
        let client_request_id = self.client_request_id();
        log::debug!(
            outgoing.secrets;
            "{}: attempt {attempt}: {} after {:?}, request id {}{}{}",
            outgoing.what(),
            response.status,
            started.elapsed(),
            response.request_id().as_deref().unwrap_or("-"),
            if client_request_id.is_some() { ", ours " } else { "" },
            client_request_id.unwrap_or_default(),
        );
        log::trace!(
            outgoing.secrets;
            "{}: sent {:?}, got {:?}",
            outgoing.what(),
            Shown(&outgoing.head.to_map()),
            Shown(&response.headers)
        );
        Ok(response)
    }

    fn client_request_id(&self) -> Option<&str> {
        self.outgoing.head.get(&CLIENT_REQUEST_ID)?.to_str().ok()
    }

    /// The error of a response whose status is not a success.
    fn rejection(&self, response: Response) -> Error {
        let mut error = response.into_error();
        let unauthenticated = error.is_unauthenticated();
        if let Error::Api(error) = &mut error {
            error.client_request_id = self.client_request_id().map(str::to_owned);
            if unauthenticated {
                error.hint = error.hint.or_else(|| self.authorization.origin());
            }
        }
        error
    }

    /// Rejects a body that the transport did not decode: its bytes are not the requested content. A file server may keep a
    /// file encoded, so its responses pass.
    fn check_encoding(&self, response: &Response) -> Result<()> {
        let encoding = response.headers.get(CONTENT_ENCODING);
        match encoding.map(HeaderValue::as_bytes) {
            None | Some(b"" | b"identity") => Ok(()),
            Some(_) if self.config.conventions == Conventions::Plain => Ok(()),
            Some(encoding) => Err(Error::unsupported(format!(
                "{}: the response has the encoding `{}`, which was not requested; `gzip` is a feature of this crate",
                self.outgoing.what(),
                encoding.escape_ascii()
            ))),
        }
    }

    /// Whether the next attempt can send new credentials because the server rejected these. Expired credentials are no
    /// fault of the request, so that attempt does not count as a retry; but it is made only once.
    fn renews_credentials(&mut self, error: &Error) -> bool {
        let Some(secret) = &self.secret else { return false };
        let renews = !self.renewed
            && error.is_unauthenticated()
            && self.outgoing.body.is_whole()
            && self.authorization.refused(secret);
        if renews {
            log::debug!(
                self.outgoing.secrets;
                "{}: attempt {}: the token was rejected; trying another one",
                self.outgoing.what(),
                self.attempt
            );
            self.renewed = true;
        }
        renews
    }

    /// Waits for the next attempt. Fails with `error`, that of the last one, if there is none.
    fn wait(&mut self, mut error: Error) -> Result<()> {
        let wait = retry::delay(self.retries, &error, self.safety, &self.policy, random::fraction());
        self.request_sent |= error.request_sent();
        if self.request_sent {
            error.mark_request_sent();
        }
        // A reader that has been read cannot be sent again. What happened first says more than that.
        let Some(wait) = wait.filter(|_| self.outgoing.body.is_whole()) else {
            return Err(error);
        };
        // The deadline would come first. The error at hand says more than it.
        if self.watch.remaining().is_some_and(|left| left <= wait) {
            return Err(error);
        }
        log::debug!(
            self.outgoing.secrets;
            "{}: attempt {} failed, next in {wait:?}: {error}",
            self.outgoing.what(),
            self.attempt
        );
        if let Some(observer) = &self.config.on_retry {
            observer(&Retry {
                method: self.outgoing.method,
                path: &self.outgoing.secrets.redact(self.outgoing.path),
                attempt: self.attempt,
                wait,
                cause: &error,
            });
        }
        self.watch.sleep(wait, || self.outgoing.what())?;
        self.retries += 1;
        Ok(())
    }
}
