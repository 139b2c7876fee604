//! How files end, whichever protocol they came over.

use super::{Engine, stores};
use crate::object::now;
use crate::storage::{Kind, StorageError, Transaction};

/// Forgets a file, also in every vector store that it is in; `false` if there is none. Its bytes are to be removed once
/// that is committed.
pub(crate) fn delete(transaction: &dyn Transaction, id: &str) -> Result<bool, StorageError> {
    stores::detach_everywhere(transaction, id)?;
    transaction.delete(Kind::File, id, now().unix_timestamp())
}

impl Engine {
    /// Removes the files whose time is over.
    pub(crate) fn remove_expired_files(&self) -> Result<(), StorageError> {
        let expired = self.storage.transact(|transaction| {
            let expired = transaction.expired(Kind::File, now().unix_timestamp())?;
            for id in &expired {
                delete(transaction, id)?;
            }
            Ok::<_, StorageError>(expired)
        })?;
        expired.iter().for_each(|id| self.files.remove(id));
        Ok(())
    }
}
