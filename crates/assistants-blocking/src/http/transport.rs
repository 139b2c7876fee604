//! One attempt at a request over HTTP.
//!
//! [`Transport`] owns the connection pool. [`Transport::attempt`] sends a request once, follows redirects, and returns the
//! response with a body to read from; its caller decides about retries. No file outside this folder knows more of ureq than
//! the types of headers.

use std::env;
use std::fmt;
use std::time::Duration;

use ureq::http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use ureq::http::{Request, Uri};
use ureq::{Agent, SendBody};
use url::Url;

use crate::call::url::{BaseUrl, is_loopback};
use crate::error::{ApiError, Error, Result, TransportError};
use crate::http::incoming::Response;
use crate::http::log;
use crate::http::outgoing::{Body, Outgoing, UploadBody};
use crate::http::proxy::ProxyChoice;
use crate::http::redirect::Redirect;
use crate::http::tls::{self, TlsBackend};
use crate::http::watch::{self, Guard, Limit, Limits, Watch};
use crate::http::{connector, redirect};

/// A response as ureq returns it.
type HttpResponse = ureq::http::Response<ureq::Body>;

/// How the connections of a client are made.
#[derive(Clone, Debug)]
pub(crate) struct TransportOptions {
    /// Whether `http` to a host other than this machine is allowed. Default: no.
    pub(crate) allow_plain_http: bool,
    /// The TLS library and its certificates. Default: that of the features.
    pub(crate) tls: Option<TlsBackend>,
    /// The certificates to trust instead of the default ones, in DER form.
    pub(crate) root_certificates: Vec<Vec<u8>>,
    /// Which proxy to use. Default: the environment's.
    pub(crate) proxy: ProxyChoice,
    /// How many idle connections are kept. Default 100.
    pub(crate) max_idle_connections: usize,
    /// How long an idle connection is kept. Default 15 s.
    pub(crate) max_idle_age: Duration,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            allow_plain_http: false,
            tls: None,
            root_certificates: Vec::new(),
            proxy: ProxyChoice::Environment,
            max_idle_connections: 100,
            max_idle_age: Duration::from_secs(15),
        }
    }
}

impl TransportOptions {
    /// Trusts the given certificates, PEM (any number) or DER (one), and only such ones.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if there is no certificate in it, [`Error::Unsupported`] without a TLS feature.
    pub(crate) fn add_root_certificates(&mut self, pem_or_der: &[u8]) -> Result<()> {
        self.root_certificates.extend(tls::certificates(pem_or_der)?);
        Ok(())
    }
}

/// The connections of a client and how to make more.
#[derive(Clone)]
pub(crate) struct Transport {
    agent: Agent,
    allow_plain_http: bool,
}

impl Transport {
    /// A transport without connections.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for an invalid proxy URL, [`Error::Unsupported`] for a TLS backend without its feature.
    pub(crate) fn new(options: &TransportOptions) -> Result<Self> {
        options.tls.map_or(Ok(()), TlsBackend::check)?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(options.max_idle_connections)
            .max_idle_connections_per_host(options.max_idle_connections)
            .max_idle_age(options.max_idle_age);
        let config = config.proxy(options.proxy.resolve(|name| env::var_os(name))?);
        #[cfg(any(feature = "rustls", feature = "native-tls"))]
        let config = config.tls_config(tls::config(options.tls.unwrap_or_default(), &options.root_certificates));
        let agent = Agent::with_parts(config.build(), connector::chain(), connector::DeferredLookup);
        Ok(Self {
            agent,
            allow_plain_http: options.allow_plain_http,
        })
    }

    /// Sends the request once and waits for the headers of the response, whatever its status.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`] and [`Error::Timeout`] as set by `watch` and the timeouts of the request, [`Error::Transport`]
    /// if there was no response, [`Error::Config`] for a request that cannot be sent.
    pub(crate) fn attempt(&self, request: &Outgoing<'_>, watch: &Watch) -> Result<Response> {
        watch.check(|| request.what())?;
        let uri = request
            .url
            .parse()
            .map_err(|_| Error::config(format!("{}: the address is not a valid url", request.what())))?;
        let limits = Limits {
            watch: watch.clone(),
            connect: request.timeouts.connect,
            attempt: request.timeouts.attempt.and_then(Limit::starting_now),
            idle: None,
        };
        let guard = watch::enter(limits.clone());
        let (response, uri) = self.follow(request, uri, &guard)?;
        Ok(Response::new(request, limits, uri.host().unwrap_or_default(), response))
    }

    /// Sends the request to `uri`, and to the target of each redirect that is followed. Returns the last response and where
    /// it is from.
    fn follow(&self, request: &Outgoing<'_>, mut uri: Uri, guard: &Guard) -> Result<(HttpResponse, Uri)> {
        let mut redirects = 0;
        let mut same_origin = true;
        loop {
            self.check_scheme(uri.scheme_str(), uri.host().unwrap_or_default())?;
            let mut headers = request.head.to_map();
            if !same_origin {
                redirect::strip(&mut headers);
            }
            let response = self
                .send(request, &uri, headers)
                .map_err(|error| match guard.stopped() {
                    Some(stop) => stop.into_error(request.what(), guard.request_sent()),
                    None => transport_error(request, guard.request_sent(), error),
                })?;
            let status = response.status().as_u16();
            let Some(redirect) = Redirect::of(request.method, status, response.headers(), &uri)
                .filter(|_| redirects < redirect::MAX_REDIRECTS)
            else {
                return Ok((response, uri));
            };
            log::debug!(
                request.secrets;
                "{}: redirected to {}",
                request.what(),
                redirect.target.host_str().unwrap_or_default()
            );
            let target = if redirect.same_origin {
                redirect.target
            } else if matches!(request.body, Body::Empty) {
                redirect::without(&request.own_query, redirect.target)
            } else {
                return Err(elsewhere(request, &response, &redirect.target));
            };
            let Ok(next) = Uri::try_from(target.as_str()) else {
                return Ok((response, uri));
            };
            uri = next;
            redirects += 1;
            same_origin &= redirect.same_origin;
        }
    }

    /// Whether requests can go to this address at all.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for plain http to another machine, [`Error::Unsupported`] for https in a build without it.
    pub(crate) fn check_address(&self, base: &BaseUrl) -> Result<()> {
        self.check_scheme(Some(base.scheme()), base.host())
    }

    fn check_scheme(&self, scheme: Option<&str>, host: &str) -> Result<()> {
        match scheme {
            Some("https") if cfg!(not(any(feature = "rustls", feature = "native-tls"))) => Err(Error::unsupported(
                format!("https to `{host}`: needs the feature `rustls` or `native-tls` of assistants-blocking"),
            )),
            Some("https") => Ok(()),
            Some("http") if self.allow_plain_http || is_loopback(host) => Ok(()),
            _ => Err(Error::config(format!(
                "plain http to `{host}` is refused: the key and the messages would be readable on the way; use https, \
                 or allow plain http when building the client"
            ))),
        }
    }

    fn send(&self, request: &Outgoing<'_>, uri: &Uri, headers: HeaderMap) -> Result<HttpResponse, ureq::Error> {
        watch::begin_output();
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.method = request
            .method
            .parse()
            .map_err(|error| ureq::Error::Http(ureq::http::Error::from(error)))?;
        parts.uri = uri.clone();
        parts.headers = headers;
        match request.body {
            // Servers expect a length for these methods, even if it is zero.
            Body::Empty if matches!(request.method, "POST" | "PUT" | "PATCH") => {
                self.agent.run(Request::from_parts(parts, b"".as_slice()))
            }
            Body::Empty => self.agent.run(Request::from_parts(parts, ())),
            Body::Bytes(bytes) => self.agent.run(Request::from_parts(parts, bytes)),
            Body::Source(source) => {
                parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(source.length()));
                let mut reader = UploadBody::new(source.open()?, source.length());
                self.agent
                    .run(Request::from_parts(parts, SendBody::from_reader(&mut reader)))
            }
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("allow_plain_http", &self.allow_plain_http)
            .finish_non_exhaustive()
    }
}

/// The error of a redirect that would send the body of a request to another origin.
fn elsewhere(request: &Outgoing<'_>, response: &HttpResponse, target: &Url) -> Error {
    let mut error = ApiError::from_response(
        (request.method, request.path, target.host_str().unwrap_or_default()),
        response.status().as_u16(),
        response.headers(),
        b"",
        &request.secrets,
    );
    error.message = format!("redirected to {}", target.origin().ascii_serialization());
    error.hint =
        Some("the body of a request is not sent to another origin; give the client the address of that server");
    Error::from(error).redact(&request.secrets)
}

fn transport_error(request: &Outgoing<'_>, request_sent: bool, error: ureq::Error) -> Error {
    match error {
        ureq::Error::Http(_) | ureq::Error::BadUri(_) => {
            Error::config(format!("{}: the request cannot be sent: {error}", request.what()))
        }
        // Errors that the source of the body reported are returned as they are.
        error => Error::from_io(error.into_io()).unwrap_or_else(|source| {
            let path = request.path.to_owned();
            let error = TransportError {
                method: request.method,
                path,
                request_sent,
                request_id: None,
                source,
            };
            Error::from(error).redact(&request.secrets)
        }),
    }
}
