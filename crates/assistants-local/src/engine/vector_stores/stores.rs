//! Creates, expires and deletes vector stores.

use assistants_types::openai::{
    CreateVectorStore, VectorStore, VectorStoreFile, VectorStoreFileStatus, VectorStoreStatus,
};

use super::files::{NewFile, attach, set_status};
use crate::clock::now;
use crate::engine::{Engine, EngineError};
use crate::ids;
use crate::storage::object::{Loaded, insert, load};
use crate::storage::{Document, Kind, StorageError, Transaction};

/// Creates a vector store with its first files.
pub(crate) fn create_store(
    transaction: &dyn Transaction,
    params: &CreateVectorStore,
) -> Result<VectorStore, EngineError> {
    let mut store = VectorStore {
        id: ids::new("vs_"),
        created_at: Some(now()),
        name: params.name.clone().unwrap_or_default(),
        status: VectorStoreStatus::Completed,
        expires_after: params.expires_after.clone(),
        metadata: Some(params.metadata.as_ref().cloned().unwrap_or_default()),
        ..VectorStore::default()
    };
    if let Some(description) = &params.description {
        // Not a member of the published object, but returned if it was given.
        store
            .extra
            .insert("description".to_owned(), description.as_str().into());
    }
    insert(transaction, &store, None, None)?;
    let mut store = load_store(transaction, &store.id)?;
    for (index, file_id) in params.file_ids.iter().flatten().enumerate() {
        let new = NewFile {
            file_id,
            chunking: params.chunking_strategy.as_ref(),
            attributes: None,
            batch_id: None,
        };
        attach(transaction, &mut store, new).map_err(|refusal| refusal.at(&format!("file_ids[{index}]")))?;
    }
    touch(transaction, &mut store)?;
    Ok(store.object)
}

/// Returns the document of a vector store. One that belongs to an assistant is not visible to clients, and counts as
/// missing.
pub(crate) fn find(transaction: &dyn Transaction, id: &str) -> Result<Option<Document>, StorageError> {
    let store = transaction.get(Kind::VectorStore, id)?;
    Ok(store.filter(|store| store.parent.is_none()))
}

/// Returns a vector store. Fails if it does not exist or is not visible to clients.
pub(crate) fn load_store(transaction: &dyn Transaction, id: &str) -> Result<Loaded<VectorStore>, EngineError> {
    let store = find(transaction, id)?.ok_or_else(|| EngineError::not_found(Kind::VectorStore, id))?;
    Ok(Loaded::parse(store)?)
}

/// Deletes a vector store, and the completed operations that show it.
///
/// An operation is tagged with the id of its store. Its notes describe the pending work, so one without notes is
/// completed.
pub(crate) fn delete(transaction: &dyn Transaction, id: &str) -> Result<(), StorageError> {
    let now = now().unix_timestamp();
    for operation in transaction.tagged(Kind::Operation, id)? {
        if operation.notes.is_none() {
            transaction.delete(Kind::Operation, &operation.id, now)?;
        }
    }
    transaction.delete(Kind::VectorStore, id, now).map(|_| ())
}

/// Returns the distinct ids that are vector stores.
pub(crate) fn existing(transaction: &dyn Transaction, ids: Vec<String>) -> Result<Vec<String>, StorageError> {
    let mut existing = Vec::new();
    for id in ids {
        if !existing.contains(&id) && find(transaction, &id)?.is_some() {
            existing.push(id);
        }
    }
    Ok(existing)
}

/// Records that a vector store was used, and stores it.
pub(crate) fn touch(transaction: &dyn Transaction, store: &mut Loaded<VectorStore>) -> Result<(), StorageError> {
    let now = now();
    store.object.last_active_at = Some(now);
    if store.object.status != VectorStoreStatus::Expired {
        let after = store.object.expires_after.as_ref();
        store.object.expires_at = after.map(|after| now + time::Duration::days(after.days));
    }
    let expires_at = store.object.expires_at.map(time::OffsetDateTime::unix_timestamp);
    store.save(transaction)?;
    transaction.expire(Kind::VectorStore, &store.object.id, expires_at)
}

/// Marks a vector store as expired. It keeps its files but loses their passages, so nothing is found in it.
fn expire(transaction: &dyn Transaction, id: &str) -> Result<(), StorageError> {
    let Some(mut store) = load::<VectorStore>(transaction, id)? else {
        return Ok(());
    };
    for document in transaction.tagged(Kind::VectorStoreFile, VectorStoreFileStatus::InProgress.as_str())? {
        if document.parent.as_deref() == Some(id) {
            let mut file = Loaded::<VectorStoreFile>::parse(document)?;
            set_status(transaction, &mut store, &mut file, VectorStoreFileStatus::Cancelled)?;
        }
    }
    transaction.remove_collection(id)?;
    store.object.status = VectorStoreStatus::Expired;
    store.save(transaction)
}

impl Engine {
    /// Marks the vector stores that have expired by `now`, in Unix time, and removes their passages.
    pub(crate) fn expire_stores(&self, now: i64) -> Result<(), StorageError> {
        // Nearly always there is none, and then this need not wait for writes.
        let expired = |transaction: &dyn Transaction| transaction.expired(Kind::VectorStore, now);
        if self.storage.read(expired)?.is_empty() {
            return Ok(());
        }
        self.storage.transact(|transaction| {
            for id in expired(transaction)? {
                expire(transaction, &id)?;
                transaction.expire(Kind::VectorStore, &id, None)?;
            }
            Ok(())
        })
    }
}
