//! The configuration of an endpoint.

use std::sync::Arc;
use std::time::Duration;

use crate::http::conventions::Conventions;
use crate::http::incoming::MAX_BODY_BYTES;
use crate::http::retry::Retry;
use crate::http::transport::TransportOptions;
use crate::stream::lines::MAX_LINE_BYTES;
use crate::stream::sse::MAX_EVENT_BYTES;

type Observer = Arc<dyn Fn(&Retry<'_>) + Send + Sync>;

/// The configuration of an endpoint, apart from its address and credentials.
#[derive(Clone)]
pub(crate) struct EndpointConfig {
    pub(crate) conventions: Conventions,
    pub(crate) transport: TransportOptions,
    pub(crate) connect_timeout: Duration,
    /// The limit on an attempt, if neither the client nor the call sets one.
    pub(crate) timeout: Duration,
    pub(crate) max_body_bytes: usize,
    pub(crate) max_line_bytes: usize,
    pub(crate) max_event_bytes: usize,
    /// Called before each wait for another attempt.
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
