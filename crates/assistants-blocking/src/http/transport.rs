//! One attempt at a request over HTTP.
//!
//! [`Transport`] owns the connection pool. [`Transport::attempt`] sends a request once, follows redirects, and hands
//! out status, headers and a body to read from; whether to try again is decided above. What ureq is and does stays
//! inside this module and its children.

use std::borrow::Cow;
use std::env;
use std::fmt;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use ureq::http::header::{HeaderMap, HeaderName, HeaderValue};
use ureq::http::{Request, Uri};
use ureq::{Agent, SendBody};
use url::Url;

use crate::auth::secrets::Secrets;
use crate::call::url::{BaseUrl, OwnQuery, is_loopback};
use crate::error::{ApiError, Error, Result, TooLargeError, TransportError, request_id};
use crate::http::log;
use crate::http::proxy::ProxyChoice;
use crate::http::redirect::Redirect;
use crate::http::watch::{self, Limit, Limits, Watch};
use crate::http::{connector, redirect};

/// The largest body that is read into memory unless told otherwise: 100 MiB.
pub(crate) const MAX_BODY_BYTES: usize = 100 * 1024 * 1024;

/// How much room a body gets before its first byte has come.
const FIRST_BODY: usize = 1024 * 1024;

/// How the connections of a client are made.
#[derive(Clone, Debug)]
pub(crate) struct TransportOptions {
    /// Whether `http` to a host other than this machine is allowed. Default: no.
    pub(crate) allow_plain_http: bool,
    /// The certificates to trust, in DER form, instead of those built in. Default: none, which trusts the built-in ones.
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
    /// [`Error::Config`] when there is no certificate in it, [`Error::Unsupported`] without a TLS feature.
    pub(crate) fn add_root_certificates(&mut self, pem_or_der: &[u8]) -> Result<()> {
        self.root_certificates.extend(certificates(pem_or_der)?);
        Ok(())
    }
}

/// A request, as often as it may have to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) method: &'static str,
    /// The whole URL, with the query.
    pub(crate) url: &'a str,
    /// The path as it is told in errors and logs, without the query.
    pub(crate) path: &'a str,
    /// Everything but `Host`, `Content-Length` and `Transfer-Encoding`. See [`header`].
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: Body<'a>,
    pub(crate) timeouts: Timeouts,
    pub(crate) expect: Expect,
    /// What no other origin gets of the query.
    pub(crate) own_query: OwnQuery<'a>,
    /// What nothing that comes back may show.
    pub(crate) secrets: &'a Secrets,
}

impl Outgoing<'_> {
    /// The request in an error's words, for example `POST /threads`.
    pub(crate) fn what(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// The body of a request.
#[derive(Clone, Copy)]
pub(crate) enum Body<'a> {
    Empty,
    Bytes(&'a [u8]),
    /// A body that is not held in memory; opened once for each time it is sent.
    Source(&'a dyn Source),
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Source(source) => write!(f, "Source({})", source.length()),
        }
    }
}

/// Where the bytes of a large body come from.
pub(crate) trait Source: Send + Sync {
    /// How many bytes there are. Exactly as many are sent.
    fn length(&self) -> u64;

    /// Starts again from the first byte.
    fn open(&self) -> io::Result<Box<dyn Read + '_>>;

    /// Whether it can still be opened: false once bytes were taken that cannot be had again.
    fn is_whole(&self) -> bool;
}

/// The limits on the time of one attempt; `None` is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// Name lookup, TCP, proxy and TLS together. Default 5 s.
    pub(crate) connect: Option<Duration>,
    /// From connecting to the last byte, of a stream to the end of the response headers. Default 600 s.
    pub(crate) attempt: Option<Duration>,
    /// The silence between two bytes of a stream. Default: none.
    pub(crate) idle: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Some(Duration::from_secs(5)),
            attempt: Some(Duration::from_secs(600)),
            idle: None,
        }
    }
}

/// How the body of the answer is going to be read, which decides about its time limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// As a whole, within the attempt's time.
    Whole,
    /// As it comes; after the headers only the silence counts, and the deadline of the call. The body of an error is
    /// read as a whole.
    Stream,
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
    /// [`Error::Config`] for a proxy URL that is none.
    pub(crate) fn new(options: &TransportOptions) -> Result<Self> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(options.max_idle_connections)
            .max_idle_connections_per_host(options.max_idle_connections)
            .max_idle_age(options.max_idle_age);
        let config = config.proxy(options.proxy.resolve(|name| env::var_os(name))?);
        #[cfg(any(feature = "rustls", feature = "native-tls"))]
        let config = config.tls_config(tls_config(options));
        let agent = Agent::with_parts(config.build(), connector::chain(), connector::DeferredLookup);
        Ok(Self {
            agent,
            allow_plain_http: options.allow_plain_http,
        })
    }

    /// Sends the request once and waits for the headers of the answer, whatever its status.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`] and [`Error::Timeout`] as `watch` and the request's timeouts say, [`Error::Transport`]
    /// when there was no answer, [`Error::Config`] for a request that cannot be sent.
    pub(crate) fn attempt(&self, request: &Outgoing<'_>, watch: &Watch) -> Result<Response> {
        watch.check(|| request.what())?;
        let mut uri: Uri = request
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
        let mut headers = Cow::Borrowed(request.headers);
        let mut redirects = 0;
        let response = loop {
            self.check_scheme(uri.scheme_str(), uri.host().unwrap_or_default())?;
            let response = self
                .send(request, &uri, &headers)
                .map_err(|error| match guard.stopped() {
                    Some(stop) => stop.into_error(request.what(), guard.request_sent()),
                    None => transport_error(request, guard.request_sent(), error),
                })?;
            let redirect = Redirect::of(request.method, response.status().as_u16(), response.headers(), &uri);
            let Some(Redirect { target, same_origin }) = redirect.filter(|_| redirects < redirect::MAX_REDIRECTS)
            else {
                break response;
            };
            log::debug!(
                request.secrets;
                "{}: redirected to {}",
                request.what(),
                target.host_str().unwrap_or_default()
            );
            redirects += 1;
            let target = if same_origin {
                target
            } else if matches!(request.body, Body::Empty) {
                redirect::strip(headers.to_mut());
                redirect::without(&request.own_query, target)
            } else {
                return Err(elsewhere(request, &response, &target));
            };
            let Ok(next) = Uri::try_from(target.as_str()) else {
                break response;
            };
            uri = next;
        };
        let (parts, body) = response.into_parts();
        // An error is read as a whole also where a stream was expected.
        let streams = request.expect == Expect::Stream && parts.status.is_success();
        let limits = if streams {
            Limits {
                attempt: None,
                idle: request.timeouts.idle,
                ..limits
            }
        } else {
            limits
        };
        let id = request_id(&parts.headers).map(|id| request.secrets.redact(&id).into_owned());
        Ok(Response {
            status: parts.status.as_u16(),
            headers: parts.headers,
            host: uri.host().unwrap_or_default().to_owned(),
            body: Incoming {
                length: body.content_length(),
                reader: body.into_reader(),
                limits,
                method: request.method,
                path: request.path.to_owned(),
                secrets: request.secrets.clone(),
                request_id: id,
            },
        })
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

    fn send(
        &self,
        request: &Outgoing<'_>,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        watch::begin_output();
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.method = request
            .method
            .parse()
            .map_err(|error| ureq::Error::Http(ureq::http::Error::from(error)))?;
        parts.uri = uri.clone();
        parts.headers = headers.clone();
        match request.body {
            // A length of zero is said where a server expects a body.
            Body::Empty if matches!(request.method, "POST" | "PUT" | "PATCH") => {
                self.agent.run(Request::from_parts(parts, b"".as_slice()))
            }
            Body::Empty => self.agent.run(Request::from_parts(parts, ())),
            Body::Bytes(bytes) => self.agent.run(Request::from_parts(parts, bytes)),
            Body::Source(source) => {
                parts
                    .headers
                    .insert(ureq::http::header::CONTENT_LENGTH, HeaderValue::from(source.length()));
                let mut reader = UploadBody {
                    reader: source.open()?,
                    left: source.length(),
                };
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

/// The error of a redirect that would take the body of a request to a server that it was not meant for.
fn elsewhere(request: &Outgoing<'_>, response: &ureq::http::Response<ureq::Body>, target: &Url) -> Error {
    let mut error = ApiError::from_response(
        (request.method, request.path, target.host_str().unwrap_or_default()),
        response.status().as_u16(),
        response.headers(),
        b"",
        request.secrets,
    );
    error.message = format!("redirected to {}", target.origin().ascii_serialization());
    error.hint =
        Some("the body of a request is not sent to another origin; give the client the address of that server");
    Error::from(error).redact(request.secrets)
}

/// A body that is read only as long as it is sent. The rest of a request whose response has come is dropped, and need
/// not be read first.
struct UploadBody<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for UploadBody<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = if watch::drops_output() {
            watch::check(Instant::now())?;
            usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len())
        } else {
            self.reader.read(into)?
        };
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

fn transport_error(request: &Outgoing<'_>, request_sent: bool, error: ureq::Error) -> Error {
    match error {
        ureq::Error::Http(_) | ureq::Error::BadUri(_) => {
            Error::config(format!("{}: the request cannot be sent: {error}", request.what()))
        }
        // What the body's source reports comes through as it is.
        error => Error::from_io(error.into_io()).unwrap_or_else(|source| {
            let path = request.path.to_owned();
            let error = TransportError {
                method: request.method,
                path,
                request_sent,
                request_id: None,
                source,
            };
            Error::from(error).redact(request.secrets)
        }),
    }
}

/// An answer: status and headers are there, the body is still to be read.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The host that answered, after redirects.
    pub(crate) host: String,
    pub(crate) body: Incoming,
}

impl Response {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The id under which the server logged the request.
    pub(crate) fn request_id(&self) -> Option<String> {
        request_id(&self.headers)
    }

    /// What nothing that is said of the answer may show.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.body.secrets
    }

    /// Reads the body of an answer whose status is an error. A body that breaks off does not hide the status; only a
    /// call that was cancelled or ran into its deadline ends otherwise.
    pub(crate) fn into_error(mut self) -> Error {
        let mut body = Vec::new();
        // One byte more tells a body that was cut from one that fits, should anybody ask.
        let read = (&mut self.body)
            .take(ApiError::MAX_BODY as u64 + 1)
            .read_to_end(&mut body);
        if let Err(error) = read
            && let Ok(ended @ (Error::Cancelled(_) | Error::Timeout(_))) = error.downcast::<Error>()
            && !matches!(&ended, Error::Timeout(timeout) if timeout.phase != crate::error::TimeoutPhase::Deadline)
        {
            return ended;
        }
        ApiError::from_response(
            (self.body.method, &self.body.path, &self.host),
            self.status,
            &self.headers,
            &body,
            &self.body.secrets,
        )
        .into()
    }
}

/// The body of an answer. `Send`: a stream may be read on another thread than the one that asked for it.
///
/// An error of a read holds an [`Error`].
pub(crate) struct Incoming {
    reader: ureq::BodyReader<'static>,
    length: Option<u64>,
    limits: Limits,
    method: &'static str,
    path: String,
    secrets: Secrets,
    request_id: Option<String>,
}

impl Incoming {
    /// Reads all of it.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] above `limit` bytes; else as a read.
    pub(crate) fn read_all(mut self, limit: usize) -> Result<Vec<u8>> {
        let too_large = |incoming: &Self| {
            TooLargeError {
                what: incoming.what(),
                limit,
                request_id: incoming.request_id.clone(),
            }
            .into()
        };
        let length = self
            .length
            .map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
        if length > limit {
            return Err(too_large(&self));
        }
        // What a header promises may never come.
        let mut body = Vec::with_capacity(length.min(FIRST_BODY));
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        (&mut self)
            .take(most)
            .read_to_end(&mut body)
            .map_err(|error| Error::from_stream_read(error, 0))?;
        if body.len() > limit {
            return Err(too_large(&self));
        }
        Ok(body)
    }

    /// Reads on with another limit, and nothing else, in place of the call's token and deadline.
    pub(crate) fn limit(&mut self, watch: Watch) {
        self.limits.watch = watch;
    }

    /// Gives the connection of a stream that has said its last back to the pool: what is left to read is the framing
    /// of the body's end, which has come already or comes at once. If it does not, the connection is closed.
    pub(crate) fn recycle(mut self) {
        const LEFT: u64 = 16 * 1024;
        self.limits.attempt = Limit::starting_now(watch::SLICE);
        if let Err(error) = io::copy(&mut (&mut self).take(LEFT), &mut io::sink()) {
            log::trace!(self.secrets; "{}: connection not reused: {error}", self.what());
        }
    }

    fn what(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl Read for Incoming {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let guard = watch::enter(self.limits.clone());
        self.reader.read(into).map_err(|source| {
            let error = match guard.stopped() {
                Some(stop) => stop.into_error(self.what(), true),
                None => TransportError {
                    method: self.method,
                    path: self.path.clone(),
                    request_sent: true,
                    request_id: None,
                    source,
                }
                .into(),
            };
            error.of_response(self.request_id.as_deref(), &self.secrets).into_io()
        })
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("of", &self.what())
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// A header that can be sent.
///
/// # Errors
///
/// [`Error::Config`], naming the header and not quoting its value.
pub(crate) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue)> {
    let header = HeaderName::try_from(name)
        .map_err(|_| Error::config(format!("`{}` is no name of a header", name.escape_debug())))?;
    let value = HeaderValue::try_from(value).map_err(|_| {
        Error::config(format!(
            "the value of header `{header}` holds a line break or control character"
        ))
    })?;
    Ok((header, value))
}

/// TLS by the library that the features name: `native-tls`, which nobody has by accident, before the default.
#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn tls_config(options: &TransportOptions) -> ureq::tls::TlsConfig {
    use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

    let system = cfg!(any(feature = "native-tls", feature = "platform-verifier"));
    let roots = if !options.root_certificates.is_empty() {
        options
            .root_certificates
            .iter()
            .map(|der| Certificate::from_der(der).to_owned())
            .into()
    } else if system {
        RootCerts::PlatformVerifier
    } else {
        RootCerts::WebPki
    };
    let provider = if cfg!(feature = "native-tls") {
        TlsProvider::NativeTls
    } else {
        TlsProvider::Rustls
    };
    TlsConfig::builder().provider(provider).root_certs(roots).build()
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn certificates(pem_or_der: &[u8]) -> Result<Vec<Vec<u8>>> {
    use ureq::tls::{PemItem, parse_pem};

    // DER begins with a SEQUENCE of a length that takes two bytes or more.
    if matches!(pem_or_der, [0x30, 0x81..=0x84, ..]) {
        return Ok(vec![pem_or_der.to_vec()]);
    }
    let mut found = Vec::new();
    for item in parse_pem(pem_or_der) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.push(certificate.der().to_vec()),
            Ok(_) => {}
            Err(_) => return Err(Error::config("root certificate: the pem text is broken")),
        }
    }
    if found.is_empty() {
        return Err(Error::config(
            "root certificate: neither der nor pem with a certificate in it",
        ));
    }
    Ok(found)
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
fn certificates(_: &[u8]) -> Result<Vec<Vec<u8>>> {
    Err(Error::unsupported(
        "root certificate: needs the feature `rustls` or `native-tls` of assistants-blocking",
    ))
}
