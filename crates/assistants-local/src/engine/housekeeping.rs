//! The housekeeping thread: completes deletions in the background.
//!
//! Deleted data is overwritten in the database when its transaction commits. The text index and the write-ahead log
//! still contain it after that, and files that a backup is copying still exist; this thread removes them. It also
//! deletes what expires while there are no requests.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use super::Engine;
use super::housekeeper::Housekeeper;
use crate::clock::now;
use crate::storage::{RESPONSES_KEPT, StorageError, work_in_background};

/// How long the position of a deleted object is kept, in seconds.
const POSITIONS_KEPT: i64 = 24 * 60 * 60;

/// The body of the thread, which runs until the housekeeper is closed.
pub(super) fn work(housekeeper: &Arc<Housekeeper>, engine: &Weak<Engine>) {
    work_in_background();
    while let Some(purge) = housekeeper.wait() {
        let Some(engine) = engine.upgrade() else { return };
        let done = catch_unwind(AssertUnwindSafe(|| {
            engine.run_housekeeping(now().unix_timestamp(), purge)
        }));
        if !matches!(done, Ok(Ok(()))) {
            log::error!("removing deleted and expired data failed, retrying: {done:?}");
            if purge {
                housekeeper.deleted();
            }
        }
    }
}

impl Engine {
    /// Deletes what has expired by `now`, in Unix time, and the remains of deleted objects; with `purge` also those in
    /// the logs and indexes of the storage.
    pub(super) fn run_housekeeping(&self, now: i64, purge: bool) -> Result<(), StorageError> {
        self.sweep(now)?;
        self.expire_stores(now)?;
        self.storage
            .transact(|transaction| transaction.forget(now - RESPONSES_KEPT, now - POSITIONS_KEPT))?;
        self.remove_bytes()?;
        if purge && let Some(wait) = self.storage.purge()? {
            self.housekeeper.purge_after(wait);
        }
        Ok(())
    }

    /// Removes the bytes of deleted files. While a backup copies them, they are left to the housekeeping thread.
    pub(crate) fn remove_bytes(&self) -> Result<(), StorageError> {
        let removals = self.storage.read(|transaction| transaction.removals())?;
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
