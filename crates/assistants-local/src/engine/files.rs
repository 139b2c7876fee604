//! How files are deleted, whichever protocol they came over.

use super::vector_stores;
use crate::storage::document::now;
use crate::storage::{Kind, StorageError, Transaction};

/// Deletes a file, also in every vector store that it is in, and the upload that it came from; `false` if there is no
/// such file. Its bytes are to be removed once that is committed.
pub(crate) fn delete(transaction: &dyn Transaction, id: &str) -> Result<bool, StorageError> {
    vector_stores::detach_everywhere(transaction, id)?;
    let now = now().unix_timestamp();
    for upload in transaction.tagged(Kind::Upload, id)? {
        transaction.delete(Kind::Upload, &upload.id, now)?;
    }
    transaction.delete(Kind::File, id, now)
}
