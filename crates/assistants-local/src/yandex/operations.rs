//! Operations. All of them index files.

use assistants_types::yandex::{Dialect, Operation};
use serde::de::DeserializeOwned;

use super::request::to_json;
use super::resource::{self, to_text};
use super::search_indexes::Indexing;
use super::{ApiError, ApiResponse, Call};
use crate::storage::{Document, Kind, StorageError};

pub(super) fn get(call: &Call) -> Result<ApiResponse, ApiError> {
    let id = call.id("operationId");
    let operation = call.transact(|transaction| {
        let document = transaction.get(Kind::Operation, id)?;
        let mut document = document.ok_or_else(|| ApiError::not_found(Kind::Operation, id))?;
        let mut operation: Operation = read(&document, &document.body)?;
        if !operation.done
            && let Some(notes) = document.notes.take()
            && let Some(result) = read::<Indexing>(&document, &notes)?.result(transaction)?
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

/// Returns the operation's state. Indexing takes little time, so operations are not cancelled.
pub(super) fn cancel(call: &Call) -> Result<ApiResponse, ApiError> {
    get(call)
}

fn read<T: DeserializeOwned>(document: &Document, text: &str) -> Result<T, StorageError> {
    serde_json::from_str(text).map_err(|error| StorageError {
        action: format!("reading the operation {}: the stored data is damaged", document.id),
        source: Some(Box::new(error)),
    })
}
