//! Objects that expire: they are deleted before anybody can ask for them again.
//!
//! Every request, of either protocol, first deletes what has expired; the housekeeper does the same without requests.

use std::sync::atomic::Ordering;

use super::{Engine, files, threads, vector_stores};
use crate::storage::{Kind, StorageError, Transaction};

/// The kinds of expiries that are swept.
const SWEPT: [Kind; 7] = [
    Kind::File,
    Kind::Assistant,
    Kind::Thread,
    Kind::User,
    Kind::SearchIndex,
    Kind::Upload,
    Kind::Download,
];

impl Engine {
    /// Deletes what has expired by `now`, in seconds since 1970, and ends the runs of threads that are deleted.
    pub(crate) fn sweep(&self, now: i64) -> Result<(), StorageError> {
        if now < self.next_expiry.0.load(Ordering::SeqCst) {
            return Ok(());
        }
        // Before the transaction: what is noted by one that comes later counts on top of what this one finds.
        self.next_expiry.0.store(i64::MAX, Ordering::SeqCst);
        let swept = self.storage.transact(|transaction| {
            let (mut runs, mut next) = (Vec::new(), i64::MAX);
            for kind in SWEPT {
                for id in transaction.expired(kind, now)? {
                    log::debug!("the {} {id} has expired", kind.noun());
                    runs.extend(self.end_expired(transaction, kind, &id, now)?);
                }
                next = next.min(transaction.next_expiry(kind)?.unwrap_or(i64::MAX));
            }
            Ok::<_, StorageError>((runs, next))
        });
        // After a failure the next request looks again.
        let next = swept.as_ref().map_or(now, |(_, next)| *next);
        self.next_expiry.0.fetch_min(next, Ordering::SeqCst);
        let (runs, _) = swept?;
        self.drop_runs(&runs);
        self.remove_bytes()
    }

    /// Does to an object what its expiry says. Returns the runs that were active on a thread.
    fn end_expired(
        &self,
        transaction: &dyn Transaction,
        kind: Kind,
        id: &str,
        now: i64,
    ) -> Result<Vec<String>, StorageError> {
        match kind {
            Kind::Thread => return Ok(threads::delete(transaction, id)?.unwrap_or_default()),
            Kind::File => files::delete(transaction, id).map(|_| ())?,
            Kind::SearchIndex => vector_stores::delete(transaction, id)?,
            Kind::Upload => self.expire_upload(transaction, id, now)?,
            other => transaction.delete(other, id, now).map(|_| ())?,
        }
        Ok(Vec::new())
    }
}
