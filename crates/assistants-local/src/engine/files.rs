//! Deletes files, for both protocols.

use super::vector_stores;
use crate::clock::now;
use crate::storage::{Kind, StorageError, Transaction};

/// Deletes a file, detaches it from all vector stores, and deletes the upload that it came from. Returns `false` if the
/// file does not exist. The caller removes its bytes after the commit.
pub(crate) fn delete(transaction: &dyn Transaction, id: &str) -> Result<bool, StorageError> {
    vector_stores::detach_everywhere(transaction, id)?;
    let now = now().unix_timestamp();
    for upload in transaction.tagged(Kind::Upload, id)? {
        transaction.delete(Kind::Upload, &upload.id, now)?;
    }
    transaction.delete(Kind::File, id, now)
}
