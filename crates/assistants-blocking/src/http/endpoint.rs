//! A server and account: turns calls into requests, and sends them.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::http::header::{ACCEPT, CONTENT_TYPE, HeaderValue, USER_AGENT};

use crate::auth::authorization::Authorize;
use crate::auth::secrets::Secrets;
use crate::call::options::Options;
use crate::call::request::Request;
use crate::call::response::Received;
use crate::call::url::{BaseUrl, OwnQuery};
use crate::error::{Error, Result};
use crate::http::attempts::{Attempts, Delivered};
use crate::http::config::EndpointConfig;
use crate::http::conventions::{CLIENT_REQUEST_ID, Conventions};
use crate::http::head::Head;
use crate::http::incoming::Response;
use crate::http::log;
use crate::http::outgoing::{Body, Expect, Outgoing, Timeouts};
use crate::http::progress::ObservedBytes;
use crate::http::random;
use crate::http::transport::Transport;

/// The value of `User-Agent`.
const AGENT: &str = concat!("assistants-blocking/", env!("CARGO_PKG_VERSION"));

/// The default limit on the silence in a stream.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5 * 60);

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

    /// Another address over the same pool of connections.
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

    /// Sends the request until there is a response, and reads all of it.
    pub(crate) fn execute(&self, request: &Request, options: &Options) -> Result<Received> {
        let started = Instant::now();
        let Delivered {
            attempts,
            response,
            body,
        } = self.deliver(request, options, Expect::Whole)?;
        let secrets = response.secrets().clone();
        log::trace!(secrets; "{}: response {}", request.what(), request.shown(&body));
        Ok(Received {
            what: request.what(),
            status: response.status,
            headers: response.headers,
            body,
            attempts,
            elapsed: started.elapsed(),
            secrets,
        })
    }

    /// Sends the request until a response begins.
    pub(crate) fn open(&self, request: &Request, options: &Options) -> Result<Response> {
        Ok(self.deliver(request, options, Expect::Stream)?.response)
    }

    fn deliver(&self, request: &Request, options: &Options, expect: Expect) -> Result<Delivered> {
        let mut secrets = self.secrets(options);
        if let Some(secret) = &request.secret {
            secrets.add(secret.expose());
        }
        self.send(request, options, expect, &secrets)
            .map_err(|error| error.redact(&secrets))
    }

    /// Builds what is sent, and makes the attempts.
    fn send(&self, request: &Request, options: &Options, expect: Expect, secrets: &Secrets) -> Result<Delivered> {
        let path = request.path()?;
        if options.shared_key {
            return Err(Error::config(
                "an idempotency key belongs to one call: with the same key for all calls of a client, a server would return \
                 the response to the first call every time; set it for the call",
            ));
        }
        let url = self.base.url(
            path,
            &options.added.client_query,
            &request.query_with(&options.added.query),
        )?;
        let mut head = self.head(request, options)?;
        let json = request.body(options)?;
        let form = request.multipart(options, || format!("form-{}", random::hex()))?;
        if let Some(form) = &form {
            head.set(CONTENT_TYPE, form.content_type());
        }
        if let Some(json) = &json {
            log::trace!(secrets; "{}: request {}", request.what(), request.shown(json));
        }
        let observed = request.progress.as_ref().zip(json.as_deref());
        let observed = observed.map(|(progress, bytes)| ObservedBytes { bytes, progress });
        let outgoing = Outgoing {
            method: request.method,
            url: &url,
            path,
            head,
            body: match (&form, &observed, &json) {
                (Some(form), ..) => Body::Source(form),
                (None, Some(observed), _) => Body::Source(observed),
                (None, None, Some(json)) => Body::Bytes(json),
                (None, None, None) => Body::Empty,
            },
            timeouts: Timeouts {
                connect: Some(self.config.connect_timeout),
                attempt: Some(options.timeout.unwrap_or(self.config.timeout)),
                idle: Some(options.idle_timeout.unwrap_or(IDLE_TIMEOUT)),
            },
            expect,
            own_query: OwnQuery {
                base: Some(&self.base),
                client: &options.added.client_query,
                call: &options.added.query,
            },
            secrets: secrets.clone(),
        };
        let through = (&self.transport, &*self.authorization, &self.config);
        Attempts::new(through, outgoing, request.safety(), options).run()
    }

    /// The secrets of calls with these options, including the key or token at hand.
    pub(crate) fn secrets(&self, options: &Options) -> Secrets {
        let mut secrets = options.secrets.clone();
        if let Some(key) = self.authorization.held() {
            secrets.add(key.expose());
        }
        self.base.add_secrets(&mut secrets);
        let added = &*options.added;
        for (name, value) in added.headers.iter().chain(&added.client_query).chain(&added.query) {
            secrets.add_named(name, value);
        }
        secrets
    }

    /// The headers that all attempts have in common. Those of the caller replace ours.
    fn head(&self, request: &Request, options: &Options) -> Result<Head> {
        let mut head = Head::default();
        let accept = match (request.stream, request.binary) {
            (true, _) => "text/event-stream",
            (false, true) => "*/*",
            (false, false) => "application/json",
        };
        head.set(ACCEPT, HeaderValue::from_static(accept));
        head.set(USER_AGENT, HeaderValue::from_static(AGENT));
        if request.has_body() {
            head.set(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let conventions = self.config.conventions;
        if let Some(id) = conventions.new_client_request_id() {
            head.set(CLIENT_REQUEST_ID, id);
        }
        if let Some(key) = &options.idempotency_key {
            head.set_text("idempotency-key", key)?;
        } else if let Some(key) = conventions.new_idempotency_key(request.method) {
            head.set_text("idempotency-key", &key)?;
        }
        if let Some(id) = &request.last_event_id {
            head.set_text("last-event-id", id)?;
        }
        for (name, value) in &options.added.headers {
            head.set_text(name, value)?;
        }
        Ok(head)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("base", &self.base.address())
            .finish_non_exhaustive()
    }
}
