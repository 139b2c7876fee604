//! The indexing of files, which continues after the response and is reported by an operation.
//!
//! The result is determined when a client asks for it, from the statuses of the files in the index. Operations therefore
//! need no thread, and survive a restart.

use assistants_types::openai::VectorStoreFileStatus;
use assistants_types::yandex::{
    Any, BatchCreateSearchIndexFileResponse, Operation, OperationResult, SearchIndex, Status,
};
use serde::{Deserialize, Serialize};

use super::kinds::chunking;
use super::stored::{file_view, view};
use crate::engine::vector_stores::{self, NewFile};
use crate::ids;
use crate::storage::{Document, Kind, Transaction};
use crate::yandex::ApiError;
use crate::yandex::error::Code;
use crate::yandex::resource::{self, SUBJECT, to_text};

/// The maximum number of files in a request.
const MAX_FILES: usize = 100;

/// Files that an operation waits for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Indexing {
    index_id: String,
    file_ids: Vec<String>,
    /// Whether the operation creates the index or adds files to it.
    creates: bool,
}

impl Indexing {
    /// The first files of a new index.
    pub(super) fn of_new_index(index_id: &str, file_ids: &[String]) -> Self {
        Self {
            index_id: index_id.to_owned(),
            file_ids: file_ids.to_vec(),
            creates: true,
        }
    }

    /// Files that are added to an index.
    pub(super) fn of_added_files(index_id: &str, file_ids: &[String]) -> Self {
        Self {
            creates: false,
            ..Self::of_new_index(index_id, file_ids)
        }
    }

    /// Adds the files to the index, and stores an operation that waits for them.
    pub(super) fn begin(
        &self,
        transaction: &dyn Transaction,
        description: &str,
        index: &SearchIndex,
    ) -> Result<Operation, ApiError> {
        let chunking = chunking(index);
        let mut store = vector_stores::load_store(transaction, &index.id)?;
        for file_id in &self.file_ids {
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
        let notes = serde_json::to_string(self).map_err(|error| no_json(&error))?;
        transaction.insert(&Document {
            kind: Kind::Operation,
            id: operation.id.clone(),
            parent: None,
            tag: Some(self.index_id.clone()),
            created_at: now.unix_timestamp(),
            body: to_text(&operation)?,
            notes: Some(notes),
        })?;
        Ok(operation)
    }

    /// Returns the result; `None` while files are being indexed. Files that cannot be indexed are removed from the index,
    /// and an index that was to be created with them is deleted.
    pub(crate) fn result(&self, transaction: &dyn Transaction) -> Result<Option<OperationResult>, ApiError> {
        let failed = |code: Code, message: String| {
            let status = Status {
                code: code as i32,
                message,
                ..Status::default()
            };
            Ok(Some(OperationResult::Error(status)))
        };
        let Some(document) = transaction.get(Kind::VectorStore, &self.index_id)? else {
            return failed(
                Code::NotFound,
                format!("The search index {} was deleted.", self.index_id),
            );
        };
        let mut files = Vec::new();
        let mut faults = Vec::new();
        for file_id in &self.file_ids {
            let file = vector_stores::load_file(transaction, &self.index_id, file_id)?.map(|file| file.object);
            match file {
                Some(file) if file.status == VectorStoreFileStatus::InProgress => return Ok(None),
                Some(file) if file.status == VectorStoreFileStatus::Completed => {
                    files.push(file_view(&file));
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
            if self.creates {
                vector_stores::delete(transaction, &self.index_id)?;
            } else {
                let mut store = vector_stores::load_store(transaction, &self.index_id)?;
                for (file_id, _) in &faults {
                    vector_stores::detach(transaction, &mut store, file_id)?;
                }
                store.save(transaction)?;
            }
            return failed(Code::InvalidArgument, message);
        }
        let response = if self.creates {
            Any::pack(&view(document)?)
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
}

/// Checks the number of files in a request.
pub(super) fn check_files(file_ids: &[String]) -> Result<(), ApiError> {
    if file_ids.len() > MAX_FILES {
        return Err(ApiError::invalid(format!(
            "At most {MAX_FILES} files can be given at once."
        )));
    }
    Ok(())
}

fn no_json(error: &serde_json::Error) -> ApiError {
    ApiError::new(Code::Internal, format!("The operation cannot be serialized: {error}."))
}
