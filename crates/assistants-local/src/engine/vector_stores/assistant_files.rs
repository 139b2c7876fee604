//! The files of assistants, from version 1 of the protocol.
//!
//! They are in a vector store that belongs to the assistant: it is stored below the assistant, is deleted with it, and
//! appears in no list. Runs of the assistant search it together with their other vector stores.

use assistants_types::openai::{VectorStore, VectorStoreFile, VectorStoreStatus};

use super::{NewFile, attach, detach, load_file, touch};
use crate::clock::now;
use crate::engine::EngineError;
use crate::storage::object::{Loaded, insert, load};
use crate::storage::{Kind, List, Order, StorageError, Transaction};

/// The maximum number of files of an assistant.
const MAX_FILES: usize = 20;

/// Returns the id of the vector store for the files of an assistant. It is created with the first file.
pub(crate) fn store_id(assistant_id: &str) -> String {
    format!("vs_{assistant_id}")
}

/// Returns the files of an assistant, oldest first.
pub(crate) fn file_ids(transaction: &dyn Transaction, assistant_id: &str) -> Result<Vec<String>, StorageError> {
    let store_id = store_id(assistant_id);
    let list = List {
        kind: Kind::VectorStoreFile,
        parent: Some(&store_id),
        tag: None,
        order: Order::Ascending,
        after: None,
        before: None,
        limit: MAX_FILES,
    };
    let documents = transaction.list(&list)?.documents;
    let files = documents.into_iter().map(Loaded::<VectorStoreFile>::parse);
    files.map(|file| Ok(file?.object.id)).collect()
}

/// Attaches a file to an existing assistant. A file that is attached already is left as it is.
pub(crate) fn attach_file(
    transaction: &dyn Transaction,
    assistant_id: &str,
    file_id: &str,
) -> Result<VectorStoreFile, EngineError> {
    let store_id = store_id(assistant_id);
    if let Some(file) = load_file(transaction, &store_id, file_id)? {
        return Ok(file.object);
    }
    if file_ids(transaction, assistant_id)?.len() >= MAX_FILES {
        return Err(EngineError::invalid_param(
            "file_id",
            format!("The assistant {assistant_id} already has {MAX_FILES} files, which is the maximum."),
        ));
    }
    let mut store = store(transaction, assistant_id)?;
    let new = NewFile {
        file_id,
        chunking: None,
        attributes: None,
        batch_id: None,
    };
    let file = attach(transaction, &mut store, new)?;
    touch(transaction, &mut store)?;
    Ok(file)
}

/// Detaches a file from an assistant. Returns `false` if it is not attached.
pub(crate) fn detach_file(
    transaction: &dyn Transaction,
    assistant_id: &str,
    file_id: &str,
) -> Result<bool, StorageError> {
    let Some(mut store) = load::<VectorStore>(transaction, &store_id(assistant_id))? else {
        return Ok(false);
    };
    let detached = detach(transaction, &mut store, file_id)?;
    store.save(transaction)?;
    Ok(detached)
}

/// Replaces the files of an existing assistant; `None` leaves them as they are.
pub(crate) fn set_files(
    transaction: &dyn Transaction,
    assistant_id: &str,
    wanted: Option<&[String]>,
) -> Result<(), EngineError> {
    if let Some(wanted) = wanted {
        for file_id in file_ids(transaction, assistant_id)? {
            if !wanted.contains(&file_id) {
                detach_file(transaction, assistant_id, &file_id)?;
            }
        }
        for (index, file_id) in wanted.iter().enumerate() {
            attach_file(transaction, assistant_id, file_id)
                .map_err(|refusal| refusal.at(&format!("file_ids[{index}]")))?;
        }
    }
    Ok(())
}

/// Returns the vector store for the files of an assistant, and creates it if there is none.
fn store(transaction: &dyn Transaction, assistant_id: &str) -> Result<Loaded<VectorStore>, EngineError> {
    let id = store_id(assistant_id);
    if load::<VectorStore>(transaction, &id)?.is_none() {
        let store = VectorStore {
            id: id.clone(),
            created_at: Some(now()),
            status: VectorStoreStatus::Completed,
            ..VectorStore::default()
        };
        insert(transaction, &store, Some(assistant_id), None)?;
    }
    load::<VectorStore>(transaction, &id)?.ok_or_else(|| EngineError::not_found(Kind::VectorStore, &id))
}
