//! File batches of vector stores.

use assistants_types::openai::{CreateVectorStoreFileBatch, VectorStoreFile};

use super::files::{new_file, status_filter};
use crate::engine::vector_stores::{self, NewFile};
use crate::openai::page::page_from;
use crate::openai::{ApiError, ApiResponse, Call};
use crate::storage::object::Loaded;

pub(crate) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CreateVectorStoreFileBatch = call.body("CreateVectorStoreFileBatch")?;
    let files: Vec<NewFile<'_>> = match (&params.file_ids, &params.files) {
        (Some(file_ids), None) => {
            let file = |file_id| NewFile {
                file_id,
                chunking: params.chunking_strategy.as_ref(),
                attributes: params.attributes.as_ref(),
                batch_id: None,
            };
            file_ids.iter().map(|id| file(id.as_str())).collect()
        }
        (None, Some(files)) => files.iter().map(new_file).collect(),
        (None, None) => {
            let message = "Missing required parameter: either 'file_ids' or 'files'.";
            return Err(ApiError::invalid(message)
                .param("file_ids")
                .code("missing_required_parameter"));
        }
        (Some(_), Some(_)) => {
            let message = "Only one of 'file_ids' and 'files' may be given.";
            return Err(ApiError::invalid(message).param("file_ids"));
        }
    };
    let store_id = call.id("vector_store_id");
    call.object(|transaction| Ok(vector_stores::create_batch(transaction, store_id, &files)?))
}

pub(crate) fn retrieve(call: &Call) -> Result<ApiResponse, ApiError> {
    let (store_id, batch_id) = (call.id("vector_store_id"), call.id("batch_id"));
    let batch = call.read(|transaction| Ok(vector_stores::load_batch(transaction, store_id, batch_id)?))?;
    Ok(ApiResponse::Json(batch.document.body))
}

pub(crate) fn cancel(call: &Call) -> Result<ApiResponse, ApiError> {
    let (store_id, batch_id) = (call.id("vector_store_id"), call.id("batch_id"));
    call.object(|transaction| Ok(vector_stores::cancel_batch(transaction, store_id, batch_id)?))
}

/// Lists the files of a batch, or with `filter` those with that status.
pub(crate) fn list_files(call: &Call) -> Result<ApiResponse, ApiError> {
    let (store_id, batch_id) = (call.id("vector_store_id"), call.id("batch_id"));
    let status = status_filter(call)?;
    let files = call.read(|transaction| {
        let batch = vector_stores::load_batch(transaction, store_id, batch_id)?;
        Ok(vector_stores::batch_files(transaction, &batch)?)
    })?;
    let fits = |file: &Loaded<VectorStoreFile>| status.is_none_or(|status| file.object.status.as_str() == status);
    let fitting = files.into_iter().filter(fits).map(|file| file.document);
    page_from(call, fitting.collect())
}
