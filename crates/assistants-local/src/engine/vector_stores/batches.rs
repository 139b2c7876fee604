//! Batches of files that are attached to a vector store together.

use std::collections::HashSet;

use assistants_types::openai::{
    VectorStoreFile, VectorStoreFileBatch, VectorStoreFileBatchStatus, VectorStoreFileStatus,
};

use super::files::{NewFile, attach, load_file, set_status};
use super::stores::{load_store, touch};
use crate::clock::now;
use crate::engine::EngineError;
use crate::ids;
use crate::storage::object::{Loaded, insert, load};
use crate::storage::{Kind, StorageError, Transaction};

/// Creates a batch of files to be indexed.
pub(crate) fn create_batch(
    transaction: &dyn Transaction,
    store_id: &str,
    files: &[NewFile<'_>],
) -> Result<VectorStoreFileBatch, EngineError> {
    let mut store = load_store(transaction, store_id)?;
    let mut batch = VectorStoreFileBatch {
        id: ids::new("vsfb_"),
        created_at: Some(now()),
        vector_store_id: store_id.to_owned(),
        status: VectorStoreFileBatchStatus::InProgress,
        ..VectorStoreFileBatch::default()
    };
    let mut seen = HashSet::new();
    let files: Vec<NewFile<'_>> = files.iter().copied().filter(|file| seen.insert(file.file_id)).collect();
    let count = i64::try_from(files.len()).unwrap_or(i64::MAX);
    batch.file_counts.in_progress = count;
    batch.file_counts.total = count;
    insert(transaction, &batch, Some(store_id), None)?;
    for file in &files {
        let batch_id = Some(batch.id.as_str());
        attach(transaction, &mut store, NewFile { batch_id, ..*file })?;
    }
    touch(transaction, &mut store)?;
    let file_ids: Vec<&str> = files.iter().map(|file| file.file_id).collect();
    if let Some(mut stored) = load::<VectorStoreFileBatch>(transaction, &batch.id)? {
        stored.document.notes = Some(file_ids.join("\n"));
        stored.save(transaction)?;
    }
    Ok(batch)
}

/// Returns a batch. Fails if it does not belong to the vector store.
pub(crate) fn load_batch(
    transaction: &dyn Transaction,
    store_id: &str,
    batch_id: &str,
) -> Result<Loaded<VectorStoreFileBatch>, EngineError> {
    load_store(transaction, store_id)?;
    load::<VectorStoreFileBatch>(transaction, batch_id)?
        .filter(|batch| batch.object.vector_store_id == store_id)
        .ok_or_else(|| EngineError::not_found(Kind::VectorStoreFileBatch, batch_id))
}

/// Returns the files of a batch that are still in its vector store and were not attached again without it, in the order
/// of the batch.
pub(crate) fn batch_files(
    transaction: &dyn Transaction,
    batch: &Loaded<VectorStoreFileBatch>,
) -> Result<Vec<Loaded<VectorStoreFile>>, StorageError> {
    let mut files = Vec::new();
    for file_id in batch.document.notes.as_deref().unwrap_or_default().lines() {
        let file = load_file(transaction, &batch.object.vector_store_id, file_id)?;
        files.extend(file.filter(|file| file.document.notes.as_ref() == Some(&batch.object.id)));
    }
    Ok(files)
}

/// Cancels the files of a batch that are not indexed yet.
pub(crate) fn cancel_batch(
    transaction: &dyn Transaction,
    store_id: &str,
    batch_id: &str,
) -> Result<VectorStoreFileBatch, EngineError> {
    let mut batch = load_batch(transaction, store_id, batch_id)?;
    if batch.object.status != VectorStoreFileBatchStatus::InProgress {
        let status = &batch.object.status;
        return Err(EngineError::state(format!(
            "The file batch {batch_id} cannot be cancelled: its status is '{status}'."
        )));
    }
    batch.object.status = VectorStoreFileBatchStatus::Cancelled;
    batch.save(transaction)?;
    let mut store = load_store(transaction, store_id)?;
    for mut file in batch_files(transaction, &batch)? {
        if file.object.status == VectorStoreFileStatus::InProgress {
            set_status(transaction, &mut store, &mut file, VectorStoreFileStatus::Cancelled)?;
        }
    }
    store.save(transaction)?;
    Ok(load_batch(transaction, store_id, batch_id)?.object)
}
