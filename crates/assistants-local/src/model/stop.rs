//! The signal that a run has ended.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use assistants_blocking::CancelToken;

/// Signals once that a run has ended, and can wake a waiter before that.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    state: Mutex<StopState>,
    changed: Condvar,
    /// Cancelled with the signal, for models that call other servers.
    token: CancelToken,
}

#[derive(Debug, Default)]
struct StopState {
    set: bool,
    nudges: u64,
}

impl Stop {
    pub(crate) fn set(&self) {
        self.lock().set = true;
        self.changed.notify_all();
        self.token.cancel();
    }

    /// Returns a token that is cancelled when the signal is set.
    pub(crate) fn token(&self) -> &CancelToken {
        &self.token
    }

    pub(crate) fn is_set(&self) -> bool {
        self.lock().set
    }

    /// Ends a [`wait_for_nudge`](Self::wait_for_nudge).
    pub(crate) fn nudge(&self) {
        self.lock().nudges += 1;
        self.changed.notify_all();
    }

    /// Returns the number of nudges so far.
    pub(crate) fn nudges(&self) -> u64 {
        self.lock().nudges
    }

    /// Waits until the signal is set, at most for `duration`. Returns whether it is set.
    pub(crate) fn wait(&self, duration: Duration) -> bool {
        self.wait_while(duration, |state| !state.set)
    }

    /// Like [`wait`](Self::wait), but also returns once there have been more than `nudges` nudges.
    pub(crate) fn wait_for_nudge(&self, nudges: u64, duration: Duration) -> bool {
        self.wait_while(duration, |state| !state.set && state.nudges == nudges)
    }

    fn wait_while(&self, duration: Duration, is_waiting: impl Fn(&StopState) -> bool) -> bool {
        let state = self.lock();
        // A duration that `Instant` cannot represent means to wait without a timeout.
        let state = if Instant::now().checked_add(duration).is_none() {
            let waited = self.changed.wait_while(state, |state| is_waiting(state));
            waited.unwrap_or_else(PoisonError::into_inner)
        } else {
            let waited = self
                .changed
                .wait_timeout_while(state, duration, |state| is_waiting(state));
            waited.unwrap_or_else(PoisonError::into_inner).0
        };
        state.set
    }

    fn lock(&self) -> MutexGuard<'_, StopState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
