//! Attaches files to vector stores, records their indexing, and detaches them, with the counts of store and batch.

use assistants_types::openai::{
    Attributes, ChunkingStrategy, FileCounts, StaticChunkingOptions, VectorStore, VectorStoreFile,
    VectorStoreFileBatch, VectorStoreFileBatchStatus, VectorStoreFileChunking, VectorStoreFileError,
    VectorStoreFileStatus, VectorStoreStatus,
};

use super::counts::{counter, expired, update_status};
use crate::clock::now;
use crate::engine::EngineError;
use crate::search::Vector;
use crate::storage::object::{Loaded, document, file_key, load};
use crate::storage::{Kind, StorageError, Transaction};

/// The default sizes of chunks, in tokens, as documented by the provider.
const CHUNK_SIZE: i64 = 800;

const CHUNK_OVERLAP: i64 = 400;

/// A file to add to a vector store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewFile<'a> {
    pub(crate) file_id: &'a str,
    pub(crate) chunking: Option<&'a ChunkingStrategy>,
    pub(crate) attributes: Option<&'a Attributes>,
    /// The batch that the file belongs to.
    pub(crate) batch_id: Option<&'a str>,
}

/// Adds a file to a vector store, to be indexed. A file that is in it already is indexed again. The caller stores the
/// vector store.
pub(crate) fn attach(
    transaction: &dyn Transaction,
    store: &mut Loaded<VectorStore>,
    new: NewFile<'_>,
) -> Result<VectorStoreFile, EngineError> {
    if store.object.status == VectorStoreStatus::Expired {
        return Err(expired(&store.object.id));
    }
    if transaction.get(Kind::File, new.file_id)?.is_none() {
        return Err(EngineError::not_found(Kind::File, new.file_id));
    }
    let chunking = sizes(new.chunking)?;
    let old = load_file(transaction, &store.object.id, new.file_id)?;
    let file = VectorStoreFile {
        id: new.file_id.to_owned(),
        created_at: Some(now()),
        vector_store_id: store.object.id.clone(),
        status: VectorStoreFileStatus::InProgress,
        chunking_strategy: Some(VectorStoreFileChunking::Static(
            assistants_types::openai::StaticChunking::new(chunking),
        )),
        attributes: Some(new.attributes.cloned().unwrap_or_default()),
        ..VectorStoreFile::default()
    };
    let document = document(
        &file,
        Some(&store.object.id),
        Some(VectorStoreFileStatus::InProgress.as_str()),
        new.batch_id.map(str::to_owned),
    );
    match old {
        // It is still the same object, so stored responses that show it are kept.
        Some(mut old) => {
            uncount(transaction, store, &mut old)?;
            transaction.replace(&document)?;
        }
        None => transaction.insert(&document)?,
    }
    store.object.file_counts.total += 1;
    *counter(&mut store.object.file_counts, &VectorStoreFileStatus::InProgress) += 1;
    update_status(&mut store.object);
    Ok(file)
}

/// Checks the sizes of a chunking strategy, and fills in the defaults.
fn sizes(chunking: Option<&ChunkingStrategy>) -> Result<StaticChunkingOptions, EngineError> {
    let Some(ChunkingStrategy::Static(chunking)) = chunking else {
        return Ok(StaticChunkingOptions::new(CHUNK_SIZE, CHUNK_OVERLAP));
    };
    let StaticChunkingOptions {
        max_chunk_size_tokens: size,
        chunk_overlap_tokens: overlap,
        ..
    } = chunking.static_;
    if overlap < 0 || overlap > size / 2 {
        return Err(EngineError::invalid_param(
            "chunking_strategy.static.chunk_overlap_tokens",
            format!("The overlap of chunks must be from 0 to half their size of {size} tokens, not {overlap}."),
        ));
    }
    Ok(StaticChunkingOptions::new(size, overlap))
}

/// Removes a file from a vector store. Returns `false` if it is not in it. The caller stores the vector store.
pub(crate) fn detach(
    transaction: &dyn Transaction,
    store: &mut Loaded<VectorStore>,
    file_id: &str,
) -> Result<bool, StorageError> {
    let Some(mut file) = load_file(transaction, &store.object.id, file_id)? else {
        return Ok(false);
    };
    uncount(transaction, store, &mut file)?;
    transaction.delete(Kind::VectorStoreFile, &file.document.id, now().unix_timestamp())?;
    Ok(true)
}

/// Removes a file from the counts of its vector store and batch. The caller stores the vector store.
fn uncount(
    transaction: &dyn Transaction,
    store: &mut Loaded<VectorStore>,
    file: &mut Loaded<VectorStoreFile>,
) -> Result<(), StorageError> {
    if file.object.status == VectorStoreFileStatus::InProgress {
        // Otherwise its batch would wait for it forever.
        set_status(transaction, store, file, VectorStoreFileStatus::Cancelled)?;
    }
    store.object.file_counts.total -= 1;
    *counter(&mut store.object.file_counts, &file.object.status) -= 1;
    store.object.usage_bytes -= file.object.usage_bytes;
    update_status(&mut store.object);
    Ok(())
}

/// Removes a file from all vector stores.
pub(crate) fn detach_everywhere(transaction: &dyn Transaction, file_id: &str) -> Result<(), StorageError> {
    for document in transaction.ending(Kind::VectorStoreFile, file_id)? {
        if let Some(store_id) = &document.parent
            && let Some(mut store) = load::<VectorStore>(transaction, store_id)?
        {
            detach(transaction, &mut store, file_id)?;
            store.save(transaction)?;
        }
    }
    Ok(())
}

/// Returns a file of a vector store.
pub(crate) fn load_file(
    transaction: &dyn Transaction,
    store_id: &str,
    file_id: &str,
) -> Result<Option<Loaded<VectorStoreFile>>, StorageError> {
    load::<VectorStoreFile>(transaction, &file_key(store_id, file_id))
}

/// Changes the status of a file, and updates the counts of its vector store and batch. The caller stores the vector
/// store.
pub(crate) fn set_status(
    transaction: &dyn Transaction,
    store: &mut Loaded<VectorStore>,
    file: &mut Loaded<VectorStoreFile>,
    status: VectorStoreFileStatus,
) -> Result<(), StorageError> {
    let old = std::mem::replace(&mut file.object.status, status.clone());
    file.document.tag = Some(status.as_str().to_owned());
    file.save(transaction)?;
    let count = |counts: &mut FileCounts| {
        *counter(counts, &old) -= 1;
        *counter(counts, &status) += 1;
    };
    count(&mut store.object.file_counts);
    update_status(&mut store.object);
    if let Some(batch_id) = &file.document.notes
        && let Some(mut batch) = load::<VectorStoreFileBatch>(transaction, batch_id)?
    {
        count(&mut batch.object.file_counts);
        if batch.object.file_counts.in_progress == 0 && batch.object.status == VectorStoreFileBatchStatus::InProgress {
            batch.object.status = VectorStoreFileBatchStatus::Completed;
        }
        batch.save(transaction)?;
    }
    Ok(())
}

/// What is indexed of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contents<'a> {
    pub(super) passages: &'a [&'a str],
    /// The vectors of the passages; without an embedder there are none.
    pub(super) vectors: &'a [Vector],
    /// The model of the vectors.
    pub(super) model: &'a str,
}

/// Records the result of indexing a file, unless it was cancelled or removed in the meantime.
pub(super) fn end_indexing(
    transaction: &dyn Transaction,
    key: &str,
    contents: Result<Contents<'_>, &VectorStoreFileError>,
) -> Result<(), StorageError> {
    let Some(mut file) = load::<VectorStoreFile>(transaction, key)? else {
        return Ok(());
    };
    let Some(mut store) = load::<VectorStore>(transaction, &file.object.vector_store_id)? else {
        return Ok(());
    };
    if file.object.status != VectorStoreFileStatus::InProgress {
        return Ok(());
    }
    let status = match contents {
        Ok(Contents {
            passages,
            vectors,
            model,
        }) => {
            transaction.remove_passages(key)?;
            transaction.add_passages(&store.object.id, key, passages)?;
            transaction.add_vectors(key, model, vectors)?;
            let bytes: usize = passages.iter().map(|passage| passage.len()).sum();
            file.object.usage_bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            store.object.usage_bytes += file.object.usage_bytes;
            VectorStoreFileStatus::Completed
        }
        Err(error) => {
            file.object.last_error = Some(error.clone());
            VectorStoreFileStatus::Failed
        }
    };
    set_status(transaction, &mut store, &mut file, status)?;
    store.save(transaction)
}
