//! The thread that sees to it that deleted means gone, without a later request.
//!
//! What a request deletes is overwritten in the database when its transaction commits. What remains is done here: the
//! text index and the log of the database still have what was in them, bytes that a backup was copying are still there,
//! and what expires is to go by the clock.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use super::Engine;
use super::housekeeper::Housekeeper;
use crate::storage::document::now;
use crate::storage::{StorageError, work_in_background};

/// How long the answer to a request with an idempotency key is kept, in seconds.
pub(crate) const RESPONSES_KEPT: i64 = 24 * 60 * 60;

/// How long the place of a deleted object stays known, in seconds.
const PLACES_KEPT: i64 = 24 * 60 * 60;

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
