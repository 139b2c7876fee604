//! Waits for work of the server: one loop for runs, files, vector stores and operations.

use std::time::Duration;

use crate::call::options::Options;
use crate::call::response::RawResponse;
use crate::error::{Error, Result, TimeoutError, TimeoutPhase};
use crate::http::watch::{Limit, Watch};

/// The wait after the first poll, enough for short work.
const FIRST_INTERVAL: Duration = Duration::from_millis(50);

/// The longest interval; each is one and a half times the one before.
const LONGEST_INTERVAL: Duration = Duration::from_secs(1);

/// The shortest wait that a server can request. It may request 0 or 1 ms, which would be hundreds of requests a second.
const SHORTEST_ASKED: Duration = Duration::from_millis(20);

/// The longest wait that a server can request.
const LONGEST_ASKED: Duration = Duration::from_secs(60);

/// The time that is reserved for a last poll before a deadline.
const LAST_POLL: Duration = Duration::from_millis(500);

/// The result of a poll.
pub(crate) enum Polled<T> {
    /// The work has ended.
    Done(T),
    /// The work is running.
    Running {
        /// What is polled and its state, for the message of an error.
        state: String,
        /// When the server wants to be polled again.
        poll_after: Option<Duration>,
    },
}

impl<T> Polled<T> {
    /// The work is running, according to this response.
    pub(crate) fn running<R>(response: &RawResponse<R>, state: &str) -> Self {
        Self::Running {
            state: response.secrets().redact(state).into_owned(),
            poll_after: response.poll_after(),
        }
    }
}

/// A wait with its limits and intervals.
pub(crate) struct Wait {
    watch: Watch,
    interval: Option<Duration>,
    limit: Option<Limit>,
    grown: Duration,
    /// The last poll before the deadline was made.
    last_poll: bool,
}

impl Wait {
    /// A wait that begins now, in a call with these options. `interval` is set by the caller, and replaces that of the server
    /// and our own.
    pub(crate) fn new(options: &Options, interval: Option<Duration>, timeout: Duration) -> Self {
        Self {
            watch: options.watch(),
            interval,
            limit: Limit::starting_now(timeout),
            grown: FIRST_INTERVAL,
            last_poll: false,
        }
    }

    /// Polls at once, and again after each interval, until the work has ended. The last poll is made when the limit is
    /// reached, however long the interval is.
    ///
    /// # Errors
    ///
    /// Those of a poll; [`Error::Timeout`] with the last known state, [`Error::Cancelled`].
    pub(crate) fn until<T>(mut self, mut poll: impl FnMut() -> Result<Polled<T>>) -> Result<T> {
        let mut seen = None;
        loop {
            let limit = self.limit.filter(|limit| limit.is_reached());
            let (state, poll_after) = match poll() {
                Ok(Polled::Done(done)) => return Ok(done),
                Ok(Polled::Running { state, poll_after }) => (state, poll_after),
                Err(error) => return Err(with_state(error, seen)),
            };
            if let Some(limit) = limit {
                return Err(TimeoutError {
                    phase: TimeoutPhase::Poll,
                    after: limit.after(),
                    what: state,
                    request_sent: true,
                    request_id: None,
                }
                .into());
            }
            let pause = self.pause(poll_after);
            self.watch.sleep(pause, || state.clone())?;
            seen = Some(state);
        }
    }

    /// The wait before the next poll.
    fn pause(&mut self, asked: Option<Duration>) -> Duration {
        let asked = asked.map(|wait| wait.clamp(SHORTEST_ASKED, LONGEST_ASKED));
        let interval = self.interval.or(asked).unwrap_or_else(|| {
            let interval = self.grown;
            self.grown = (self.grown * 3 / 2).min(LONGEST_INTERVAL);
            interval
        });
        let pause = self.limit.map_or(interval, |limit| interval.min(limit.remaining()));
        let Some(left) = self.watch.remaining() else {
            return pause;
        };
        if pause < left {
            return pause;
        }
        // The last poll must return before the deadline, so it begins earlier.
        let begins = if self.last_poll {
            left
        } else {
            left - LAST_POLL.min(left / 4)
        };
        self.last_poll = true;
        begins
    }
}

/// An error at the deadline reports the state of the work, not only the interrupted request.
fn with_state(mut error: Error, seen: Option<String>) -> Error {
    if let (Error::Timeout(timeout), Some(state)) = (&mut error, seen)
        && timeout.phase == TimeoutPhase::Deadline
    {
        timeout.what = state;
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(interval: Option<Duration>, timeout: Duration, deadline: Option<Duration>) -> Wait {
        let mut options = Options::new();
        if let Some(deadline) = deadline {
            options = options.deadline(deadline);
        }
        options.begin();
        Wait::new(&options, interval, timeout)
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn intervals_grow_from_50_ms_to_a_second() {
        let mut wait = wait(None, HOUR, None);
        let pauses: Vec<_> = (0..10).map(|_| wait.pause(None).as_millis()).collect();
        assert_eq!(pauses, [50, 75, 112, 168, 253, 379, 569, 854, 1000, 1000]);
    }

    #[test]
    fn a_server_can_ask_for_waits_within_bounds_and_the_caller_for_any() {
        let ms = Duration::from_millis;
        for (interval, asked, want) in [
            (None, Some(ms(1)), ms(20)),
            (None, Some(ms(700)), ms(700)),
            (None, Some(HOUR / 2), ms(60_000)),
            (Some(ms(3)), Some(ms(700)), ms(3)),
            (Some(HOUR / 2), None, HOUR / 2),
        ] {
            assert_eq!(wait(interval, HOUR, None).pause(asked), want, "{interval:?} {asked:?}");
        }
    }

    #[test]
    fn a_wait_ends_with_what_is_left() {
        let minute = Duration::from_secs(60);
        let pause = wait(Some(Duration::MAX), minute, None).pause(None);
        assert!(pause <= minute && pause > minute / 2, "{pause:?}");
        // Before a deadline there is time for a last poll, and then there is none any more.
        let mut wait = wait(Some(Duration::MAX), HOUR, Some(minute));
        let (first, second) = (wait.pause(None), wait.pause(None));
        assert!(first <= minute - LAST_POLL && first > minute / 2, "{first:?}");
        assert!(second > minute - LAST_POLL, "{second:?}");
    }

    #[test]
    fn polls_once_more_when_the_limit_is_reached() {
        let mut polls = 0;
        let outcome = wait(Some(HOUR), Duration::from_millis(5), None).until(|| {
            polls += 1;
            Ok(match polls {
                1 => Polled::Running {
                    state: String::new(),
                    poll_after: None,
                },
                _ => Polled::Done(polls),
            })
        });
        assert!(matches!(outcome, Ok(2)), "{outcome:?}");
    }
}
