//! Waiting for objects that the server works on: files, vector stores.

use std::fmt;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use super::{File, FileStatus};
use crate::error::{Error, Result, TimeoutError, TimeoutPhase};
use crate::options::option_setters;
use crate::{Call, CancelToken, Options};

/// How long to wait between two looks when neither caller nor server say.
const INTERVAL: Duration = Duration::from_secs(1);

/// Something that a server works on for a while.
pub(super) trait Awaited: DeserializeOwned {
    /// What messages call it.
    const NOUN: &'static str;

    /// Whether waiting longer changes nothing.
    fn is_done(&self) -> bool;

    fn status(&self) -> &str;
}

impl Awaited for File {
    const NOUN: &'static str = "file";

    fn is_done(&self) -> bool {
        matches!(self.status, FileStatus::Processed | FileStatus::Error)
    }

    fn status(&self) -> &str {
        self.status.as_str()
    }
}

/// Makes the request for the next look, from what was seen last.
type Look<T> = Box<dyn Fn(Option<&T>) -> Call<T> + Send>;

/// Makes the request that makes the object; it may have to do more before, with these options.
type First<T> = Box<dyn FnOnce(&Options) -> Result<Call<T>> + Send>;

/// A call that waits until the server is done with an object.
///
/// The object is handed out in whatever state it ended, also when that is a failure: look at its `status`.
#[must_use = "nothing is polled until `send`"]
pub struct WaitCall<T> {
    first: Option<First<T>>,
    look: Look<T>,
    pub(crate) options: Options,
    interval: Option<Duration>,
    poll_timeout: Duration,
}

impl<T> WaitCall<T> {
    /// Waits for what `look` reads.
    pub(super) fn of(options: &Options, look: impl Fn(Option<&T>) -> Call<T> + Send + 'static) -> Self {
        Self {
            first: None,
            look: Box::new(look),
            options: options.clone(),
            interval: None,
            poll_timeout: Duration::from_secs(30 * 60),
        }
    }

    /// Does this first, which makes what is waited for.
    pub(super) fn after(self, first: impl FnOnce(&Options) -> Result<Call<T>> + Send + 'static) -> Self {
        Self {
            first: Some(Box::new(first)),
            ..self
        }
    }

    option_setters!();

    /// The wait between two looks. Default: what the server's first `openai-poll-after-ms` header says, else 1 second.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// Limits the whole wait. Default: 30 minutes.
    pub fn poll_timeout(mut self, limit: Duration) -> Self {
        self.poll_timeout = limit;
        self
    }
}

#[allow(
    private_bounds,
    reason = "what can be waited for is ours to say; nobody implements it"
)]
impl<T: Awaited> WaitCall<T> {
    /// Waits, and hands out the object.
    ///
    /// # Errors
    ///
    /// As [`Call::send`]; [`Error::Timeout`] naming the last status when it is not done in time.
    pub fn send(mut self) -> Result<T> {
        let started = Instant::now();
        // One deadline for the whole call, not one for each of its requests.
        let deadline = self.options.deadline.take();
        let mut interval = self.interval;
        let mut seen: Option<T> = None;
        let mut first = self.first.take();
        loop {
            let is_first = first.is_some();
            let options = || Options {
                deadline: deadline.map(|limit| limit.saturating_sub(started.elapsed())),
                ..self.options.clone()
            };
            let mut call = match first.take() {
                Some(first) => first(&options())?,
                None => (self.look)(seen.as_ref()),
            };
            let what = call.request.what();
            call.options = options();
            let answer = call.send_raw()?;
            let object = answer.parse()?;
            if object.is_done() {
                return Ok(object);
            }
            if is_first {
                // Only the first request carries what the caller added to the operation.
                self.options.body_fields.clear();
                self.options.query.clear();
                self.options.idempotency_key = None;
            }
            let wait = match (interval, answer.poll_after()) {
                (Some(interval), _) => interval,
                (None, Some(said)) => *interval.insert(said),
                // Small things are done at once; the second look need not wait long.
                (None, None) if is_first => INTERVAL.min(Duration::from_millis(50)),
                (None, None) => INTERVAL,
            };
            let late = |phase, after| TimeoutError {
                phase,
                after,
                what: format!("{what}: the {} is `{}`", T::NOUN, object.status()),
                request_sent: true,
            };
            let next = started.elapsed().saturating_add(wait);
            if next > self.poll_timeout {
                return Err(late(TimeoutPhase::Poll, self.poll_timeout).into());
            }
            if let Some(limit) = deadline.filter(|limit| next > *limit) {
                return Err(late(TimeoutPhase::Deadline, limit).into());
            }
            let cancel = self.options.cancel.as_ref();
            if cancel.unwrap_or(&CancelToken::new()).sleep(wait) {
                return Err(Error::cancelled(what));
            }
            seen = Some(object);
        }
    }
}

impl<T> fmt::Debug for WaitCall<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitCall")
            .field("first", &self.first.is_some())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
