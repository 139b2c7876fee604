//! The checks and limits that a request passes before it reaches a protocol.

use std::sync::Arc;

use axum::http::request::Parts;

use super::access::Access;
use super::budget::Budget;
use super::connections::Connection;
use super::limits::Limits;
use super::origin::Origins;
use super::rejection::Rejection;
use super::workers::Workers;

/// The checks and limits that a request passes before it reaches a protocol.
#[derive(Debug)]
pub(crate) struct Frontend {
    pub(super) access: Access,
    pub(crate) limits: Limits,
    pub(super) budget: Budget,
    handlers: Workers,
}

impl Frontend {
    /// `bound_to` is the host that the server was configured to listen on.
    pub(crate) fn new(key: Option<&str>, origins: Origins, bound_to: &str, limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            access: Access::new(key, origins, bound_to),
            budget: Budget::new(limits.body_memory, limits.queue_timeout),
            handlers: Workers::new(limits.handlers, limits.queue_timeout),
            limits,
        })
    }

    /// Accepts or rejects a request by its head.
    ///
    /// `needs_key` is `false` for an operation whose path already contains a secret, such as a signed download link.
    pub(crate) fn admit(&self, parts: &Parts, needs_key: bool) -> Result<(), Rejection> {
        let checked = self.check(parts, needs_key);
        checked.inspect_err(|rejection| log_rejection(rejection, parts))
    }

    /// Returns whether an operation that needs a key would be admitted. Logs nothing.
    pub(super) fn admits(&self, parts: &Parts) -> bool {
        self.check(parts, true).is_ok()
    }

    fn check(&self, parts: &Parts, needs_key: bool) -> Result<(), Rejection> {
        let connection = parts.extensions.get::<Connection>();
        if connection.is_some_and(|connection| connection.is_surplus) {
            Err(Rejection::Busy("connections"))
        } else {
            self.access.check(parts, needs_key)
        }
    }

    /// Rejects a body whose content type is not acceptable. `takes_form` is `true` if the operation expects a form.
    pub(crate) fn check_content_type(&self, parts: &Parts, takes_form: bool) -> Result<(), Rejection> {
        let checked = self.access.check_content_type(parts, takes_form);
        checked.inspect_err(|rejection| log_rejection(rejection, parts))
    }

    /// Runs `work`, which may block, on a thread that serves no connections.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Rejection> {
        self.handlers.run(work).await
    }
}

/// Logs a rejected request. The line contains neither the body nor the key.
fn log_rejection(rejection: &Rejection, parts: &Parts) {
    let peer = parts
        .extensions
        .get::<Connection>()
        .map(|connection| connection.peer.to_string());
    let peer = peer.as_deref().unwrap_or("an unknown address");
    let (status, method, path) = (rejection.status().as_u16(), &parts.method, parts.uri.path());
    log::warn!("{status} for {method} {path} from {peer}: {rejection}");
}
