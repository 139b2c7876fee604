//! Deletes expired objects.
//!
//! Every request of either protocol first deletes what has expired, so that no response shows an expired object. The
//! housekeeping thread does the same when there are no requests.

use std::sync::atomic::Ordering;

use super::{Engine, files, threads, vector_stores};
use crate::storage::{Kind, StorageError, Transaction};

/// The kinds of expiries that are handled here. Vector stores are not deleted when they expire; see
/// [`Engine::expire_stores`].
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
    /// Deletes what has expired by `now`, in Unix time, and ends the runs of deleted threads.
    pub(crate) fn sweep(&self, now: i64) -> Result<(), StorageError> {
        if now < self.next_expiry.0.load(Ordering::SeqCst) {
            return Ok(());
        }
        // Reset before the transaction, so that a concurrent [`expires`](Self::expires) is not overwritten by the
        // result below.
        self.next_expiry.0.store(i64::MAX, Ordering::SeqCst);
        let mut threads = Vec::new();
        let swept = self.storage.transact(|transaction| {
            let (mut runs, mut next) = (Vec::new(), i64::MAX);
            for kind in SWEPT {
                for id in transaction.expired(kind, now)? {
                    log::debug!("the {} {id} has expired", kind.noun());
                    runs.extend(self.end_expired(transaction, kind, &id, now)?);
                    if kind == Kind::Thread {
                        threads.push(id);
                    }
                }
                next = next.min(transaction.next_expiry(kind)?.unwrap_or(i64::MAX));
            }
            Ok::<_, StorageError>((runs, next))
        });
        // After a failure the next request tries again.
        let next = swept.as_ref().map_or(now, |(_, next)| *next);
        self.next_expiry.0.fetch_min(next, Ordering::SeqCst);
        let (runs, _) = swept?;
        self.drop_runs(&runs);
        threads.iter().for_each(|id| self.end_code_session(id));
        self.remove_bytes()
    }

    /// Deletes an expired object, or ends it. Returns the runs that were active on a thread.
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
