//! Objects whose time is over: they go before anybody can ask for them again.

use std::sync::atomic::{AtomicI64, Ordering};

use super::runs::active_runs;
use super::{Engine, files};
use crate::storage::{Kind, StorageError, Transaction};

/// The kinds of expiries that are swept, and the kinds of the objects that go.
const SWEPT: [(Kind, Kind); 5] = [
    (Kind::File, Kind::File),
    (Kind::Assistant, Kind::Assistant),
    (Kind::Thread, Kind::Thread),
    (Kind::User, Kind::User),
    (Kind::SearchIndex, Kind::VectorStore),
];

/// No expiry comes before this second; nearly every request finds that there is nothing to sweep by looking at it.
#[derive(Debug)]
pub(super) struct Next(AtomicI64);

impl Default for Next {
    /// Not known yet.
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Engine {
    /// Notes that an object goes at that second. `kind` is one of those that are swept.
    pub(crate) fn expires(
        &self,
        transaction: &dyn Transaction,
        kind: Kind,
        id: &str,
        at: i64,
    ) -> Result<(), StorageError> {
        transaction.expire(kind, id, Some(at))?;
        self.next_expiry.0.fetch_min(at, Ordering::SeqCst);
        Ok(())
    }

    /// Deletes what has expired by `now`, and ends the runs of threads that go.
    pub(crate) fn sweep(&self, now: i64) -> Result<(), StorageError> {
        if now < self.next_expiry.0.load(Ordering::SeqCst) {
            return Ok(());
        }
        // Before the transaction: what is noted by one that comes later counts on top of what this one finds.
        self.next_expiry.0.store(i64::MAX, Ordering::SeqCst);
        let swept = self.storage.transact(|transaction| {
            let (mut runs, mut files, mut next) = (Vec::new(), Vec::new(), i64::MAX);
            for (kind, of) in SWEPT {
                for id in transaction.expired(kind, now)? {
                    log::debug!("the {} {id} has expired", kind.noun());
                    if of == Kind::File {
                        files::delete(transaction, &id)?;
                        files.push(id);
                        continue;
                    }
                    if of == Kind::Thread {
                        runs.extend(active_runs(transaction, &id)?);
                    }
                    transaction.delete(of, &id, now)?;
                }
                next = next.min(transaction.next_expiry(kind)?.unwrap_or(i64::MAX));
            }
            Ok::<_, StorageError>((runs, files, next))
        });
        // After a failure the next request looks again.
        let next = swept.as_ref().map_or(now, |(.., next)| *next);
        self.next_expiry.0.fetch_min(next, Ordering::SeqCst);
        let (runs, files, _) = swept?;
        self.drop_runs(&runs);
        files.iter().for_each(|id| self.files.remove(id));
        Ok(())
    }
}
