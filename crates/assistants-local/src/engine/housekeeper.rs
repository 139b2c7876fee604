//! Wakes the housekeeping thread.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long after a deletion the storage is purged. Later deletions within this time are purged together with it.
const PURGE_DELAY: Duration = Duration::from_secs(1);

/// The interval between checks for expired objects.
const INTERVAL: Duration = Duration::from_secs(30);

/// Wakes the housekeeping thread.
#[derive(Debug, Default)]
pub(crate) struct Housekeeper {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// When the storage is to be purged.
    purge: Option<Instant>,
    closed: bool,
}

impl Housekeeper {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that something was deleted.
    pub(super) fn deleted(&self) {
        self.purge_after(PURGE_DELAY);
    }

    /// Purges the storage after this time, unless a purge is due earlier.
    pub(crate) fn purge_after(&self, wait: Duration) {
        let mut state = self.lock();
        let at = Instant::now() + wait;
        if state.purge.is_none_or(|purge| at < purge) {
            state.purge = Some(at);
            self.changed.notify_all();
        }
    }

    /// Ends [`work`].
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Waits until there may be work. Returns whether the storage is to be purged, or `None` once closed.
    pub(crate) fn wait(&self) -> Option<bool> {
        let wake = Instant::now() + INTERVAL;
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            let next = state.purge.map_or(wake, |purge| purge.min(wake));
            let left = next.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let is_due = state.purge.is_some_and(|purge| purge <= Instant::now());
                if is_due {
                    state.purge = None;
                }
                return Some(is_due);
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deletions_are_gathered_and_a_closed_housekeeper_ends() {
        let housekeeper = Housekeeper::default();
        housekeeper.deleted();
        let first = housekeeper.lock().purge;
        housekeeper.deleted();
        assert_eq!(housekeeper.lock().purge, first);
        assert_eq!(housekeeper.wait(), Some(true));
        assert!(housekeeper.lock().purge.is_none());
        housekeeper.close();
        assert_eq!(housekeeper.wait(), None);
    }
}
