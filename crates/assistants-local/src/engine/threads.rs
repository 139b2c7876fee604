//! How threads end, whichever protocol deletes them.

use super::runs::records::active_runs;
use super::{Engine, EngineError, threads, vector_stores};
use crate::storage::document::now;
use crate::storage::{Kind, StorageError, Transaction};

/// Deletes a thread with its messages, its runs, and the vector stores that were made for files attached to its messages,
/// unless another thread or an assistant has them. Returns the runs that were active, or `None` if there is no such
/// thread. Their streams are to be ended once that is committed.
pub(super) fn delete(transaction: &dyn Transaction, id: &str) -> Result<Option<Vec<String>>, StorageError> {
    let active = active_runs(transaction, id)?;
    if !transaction.delete(Kind::Thread, id, now().unix_timestamp())? {
        return Ok(None);
    }
    for mut store in transaction.tagged(Kind::VectorStore, id)? {
        let is_used =
            transaction.mentioned(Kind::Thread, &store.id)? || transaction.mentioned(Kind::Assistant, &store.id)?;
        if is_used {
            store.tag = None;
            transaction.update(&store)?;
        } else {
            vector_stores::delete(transaction, &store.id)?;
        }
    }
    Ok(Some(active))
}

impl Engine {
    /// Deletes a thread with its messages and runs. A run that is at work on it is dropped.
    pub(crate) fn delete_thread(&self, id: &str) -> Result<(), EngineError> {
        let active = self.storage.transact(|transaction| {
            threads::delete(transaction, id)?.ok_or_else(|| EngineError::not_found(Kind::Thread, id))
        })?;
        self.drop_runs(&active);
        Ok(())
    }
}
