//! Reconnecting to a run whose stream broke off.

use assistants_types::openai::operations as op;

use crate::call::request::Request;
use crate::error::{Error, Result};
use crate::http::incoming::Incoming;
use crate::http::log;
use crate::http::random;
use crate::openai::Client;
use crate::stream::event_source::EventSource;
use crate::stream::open::open_events;
use crate::{Options, TimeoutPhase};

/// Continues the stream of a run on a server that has events with ids and the operation for it.
#[derive(Debug, Default)]
pub(super) struct Resume {
    /// The query of the first request, which selects what the events contain.
    query: Vec<(String, String)>,
    /// How often the stream has broken off since the last event.
    failures: u32,
    /// The server does not have the operation.
    rejected: bool,
}

impl Resume {
    pub(super) fn new(query: Vec<(String, String)>) -> Self {
        Self {
            query,
            ..Self::default()
        }
    }

    /// Records that an event has arrived.
    pub(super) fn event_arrived(&mut self) {
        self.failures = 0;
    }

    /// Whether this error is that of a connection which was to continue the stream, and carried something else or nothing.
    pub(super) fn was_in_vain(&mut self, error: &Error) -> bool {
        match error {
            Error::NotAStream(error) if self.failures > 0 => {
                self.rejected |= !error.excerpt.is_empty();
                true
            }
            _ => false,
        }
    }

    /// Whether to reconnect after this error.
    pub(super) fn is_for(&self, error: &Error) -> bool {
        matches!(error, Error::StreamTruncated(_)) && !self.rejected
    }

    /// Opens a stream that begins after the event with this id. `None` if the server rejects that, or if too many
    /// connections in a row have carried no event.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`], and [`Error::Timeout`] at the deadline of the call.
    pub(super) fn reconnect(
        &mut self,
        client: &Client,
        options: &Options,
        (thread, run): (&str, &str),
        last_id: &str,
    ) -> Result<Option<EventSource<Incoming>>> {
        let policy = client.endpoint.config.conventions.policy(options.max_retries);
        // The id of another server may be one that no header can contain.
        if self.failures >= policy.max_retries
            || last_id.is_empty()
            || !last_id.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Ok(None);
        }
        self.failures += 1;
        let mut request = Request::new(op::STREAM_RUN_EVENTS.method, op::STREAM_RUN_EVENTS.path, &[thread, run]);
        request.query.clone_from(&self.query);
        request.last_event_id = Some(last_id.to_owned());
        let request = request.streamed();
        if let Some(retries) = self.failures.checked_sub(2) {
            let wait = policy.wait(retries, random::fraction());
            options.watch().sleep(wait, || request.what())?;
        }
        log::debug!("run {run}: the stream broke off, continuing it");
        match open_events(&client.endpoint, &request, &options.follow_up()) {
            Ok(events) => Ok(Some(events.after(last_id.to_owned()))),
            Err(error @ Error::Cancelled(_)) => Err(error),
            Err(Error::Timeout(timeout)) if timeout.phase == TimeoutPhase::Deadline => Err(Error::Timeout(timeout)),
            Err(error) => {
                self.rejected = matches!(error, Error::Api(_));
                log::debug!("run {run}: the stream cannot be continued: {error}");
                Ok(None)
            }
        }
    }
}
