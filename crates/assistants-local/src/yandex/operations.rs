//! Operations: work that goes on after its call was answered.

use assistants_types::yandex::{Dialect, Operation};

use super::call::to_json;
use super::{Answer, ApiError, Call};
use crate::storage::{Document, Kind, StorageError};

pub(super) fn get(call: &Call) -> Result<Answer, ApiError> {
    let id = call.id("operationId");
    let document = call.transact(|transaction| {
        transaction
            .get(Kind::Operation, id)?
            .ok_or_else(|| ApiError::not_found(Kind::Operation, id))
    })?;
    // The provider's host for operations answers in lowerCamelCase, whatever the one for assistants does.
    Ok(Answer::Json(to_json(Dialect::CamelCase, &read(&document)?)?))
}

/// Says how the operation stands. Operations end by themselves within moments, so none is stopped.
pub(super) fn cancel(call: &Call) -> Result<Answer, ApiError> {
    get(call)
}

pub(super) fn read(document: &Document) -> Result<Operation, StorageError> {
    serde_json::from_str(&document.body).map_err(|error| StorageError {
        action: format!("reading the operation {}: what is stored is damaged", document.id),
        source: Some(Box::new(error)),
    })
}
