//! Deletes threads, for both protocols.

use super::runs::records::active_runs;
use super::{Engine, EngineError, threads, vector_stores};
use crate::clock::now;
use crate::storage::{Kind, StorageError, Transaction};

/// Deletes a thread with its messages, its runs, and the vector stores created for its attachments unless another
/// thread or an assistant uses them.
///
/// Returns the runs that were active, whose streams the caller ends after the commit, or `None` if the thread does not
/// exist.
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
    /// Deletes a thread with its messages and runs. A run in progress ends, and its streams end with an error.
    pub(crate) fn delete_thread(&self, id: &str) -> Result<(), EngineError> {
        let active = self.storage.transact(|transaction| {
            threads::delete(transaction, id)?.ok_or_else(|| EngineError::not_found(Kind::Thread, id))
        })?;
        self.drop_runs(&active);
        self.end_code_session(id);
        Ok(())
    }

    /// Ends the session of a thread in which code was executed, if there is one.
    pub(super) fn end_code_session(&self, thread_id: &str) {
        if let Some(sessions) = &self.code {
            sessions.forget(thread_id);
        }
    }
}
