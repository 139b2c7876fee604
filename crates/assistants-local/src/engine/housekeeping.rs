//! The thread that sees to it that deleted means gone, without a later request.
//!
//! What a request deletes is overwritten in the database when its transaction commits. What remains is done here: the
//! text index and the log of the database still have what was in them, bytes that a backup was copying are still there,
//! and what expires is to go by the clock.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::Engine;
use crate::storage::document::now;
use crate::storage::{StorageError, work_in_background};

/// How long after a deletion the storage is purged. More deletions in between are done with it.
const PURGE_DELAY: Duration = Duration::from_secs(1);

/// How often the housekeeper looks what has expired.
const INTERVAL: Duration = Duration::from_secs(30);

/// How long the answer to a request with an idempotency key is kept, in seconds.
pub(crate) const RESPONSES_KEPT: i64 = 24 * 60 * 60;

/// How long the place of a deleted object stays known, in seconds.
const PLACES_KEPT: i64 = 24 * 60 * 60;

/// Wakes the thread.
#[derive(Debug, Default)]
pub(super) struct Housekeeper {
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

    /// Notes that something was deleted.
    pub(super) fn deleted(&self) {
        self.purge_after(PURGE_DELAY);
    }

    /// Has the storage purged after this time, unless that comes earlier anyway.
    fn purge_after(&self, wait: Duration) {
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

    /// Waits until there may be something to do. Returns whether the storage is to be purged, and `None` once closed.
    fn wait(&self) -> Option<bool> {
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

/// Works until the housekeeper is closed.
pub(super) fn work(housekeeper: &Arc<Housekeeper>, engine: &Weak<Engine>) {
    work_in_background();
    while let Some(purge) = housekeeper.wait() {
        let Some(engine) = engine.upgrade() else { return };
        let done = catch_unwind(AssertUnwindSafe(|| {
            engine.run_housekeeping(now().unix_timestamp(), purge)
        }));
        if !matches!(done, Ok(Ok(()))) {
            log::error!("what was deleted or has expired could not be removed, which is tried again: {done:?}");
            if purge {
                housekeeper.deleted();
            }
        }
    }
}

impl Engine {
    /// Ends what has expired by `now`, in seconds since 1970, and removes what is left of deleted objects; with `purge`
    /// from the logs and indexes of the storage too.
    pub(super) fn run_housekeeping(&self, now: i64, purge: bool) -> Result<(), StorageError> {
        self.sweep(now)?;
        self.expire_stores(now)?;
        self.storage
            .transact(|transaction| transaction.forget(now - RESPONSES_KEPT, now - PLACES_KEPT))?;
        self.remove_bytes()?;
        if purge && let Some(wait) = self.storage.purge()? {
            self.housekeeper.purge_after(wait);
        }
        Ok(())
    }

    /// Removes the bytes of deleted files, unless a backup copies them: then the housekeeper does it once that ends.
    pub(crate) fn remove_bytes(&self) -> Result<(), StorageError> {
        let removals = self.storage.transact(|transaction| transaction.removals())?;
        if removals.is_empty() {
            return Ok(());
        }
        let removed = self.files.remove(removals)?;
        if removed.is_empty() {
            return Ok(());
        }
        self.storage
            .transact(|transaction| removed.iter().try_for_each(|id| transaction.removed(id)))
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
