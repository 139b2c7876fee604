//! Operations: the indexing of files, which continues after the response.
//!
//! The result of an operation is determined when a client asks for it, from the statuses of the files in the index.
//! Operations therefore need no thread, and survive a restart.

use assistants_types::openai::VectorStoreFileStatus;
use assistants_types::yandex::{
    Any, BatchCreateSearchIndexFileResponse, Dialect, Operation, OperationResult, SearchIndex, Status,
};
use serde::{Deserialize, Serialize};

use super::error::Code;
use super::request::to_json;
use super::resource::{self, SUBJECT, to_text};
use super::search_indexes;
use super::{ApiError, ApiResponse, Call};
use crate::engine::vector_stores::{self, NewFile};
use crate::ids;
use crate::storage::{Document, Kind, StorageError, Transaction};

/// What an operation waits for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Work {
    index_id: String,
    file_ids: Vec<String>,
    /// Whether the operation creates the index or adds files to it.
    creates: bool,
}

impl Work {
    pub(super) fn new(index_id: &str, file_ids: &[String], creates: bool) -> Self {
        Self {
            index_id: index_id.to_owned(),
            file_ids: file_ids.to_vec(),
            creates,
        }
    }
}

/// Adds the files to the index, and stores an operation that waits for them.
pub(super) fn begin(
    transaction: &dyn Transaction,
    description: &str,
    index: &SearchIndex,
    work: Work,
) -> Result<Operation, ApiError> {
    let chunking = search_indexes::chunking(index);
    let mut store = vector_stores::load_store(transaction, &index.id)?;
    for file_id in &work.file_ids {
        let new = NewFile {
            file_id,
            chunking: Some(&chunking),
            attributes: None,
            batch_id: None,
        };
        vector_stores::attach(transaction, &mut store, new)?;
    }
    vector_stores::touch(transaction, &mut store)?;
    let now = resource::now();
    let operation = Operation {
        id: ids::new("operation_"),
        description: description.to_owned(),
        created_at: Some(now),
        created_by: SUBJECT.to_owned(),
        modified_at: Some(now),
        ..Operation::default()
    };
    let notes = serde_json::to_string(&work).map_err(|error| no_json(&error))?;
    transaction.insert(&Document {
        kind: Kind::Operation,
        id: operation.id.clone(),
        parent: None,
        tag: Some(work.index_id.clone()),
        created_at: now.unix_timestamp(),
        body: to_text(&operation)?,
        notes: Some(notes),
    })?;
    Ok(operation)
}

pub(super) fn get(call: &Call) -> Result<ApiResponse, ApiError> {
    let id = call.id("operationId");
    let operation = call.transact(|transaction| {
        let document = transaction.get(Kind::Operation, id)?;
        let mut document = document.ok_or_else(|| ApiError::not_found(Kind::Operation, id))?;
        let mut operation: Operation = read(&document, &document.body)?;
        if !operation.done
            && let Some(notes) = document.notes.take()
            && let Some(result) = result(transaction, &read(&document, &notes)?)?
        {
            operation.done = true;
            operation.modified_at = Some(resource::now());
            operation.result = Some(result);
            document.body = to_text(&operation)?;
            transaction.update(&document)?;
        }
        Ok(operation)
    })?;
    // The provider's host for operations responds in lowerCamelCase, whatever the one for assistants does.
    Ok(ApiResponse::Json(to_json(Dialect::CamelCase, &operation)?))
}

/// Returns the operation's state. Indexing takes moments, so operations are not cancelled.
pub(super) fn cancel(call: &Call) -> Result<ApiResponse, ApiError> {
    get(call)
}

/// Returns the result of an operation; `None` while it is in progress. Files that cannot be indexed are removed from
/// the index, and an index that was to be created with them is deleted.
fn result(transaction: &dyn Transaction, work: &Work) -> Result<Option<OperationResult>, ApiError> {
    let failed = |code: Code, message: String| {
        let status = Status {
            code: code as i32,
            message,
            ..Status::default()
        };
        Ok(Some(OperationResult::Error(status)))
    };
    let Some(document) = transaction.get(Kind::VectorStore, &work.index_id)? else {
        return failed(
            Code::NotFound,
            format!("The search index {} was deleted.", work.index_id),
        );
    };
    let mut files = Vec::new();
    let mut faults = Vec::new();
    for file_id in &work.file_ids {
        let file = vector_stores::load_file(transaction, &work.index_id, file_id)?.map(|file| file.object);
        match file {
            Some(file) if file.status == VectorStoreFileStatus::InProgress => return Ok(None),
            Some(file) if file.status == VectorStoreFileStatus::Completed => {
                files.push(search_indexes::files::of(&file));
            }
            Some(file) => {
                let reason = file.last_error.map(|error| error.message).unwrap_or_default();
                faults.push((file_id, reason));
            }
            None => faults.push((file_id, "It was deleted.".to_owned())),
        }
    }
    if let Some((file_id, reason)) = faults.first() {
        let message = format!("The file {file_id} could not be indexed. {reason}");
        if work.creates {
            vector_stores::delete(transaction, &work.index_id)?;
        } else {
            let mut store = vector_stores::load_store(transaction, &work.index_id)?;
            for (file_id, _) in &faults {
                vector_stores::detach(transaction, &mut store, file_id)?;
            }
            store.save(transaction)?;
        }
        return failed(Code::InvalidArgument, message);
    }
    let response = if work.creates {
        Any::pack(&search_indexes::view(document)?)
    } else {
        Any::pack(&BatchCreateSearchIndexFileResponse {
            files,
            ..BatchCreateSearchIndexFileResponse::default()
        })
    };
    Ok(Some(OperationResult::Response(
        response.map_err(|error| no_json(&error))?,
    )))
}

fn no_json(error: &serde_json::Error) -> ApiError {
    ApiError::new(Code::Internal, format!("The operation has no JSON form: {error}."))
}

fn read<T: serde::de::DeserializeOwned>(document: &Document, text: &str) -> Result<T, StorageError> {
    serde_json::from_str(text).map_err(|error| StorageError {
        action: format!("reading the operation {}: what is stored is damaged", document.id),
        source: Some(Box::new(error)),
    })
}
