//! How files end, whichever protocol they came over.

use super::stores;
use crate::object::now;
use crate::storage::{Kind, StorageError, Transaction};

/// Forgets a file, also in every vector store that it is in; `false` if there is none. Its bytes are to be removed once
/// that is committed.
pub(crate) fn delete(transaction: &dyn Transaction, id: &str) -> Result<bool, StorageError> {
    stores::detach_everywhere(transaction, id)?;
    transaction.delete(Kind::File, id, now().unix_timestamp())
}
