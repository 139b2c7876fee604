//! The response to an attempt.

use std::fmt;
use std::io::{self, Read};

use ureq::http::HeaderMap;

use crate::auth::secrets::Secrets;
use crate::error::{ApiError, Error, Result, TimeoutPhase, TooLargeError, TransportError, request_id};
use crate::http::log;
use crate::http::outgoing::{Expect, Outgoing};
use crate::http::watch::{self, Limit, Limits, Watch};

/// The largest body that is read into memory unless set otherwise: 100 MiB.
pub(crate) const MAX_BODY_BYTES: usize = 100 * 1024 * 1024;

/// The most memory that is reserved for a body before its first byte has arrived.
const FIRST_BODY: usize = 1024 * 1024;

/// A response whose status and headers have arrived, and whose body is still to be read.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The host that responded, after redirects.
    pub(crate) host: String,
    pub(crate) body: Incoming,
}

impl Response {
    /// The response of `host` to `request`. `limits` are those of the attempt.
    pub(crate) fn new(
        request: &Outgoing<'_>,
        limits: Limits,
        host: &str,
        response: ureq::http::Response<ureq::Body>,
    ) -> Self {
        let (parts, body) = response.into_parts();
        // An error is read as a whole even if a stream was expected.
        let limits = match request.expect {
            Expect::Stream if parts.status.is_success() => Limits {
                attempt: None,
                idle: request.timeouts.idle,
                ..limits
            },
            Expect::Stream | Expect::Whole => limits,
        };
        let id = request_id(&parts.headers).map(|id| request.secrets.redact(&id).into_owned());
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            host: host.to_owned(),
            body: Incoming {
                length: body.content_length(),
                reader: body.into_reader(),
                limits,
                method: request.method,
                path: request.path.to_owned(),
                secrets: request.secrets.clone(),
                request_id: id,
            },
        }
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The id under which the server logged the request.
    pub(crate) fn request_id(&self) -> Option<String> {
        request_id(&self.headers)
    }

    /// What nothing about the response may show.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.body.secrets
    }

    /// Reads the body of a response whose status is an error. A body that breaks off does not hide the status; only a
    /// cancelled call and a deadline that has passed take precedence.
    pub(crate) fn into_error(mut self) -> Error {
        let mut body = Vec::new();
        // The additional byte shows whether the body was truncated.
        let read = (&mut self.body)
            .take(ApiError::MAX_BODY as u64 + 1)
            .read_to_end(&mut body);
        if let Err(error) = read
            && let Ok(ended @ (Error::Cancelled(_) | Error::Timeout(_))) = error.downcast::<Error>()
            && !matches!(&ended, Error::Timeout(timeout) if timeout.phase != TimeoutPhase::Deadline)
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

/// The body of a response. `Send`, since a stream may be read on another thread than the one that sent the request.
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
    /// [`Error::TooLarge`] above `limit` bytes; otherwise as a read.
    pub(crate) fn read_all(&mut self, limit: usize) -> Result<Vec<u8>> {
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
            return Err(too_large(self));
        }
        // What the header announces may never arrive.
        let mut body = Vec::with_capacity(length.min(FIRST_BODY));
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        self.by_ref()
            .take(most)
            .read_to_end(&mut body)
            .map_err(|error| Error::from_stream_read(error, 0))?;
        if body.len() > limit {
            return Err(too_large(self));
        }
        Ok(body)
    }

    /// Reads on with another limit, and nothing else, in place of the call's token and deadline.
    pub(crate) fn limit(&mut self, watch: Watch) {
        self.limits.watch = watch;
    }

    /// Returns the connection of a stream to the pool after its last event. Only the framing of the body's end is left to
    /// read, which has arrived or arrives at once. If it does not, the connection is closed.
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
