//! What ends a blocked call: a token, a deadline, a silent stream.
//!
//! The sockets below ureq know nothing of a call: a pooled connection serves one call after the other, from any thread, and
//! ureq's own timeouts support neither tokens nor idle limits. So the limits are stored per thread. Code that calls into
//! ureq first [`enter`]s; the socket, further down on the same thread, waits in short slices and [`check`]s between them.

use std::cell::RefCell;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::thread;
use std::time::{Duration, Instant};

use crate::cancel::CancelToken;
use crate::error::{Error, Result, TimeoutError, TimeoutPhase};

/// How long a socket waits before it checks whether the call has ended.
///
/// A call must return within 50 ms of `cancel`. Kernels round the wait up to their tick, by up to 10 ms; the rest is for the
/// scheduler of a busy machine.
pub(crate) const SLICE: Duration = Duration::from_millis(15);

/// What can end a call early; every attempt, wait and stream of the call gets a clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    cancel: Option<CancelToken>,
    deadline: Option<Limit>,
}

impl Watch {
    /// A watch over a call that ends when the token is cancelled, or at this point in time.
    pub(crate) fn new(cancel: Option<CancelToken>, deadline: Option<Limit>) -> Self {
        Self { cancel, deadline }
    }

    /// The token that ends the call.
    pub(crate) fn cancel(&self) -> Option<&CancelToken> {
        self.cancel.as_ref()
    }

    /// The point in time at which the call ends.
    pub(crate) fn deadline(&self) -> Option<Limit> {
        self.deadline
    }

    /// Whether anything can end the call early.
    pub(crate) fn can_end(&self) -> bool {
        self.cancel.is_some() || self.deadline.is_some()
    }

    /// The time left until the deadline; `None` without a deadline.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.deadline.map(Limit::remaining)
    }

    /// Fails if the call was cancelled or is past its deadline. `what` names it, for example `POST /threads`.
    pub(crate) fn check(&self, what: impl FnOnce() -> String) -> Result<()> {
        let stop = if self.cancel.as_ref().is_some_and(CancelToken::is_cancelled) {
            Stop::Cancelled
        } else if let Some(limit) = self.deadline.filter(|limit| limit.is_reached()) {
            limit.stop(TimeoutPhase::Deadline)
        } else {
            return Ok(());
        };
        // Between attempts, it is unknown here whether one of them reached the server.
        Err(stop.into_error(what(), true))
    }

    /// Sleeps for `time`; fails as soon as the call is cancelled or reaches its deadline.
    pub(crate) fn sleep(&self, time: Duration, what: impl FnOnce() -> String) -> Result<()> {
        let time = self.remaining().map_or(time, |left| left.min(time));
        match &self.cancel {
            Some(token) => {
                token.sleep(time);
            }
            None => thread::sleep(time),
        }
        self.check(what)
    }
}

/// A point in time, with the duration that it was made from for the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    at: Instant,
    after: Duration,
}

impl Limit {
    /// `None` for a duration that the clock cannot hold, which is no limit.
    pub(crate) fn starting_now(after: Duration) -> Option<Self> {
        Some(Self {
            at: Instant::now().checked_add(after)?,
            after,
        })
    }

    /// The duration it was made from.
    pub(crate) fn after(self) -> Duration {
        self.after
    }

    /// The time left until then.
    pub(crate) fn remaining(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    pub(crate) fn is_reached(self) -> bool {
        self.remaining().is_zero()
    }

    fn stop(self, phase: TimeoutPhase) -> Stop {
        Stop::Timeout {
            phase,
            after: self.after,
        }
    }
}

/// Why a wait ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Cancelled,
    Timeout { phase: TimeoutPhase, after: Duration },
}

impl Stop {
    pub(crate) fn into_error(self, what: String, request_sent: bool) -> Error {
        match self {
            Self::Cancelled => Error::cancelled(what),
            Self::Timeout { phase, after } => TimeoutError {
                phase,
                after,
                what,
                request_sent,
                request_id: None,
            }
            .into(),
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("cancelled"),
            Self::Timeout { phase, after } => write!(f, "{phase:?} limit of {after:?} reached"),
        }
    }
}

impl StdError for Stop {}

/// For the way through ureq and the TLS library, to which these kinds have no special meaning, unlike `WouldBlock`,
/// `Interrupted` and `ConnectionReset`.
impl From<Stop> for io::Error {
    fn from(stop: Stop) -> Self {
        let kind = match stop {
            Stop::Cancelled => io::ErrorKind::Other,
            Stop::Timeout { .. } => io::ErrorKind::TimedOut,
        };
        io::Error::new(kind, stop)
    }
}

/// What the sockets of this thread check during a call into ureq.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) watch: Watch,
    /// For name lookup, TCP, proxy and TLS together; counts while a connector is running.
    pub(crate) connect: Option<Duration>,
    /// For the attempt.
    pub(crate) attempt: Option<Limit>,
    /// For each wait for bytes.
    pub(crate) idle: Option<Duration>,
}

/// The call that this thread is in.
#[derive(Debug)]
struct Current {
    limits: Limits,
    /// The number of running connectors: two while one makes the connection to a proxy for the other.
    connecting: u32,
    connect: Option<Limit>,
    request_sent: bool,
    stopped: Option<Stop>,
    /// Reads return what is available and do not wait.
    peeking: bool,
    /// Output is dropped: it cannot be sent, or is not needed any more.
    drops_output: bool,
    /// A socket could not send, and has something to read instead.
    blocked: bool,
}

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// Sets the limits of this thread until the guard is dropped, which restores the previous ones.
pub(crate) fn enter(limits: Limits) -> Guard {
    let current = Current {
        limits,
        connecting: 0,
        connect: None,
        request_sent: false,
        stopped: None,
        peeking: false,
        drops_output: false,
        blocked: false,
    };
    Guard {
        outer: CURRENT.replace(Some(current)),
        not_send: PhantomData,
    }
}

/// As long as it exists, the limits of the thread are set.
pub(crate) struct Guard {
    outer: Option<Current>,
    /// It must be dropped on its thread.
    not_send: PhantomData<*const ()>,
}

impl Guard {
    /// Whether a byte of the request was taken by a socket. Bytes to a proxy or of a TLS handshake do not count.
    #[expect(clippy::unused_self, reason = "only while the guard lives there is something to ask")]
    pub(crate) fn request_sent(&self) -> bool {
        CURRENT.with_borrow(|current| current.as_ref().is_some_and(|current| current.request_sent))
    }

    /// Why a wait ended early, if one did. Stored here because not every library returns errors unchanged.
    #[expect(clippy::unused_self, reason = "only while the guard lives there is something to ask")]
    pub(crate) fn stopped(&self) -> Option<Stop> {
        CURRENT.with_borrow(|current| current.as_ref().and_then(|current| current.stopped))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        CURRENT.set(self.outer.take());
    }
}

/// Fails if the call of this thread must end. `since` is when the wait for the next byte began.
pub(crate) fn check(since: Instant) -> Result<(), Stop> {
    CURRENT.with_borrow_mut(|current| {
        let Some(current) = current else { return Ok(()) };
        let now = Instant::now();
        let limits = &current.limits;
        let reached = |limit: Option<Limit>, phase| Some(limit.filter(|limit| limit.at <= now)?.stop(phase));
        let silent = |limit: Duration| now.saturating_duration_since(since) >= limit;
        let cancelled = limits.watch.cancel.as_ref().is_some_and(CancelToken::is_cancelled);
        let stop = cancelled
            .then_some(Stop::Cancelled)
            .or_else(|| reached(limits.watch.deadline, TimeoutPhase::Deadline))
            .or_else(|| reached(current.connect, TimeoutPhase::Connect))
            .or_else(|| reached(limits.attempt, TimeoutPhase::Attempt))
            .or_else(|| {
                let after = limits.idle.filter(|limit| silent(*limit))?;
                Some(Stop::Timeout {
                    phase: TimeoutPhase::Idle,
                    after,
                })
            });
        current.stopped = current.stopped.or(stop);
        stop.map_or(Ok(()), Err)
    })
}

/// Records that a socket of this thread accepted bytes.
pub(crate) fn bytes_sent() {
    CURRENT.with_borrow_mut(|current| {
        if let Some(current) = current.as_mut().filter(|current| current.connecting == 0) {
            current.request_sent = true;
        }
    });
}

fn ask(question: impl FnOnce(&Current) -> bool) -> bool {
    CURRENT.with_borrow(|current| current.as_ref().is_some_and(question))
}

fn note(change: impl FnOnce(&mut Current)) {
    CURRENT.with_borrow_mut(|current| current.as_mut().map(change));
}

/// Whether a wait of this thread's call ended early.
pub(crate) fn is_stopped() -> bool {
    ask(|current| current.stopped.is_some())
}

/// Records that a socket could not send, but has something to read.
pub(crate) fn blocked() {
    note(|current| current.blocked = true);
}

/// Whether [`blocked`] was called since the last time.
pub(crate) fn is_blocked() -> bool {
    let blocked = ask(|current| current.blocked);
    note(|current| current.blocked = false);
    blocked
}

/// A request begins: its output is sent.
pub(crate) fn begin_output() {
    note(|current| current.drops_output = false);
}

/// Drops the rest of the request instead of sending it.
pub(crate) fn drop_output() {
    note(|current| current.drops_output = true);
}

pub(crate) fn drops_output() -> bool {
    ask(|current| current.drops_output)
}

pub(crate) fn is_peeking() -> bool {
    ask(|current| current.peeking)
}

/// Makes the reads of this thread return what is available, without a wait, until the guard is dropped. With `failed`,
/// nothing is written meanwhile: TLS would first try to send what could not be sent.
pub(crate) fn peek(failed: bool) -> Peeking {
    note(|current| {
        current.peeking = true;
        current.drops_output |= failed;
    });
    Peeking {
        failed,
        not_send: PhantomData,
    }
}

pub(crate) struct Peeking {
    failed: bool,
    /// It must be dropped on its thread.
    not_send: PhantomData<*const ()>,
}

impl Drop for Peeking {
    fn drop(&mut self) {
        note(|current| {
            current.peeking = false;
            current.drops_output &= !self.failed;
        });
    }
}

/// Marks the time until the guard is dropped as spent on connecting.
pub(crate) fn connecting() -> Connecting {
    CURRENT.with_borrow_mut(|current| {
        if let Some(current) = current {
            if current.connecting == 0 {
                current.connect = current.limits.connect.and_then(Limit::starting_now);
            }
            current.connecting += 1;
        }
    });
    Connecting(PhantomData)
}

/// The time left for connecting; `None` without a limit.
pub(crate) fn connect_remaining() -> Option<Duration> {
    CURRENT.with_borrow(|current| {
        let current = current.as_ref()?;
        let limits = [current.connect, current.limits.attempt, current.limits.watch.deadline];
        let now = Instant::now();
        limits
            .into_iter()
            .flatten()
            .map(|limit| limit.at.saturating_duration_since(now))
            .min()
    })
}

pub(crate) struct Connecting(PhantomData<*const ()>);

impl Drop for Connecting {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| {
            if let Some(current) = current {
                current.connecting -= 1;
                if current.connecting == 0 {
                    current.connect = None;
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cancelled() -> Limits {
        let token = CancelToken::new();
        token.cancel();
        Limits {
            watch: Watch::new(Some(token), None),
            ..Limits::default()
        }
    }

    #[test]
    fn limits_end_with_their_guard_and_those_before_are_back() {
        let now = Instant::now();
        assert_eq!(check(now), Ok(()));
        let outer = enter(cancelled());
        {
            let inner = enter(Limits::default());
            assert_eq!(check(now), Ok(()));
            bytes_sent();
            assert!(inner.request_sent());
            assert_eq!(inner.stopped(), None);
        }
        assert!(!outer.request_sent(), "what the inner call sent is not the outer one's");
        assert_eq!(check(now), Err(Stop::Cancelled));
        assert_eq!(outer.stopped(), Some(Stop::Cancelled));
        drop(outer);
        assert_eq!(check(now), Ok(()));
    }

    #[test]
    fn a_connector_within_a_connector_is_one_time_of_connecting() {
        let guard = enter(Limits {
            connect: Some(Duration::ZERO),
            ..Limits::default()
        });
        let now = Instant::now();
        let outer = connecting();
        drop(connecting());
        bytes_sent();
        assert!(
            !guard.request_sent(),
            "the proxy's connection is there, the one through it is not"
        );
        let stop = Stop::Timeout {
            phase: TimeoutPhase::Connect,
            after: Duration::ZERO,
        };
        assert_eq!(check(now), Err(stop));
        drop(outer);
        assert_eq!(check(now), Ok(()));
        bytes_sent();
        assert!(guard.request_sent());
    }

    #[test]
    fn other_threads_have_their_own_limits() {
        let _guard = enter(cancelled());
        let there = thread::spawn(|| check(Instant::now())).join().unwrap();
        assert_eq!(there, Ok(()));
    }

    #[test]
    fn a_limit_beyond_the_clock_is_none() {
        assert!(Limit::starting_now(Duration::MAX).is_none());
    }

    #[test]
    fn the_strictest_limit_bounds_connecting() {
        let second = Duration::from_secs(1);
        let limits = Limits {
            watch: Watch::new(None, Limit::starting_now(second * 3)),
            connect: Some(second * 2),
            attempt: Limit::starting_now(second),
            idle: None,
        };
        assert_eq!(connect_remaining(), None);
        let _guard = enter(limits);
        let _connecting = connecting();
        assert!(connect_remaining().unwrap() <= second);
    }
}
