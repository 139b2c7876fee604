//! What both protocols share of HTTP: who is let in, how bodies are read, and how much is held and done at once.
//!
//! Nothing here knows a protocol. What is refused is a [`Rejection`], which each protocol puts into its own shape.

pub(crate) mod event_channel;
pub(crate) mod file_stream;
pub(crate) mod idempotency;

mod access;
mod base64;
mod body;
mod budget;
mod connections;
mod cors;
mod form;
mod json_member;
mod json_size;
mod limits;
mod origin;
mod pace;
mod quiet;
mod rejection;
mod upload;
mod workers;

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

pub(crate) use self::body::HeldBody;
pub(crate) use self::connections::{Connection, serve};
pub(crate) use self::cors::with_cors;
pub(crate) use self::form::{Form, FormError, Received};
pub use self::limits::Limits;
pub(crate) use self::limits::{LARGEST_BODY, count};
pub(crate) use self::origin::Origins;
pub(crate) use self::pace::Pieces;
pub(crate) use self::rejection::Rejection;
pub(crate) use self::upload::{Member, Upload, UploadError};

use self::access::Access;
use self::budget::Budget;
use self::workers::Workers;

/// What stands between the connections and the protocols.
#[derive(Debug)]
pub(crate) struct Front {
    access: Access,
    pub(crate) limits: Limits,
    budget: Budget,
    handlers: Workers,
}

impl Front {
    /// `bound_to` is the host that the server was configured to listen on.
    pub(crate) fn new(key: Option<&str>, origins: Origins, bound_to: &str, limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            access: Access::new(key, origins, bound_to),
            budget: Budget::new(limits.body_memory, limits.patience),
            handlers: Workers::new(limits.handlers, limits.patience),
            limits,
        })
    }

    /// Lets a request in or not, by what its head says. What has the key in its path needs no other:
    /// `needs_key` is `false` for it.
    pub(crate) fn admit(&self, parts: &Parts, needs_key: bool) -> Result<(), Rejection> {
        let connection = parts.extensions.get::<Connection>();
        if connection.is_some_and(|connection| connection.is_surplus) {
            return Err(Rejection::Busy("connections"));
        }
        self.access.check(parts, needs_key)
    }

    /// Whether the content type of a body may be what it is. `takes_form` says what the operation takes.
    pub(crate) fn check_content_type(&self, parts: &Parts, takes_form: bool) -> Result<(), Rejection> {
        self.access.check_content_type(parts, takes_form)
    }

    /// Runs `work`, which may block for a moment, away from the threads that serve connections.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Rejection> {
        self.handlers.run(work).await
    }
}

/// Logs a request that was refused for who sent it or for what the server has left. Says nothing of its body or its key.
pub(crate) fn log_rejection(rejection: &Rejection, place: &str, parts: &Parts) {
    let peer = parts
        .extensions
        .get::<Connection>()
        .map(|connection| connection.peer.to_string());
    let peer = peer.as_deref().unwrap_or("an unknown address");
    log::warn!("{} for {place} from {peer}: {rejection}", rejection.status().as_u16());
}

/// How long a client that was refused with status 503 is asked to wait, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Adds `retry-after` to a response that says that the server is busy.
pub(crate) fn say_when_to_retry(response: &mut Response) {
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
}

/// Whether a body is a form.
pub(crate) fn has_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(form::is_form)
}
