//! The files of assistants, which version 1 of the protocol had.
//!
//! They are the files of a vector store that belongs to the assistant: it is stored below the assistant, is deleted with
//! it, and appears in no list. Its runs search it along with the others.

use assistants_types::openai::{VectorStore, VectorStoreFile, VectorStoreStatus};

use super::{NewFile, attach, detach, load_file, touch};
use crate::engine::EngineError;
use crate::storage::document::{Loaded, insert, load, now};
use crate::storage::{Kind, List, Order, StorageError, Transaction};

/// How many files an assistant may have.
const MAX_FILES: usize = 20;

/// The id of the vector store for the files of an assistant, which exists once it has had a file.
pub(crate) fn store_id(assistant_id: &str) -> String {
    format!("vs_{assistant_id}")
}

/// The files of an assistant, oldest first.
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

/// Attaches a file to an existing assistant; one that is attached already stays as it is.
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
            format!("The assistant {assistant_id} has {MAX_FILES} files already, and more are not allowed."),
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

/// Takes a file from an assistant; `false` if it is not attached.
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

/// Gives an existing assistant these files and no others; `None` keeps those that it has.
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

/// The vector store for the files of an assistant.
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
