//! Cancels calls from another thread.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Cancels the calls that use it, from any thread.
///
/// See also the chapter [Timeouts and cancelling](crate::guide::timeouts).
///
/// A clone is the same token. A call that waits (to connect, for a response, for the next byte of a stream, for its
/// next attempt or poll) returns [`Error::Cancelled`](crate::Error::Cancelled) within 50 ms of [`cancel`](Self::cancel).
/// A cancelled token stays cancelled, and later calls with it fail at once.
///
/// ```
/// # let server = assistants_local::LocalServer::builder().start()?;
/// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
/// use assistants_blocking::openai::{CreateAssistant, CreateMessage, CreateThread, CreateThreadAndRun};
/// use assistants_blocking::{CancelToken, Error};
///
/// let token = CancelToken::new();
/// let stop = token.clone();
/// let other = std::thread::spawn(move || stop.cancel()); // a button, a signal handler, a shutdown
///
/// let assistant = client.assistants().create(CreateAssistant::new("scripted")).send()?;
/// let thread = CreateThread::default().message(CreateMessage::user("sleep 60000")); // a slow model
/// let params = CreateThreadAndRun::new(&assistant).thread(thread);
/// let outcome = client.threads().create_and_run_poll(params).cancel_with(&token).send();
/// assert!(matches!(outcome, Err(Error::Cancelled(_))));
/// # other.join().map_err(|_| "the thread panicked")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct CancelToken(Arc<Shared>);

#[derive(Default)]
struct Shared {
    cancelled: AtomicBool,
    /// The number of sleeping threads. A thread that finds the flag unset holds the lock until it is one of them.
    sleepers: Mutex<usize>,
    wake: Condvar,
}

impl CancelToken {
    /// A token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels the calls that use the token. Further calls of this method have no effect.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Release);
        // Waits for threads between their check of the flag and their sleep: they would miss the notification.
        drop(self.0.sleepers.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.wake.notify_all();
    }

    /// Whether [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire)
    }

    /// Sleeps for `time` or until the token is cancelled; true if it was cancelled.
    pub(crate) fn sleep(&self, time: Duration) -> bool {
        let start = Instant::now();
        let mut sleepers = self.0.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
        *sleepers += 1;
        let cancelled = loop {
            if self.is_cancelled() {
                break true;
            }
            let left = time.saturating_sub(start.elapsed());
            if left.is_zero() {
                break false;
            }
            let woken = self.0.wake.wait_timeout(sleepers, left);
            sleepers = woken.unwrap_or_else(PoisonError::into_inner).0;
        };
        *sleepers -= 1;
        cancelled
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken")
            .field("cancelled", &self.is_cancelled())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn clones_share_their_state() {
        let token = CancelToken::new();
        let clone = token.clone();
        assert!(!clone.is_cancelled());
        token.cancel();
        token.cancel();
        assert!(clone.is_cancelled());
        assert!(!CancelToken::default().is_cancelled());
        assert_eq!(format!("{clone:?}"), "CancelToken { cancelled: true }");
    }

    #[test]
    fn cancel_wakes_every_sleeper() {
        let token = CancelToken::new();
        let sleepers: Vec<_> = (0..3)
            .map(|_| {
                let token = token.clone();
                thread::spawn(move || token.sleep(Duration::from_secs(600)))
            })
            .collect();
        while *token.0.sleepers.lock().unwrap() < sleepers.len() {
            thread::yield_now();
        }
        token.cancel();
        for sleeper in sleepers {
            assert!(sleeper.join().unwrap(), "sleep reports the cancellation");
        }
    }

    #[test]
    fn sleep_ends_by_itself() {
        let token = CancelToken::new();
        let start = Instant::now();
        assert!(!token.sleep(Duration::from_millis(15)));
        assert!(start.elapsed() >= Duration::from_millis(15));
        assert!(!token.sleep(Duration::ZERO));
    }

    #[test]
    fn is_send_and_sync() {
        fn check<T: Send + Sync + Clone>() {}
        check::<CancelToken>();
    }
}
