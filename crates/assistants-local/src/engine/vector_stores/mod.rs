//! Vector stores: which files are in them, how far those have come, and what a search in them finds.

pub(crate) mod assistant_files;
pub(crate) mod indexing;

use std::collections::{HashMap, HashSet};

use assistants_types::openai::{
    Attributes, ChunkingStrategy, CreateVectorStore, File, FileCounts, Filter, StaticChunkingOptions, VectorStore,
    VectorStoreFile, VectorStoreFileBatch, VectorStoreFileBatchStatus, VectorStoreFileChunking, VectorStoreFileError,
    VectorStoreFileStatus, VectorStoreStatus,
};

use super::{Engine, EngineError};
use crate::ids;
use crate::search::{self, IndexHit, IndexQuery};
use crate::storage::document::{Loaded, document, insert, load, now};
use crate::storage::{Document, Kind, List, Order, StorageError, Transaction};

/// Sizes of chunks where nothing is said, in tokens, as the provider has them.
const CHUNK_SIZE: i64 = 800;
const CHUNK_OVERLAP: i64 = 400;

/// A file to put into a vector store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewFile<'a> {
    pub(crate) file_id: &'a str,
    pub(crate) chunking: Option<&'a ChunkingStrategy>,
    pub(crate) attributes: Option<&'a Attributes>,
    /// The batch that it comes with.
    pub(crate) batch_id: Option<&'a str>,
}

/// A passage that a search found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SearchHit {
    pub(crate) file_id: String,
    pub(crate) file_name: String,
    pub(crate) attributes: Option<Attributes>,
    pub(crate) score: f64,
    pub(crate) text: String,
}

/// What to look for in vector stores.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search<'a> {
    pub(crate) store_ids: &'a [String],
    pub(crate) queries: &'a [String],
    pub(crate) filter: Option<&'a Filter>,
    pub(crate) limit: usize,
    pub(crate) least_score: f64,
}

/// The id under which a file of a vector store is stored.
pub(crate) fn file_key(store_id: &str, file_id: &str) -> String {
    format!("{store_id}/{file_id}")
}

/// Stores a new vector store with its first files.
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
        // Not among the members of the published object; what was given is shown all the same.
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

/// The vector store of that id, as a document. One that belongs to an assistant is not to be seen.
pub(crate) fn find(transaction: &dyn Transaction, id: &str) -> Result<Option<Document>, StorageError> {
    let store = transaction.get(Kind::VectorStore, id)?;
    Ok(store.filter(|store| store.parent.is_none()))
}

/// The vector store of that id.
pub(crate) fn load_store(transaction: &dyn Transaction, id: &str) -> Result<Loaded<VectorStore>, EngineError> {
    let store = find(transaction, id)?.ok_or_else(|| EngineError::not_found(Kind::VectorStore, id))?;
    Ok(Loaded::parse(store)?)
}

/// Deletes a vector store, and the finished operations that show it. Their id is that of the store in their tag, and
/// what an operation waits for is noted beside it until it is done.
pub(crate) fn delete(transaction: &dyn Transaction, id: &str) -> Result<(), StorageError> {
    let now = now().unix_timestamp();
    for operation in transaction.tagged(Kind::Operation, id)? {
        if operation.notes.is_none() {
            transaction.delete(Kind::Operation, &operation.id, now)?;
        }
    }
    transaction.delete(Kind::VectorStore, id, now).map(|_| ())
}

/// Those of the ids that are vector stores, each once.
pub(crate) fn existing(transaction: &dyn Transaction, ids: Vec<String>) -> Result<Vec<String>, StorageError> {
    let mut existing = Vec::new();
    for id in ids {
        if !existing.contains(&id) && find(transaction, &id)?.is_some() {
            existing.push(id);
        }
    }
    Ok(existing)
}

/// Notes that a vector store was used, and stores it.
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

/// Puts a file into a vector store, to be indexed; one that is in it already is indexed anew. The caller stores the
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
        // The same file still: what shows it is kept.
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

/// The sizes that a strategy gives, if they make sense.
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

/// Takes a file out of a vector store; `false` if it is not in it. The caller stores the vector store.
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

/// Counts a file no more in its vector store and its batch. The caller stores the vector store.
fn uncount(
    transaction: &dyn Transaction,
    store: &mut Loaded<VectorStore>,
    file: &mut Loaded<VectorStoreFile>,
) -> Result<(), StorageError> {
    if file.object.status == VectorStoreFileStatus::InProgress {
        // Its batch waits for it no more.
        set_status(transaction, store, file, VectorStoreFileStatus::Cancelled)?;
    }
    store.object.file_counts.total -= 1;
    *counter(&mut store.object.file_counts, &file.object.status) -= 1;
    store.object.usage_bytes -= file.object.usage_bytes;
    update_status(&mut store.object);
    Ok(())
}

/// Takes a file out of every vector store that it is in.
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

/// A file of a vector store.
pub(crate) fn load_file(
    transaction: &dyn Transaction,
    store_id: &str,
    file_id: &str,
) -> Result<Option<Loaded<VectorStoreFile>>, StorageError> {
    load::<VectorStoreFile>(transaction, &file_key(store_id, file_id))
}

/// Gives a file another status, and counts it there in its vector store and batch. The caller stores the vector store.
fn set_status(
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

fn counter<'c>(counts: &'c mut FileCounts, status: &VectorStoreFileStatus) -> &'c mut i64 {
    match status {
        VectorStoreFileStatus::Completed => &mut counts.completed,
        VectorStoreFileStatus::Failed => &mut counts.failed,
        VectorStoreFileStatus::Cancelled => &mut counts.cancelled,
        _ => &mut counts.in_progress,
    }
}

fn update_status(store: &mut VectorStore) {
    if store.status != VectorStoreStatus::Expired {
        store.status = if store.file_counts.in_progress > 0 {
            VectorStoreStatus::InProgress
        } else {
            VectorStoreStatus::Completed
        };
    }
}

/// Notes what came of the indexing of a file, unless it was cancelled or taken out in the meantime.
pub(super) fn end_indexing(
    transaction: &dyn Transaction,
    key: &str,
    passages: Result<&[&str], &VectorStoreFileError>,
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
    let status = match passages {
        Ok(passages) => {
            transaction.remove_passages(key)?;
            transaction.add_passages(&store.object.id, key, passages)?;
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

/// Stores a batch of files, to be indexed.
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

/// The batch of that id, if it is one of that vector store.
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

/// The files of a batch that are still in its vector store and still belong to it, in the order of the batch.
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

/// Cancels what is not indexed yet of a batch.
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

/// The passages that fit best, over all queries and vector stores. Vector stores that are gone or have expired are
/// passed over.
pub(crate) fn search(transaction: &dyn Transaction, search: Search<'_>) -> Result<Vec<SearchHit>, StorageError> {
    let mut best: HashMap<(String, i64), IndexHit> = HashMap::new();
    for store_id in search.store_ids {
        let Some(mut store) = load::<VectorStore>(transaction, store_id)? else {
            continue;
        };
        if store.object.status == VectorStoreStatus::Expired {
            continue;
        }
        touch(transaction, &mut store)?;
        let passing = match search.filter {
            Some(filter) => Some(passing(transaction, store_id, filter)?),
            None => None,
        };
        for query in search.queries {
            let found = transaction.find(&IndexQuery {
                collection: store_id,
                words: &search::words(query),
                accept: &|owner| passing.as_ref().is_none_or(|passing| passing.contains(owner)),
                least_score: search.least_score,
                limit: search.limit,
            })?;
            for one in found {
                let place = (one.owner.clone(), one.position);
                if best.get(&place).is_none_or(|other| other.score < one.score) {
                    best.insert(place, one);
                }
            }
        }
    }
    let mut best: Vec<IndexHit> = best.into_values().collect();
    best.sort_by(|one, other| {
        let place = |found: &IndexHit| (found.owner.clone(), found.position);
        other
            .score
            .total_cmp(&one.score)
            .then_with(|| place(one).cmp(&place(other)))
    });
    best.truncate(search.limit);
    let mut hits = Vec::new();
    for found in best {
        let Some(stored) = load::<VectorStoreFile>(transaction, &found.owner)? else {
            continue;
        };
        let file = load::<File>(transaction, &stored.object.id)?;
        hits.push(SearchHit {
            file_id: stored.object.id,
            file_name: file.map(|file| file.object.filename).unwrap_or_default(),
            attributes: stored.object.attributes,
            score: found.score,
            text: found.text,
        });
    }
    Ok(hits)
}

/// The files of a vector store whose attributes meet a condition.
fn passing(transaction: &dyn Transaction, store_id: &str, filter: &Filter) -> Result<HashSet<String>, StorageError> {
    let list = List {
        kind: Kind::VectorStoreFile,
        parent: Some(store_id),
        tag: Some(VectorStoreFileStatus::Completed.as_str()),
        order: Order::Ascending,
        after: None,
        before: None,
        limit: usize::MAX,
    };
    let mut passing = HashSet::new();
    for document in transaction.list(&list)?.documents {
        let file = Loaded::<VectorStoreFile>::parse(document)?;
        if search::passes(filter, &file.object.attributes.unwrap_or_default()) {
            passing.insert(file.document.id);
        }
    }
    Ok(passing)
}

/// Marks a vector store as expired. It keeps its files, and nothing can be found in it any more.
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

/// The request needs a vector store that has expired.
pub(crate) fn expired(store_id: &str) -> EngineError {
    EngineError::state(format!("Vector store '{store_id}' has expired."))
}

impl Engine {
    /// Marks the vector stores that have expired, and removes their passages. `now` is in seconds since 1970.
    pub(crate) fn expire_stores(&self, now: i64) -> Result<(), StorageError> {
        self.storage.transact(|transaction| {
            for id in transaction.expired(Kind::VectorStore, now)? {
                expire(transaction, &id)?;
                transaction.expire(Kind::VectorStore, &id, None)?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
