//! Files of vector stores.

use assistants_types::openai::{
    CreateVectorStoreFile, FileContentPart, UpdateVectorStoreFile, VectorStoreFileContent, VectorStoreFileDeleted,
    VectorStoreFileStatus, VectorStoreStatus,
};

use crate::engine::vector_stores::{self, NewFile};
use crate::openai::page::page;
use crate::openai::request_schema::Violation;
use crate::openai::{ApiError, ApiResponse, Call};
use crate::storage::object::to_json;
use crate::storage::{Kind, Transaction};

pub(crate) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CreateVectorStoreFile = call.body("CreateVectorStoreFile")?;
    let store_id = call.id("vector_store_id");
    call.object(|transaction| {
        let mut store = vector_stores::load_store(transaction, store_id)?;
        let file = vector_stores::attach(transaction, &mut store, new_file(&params))?;
        vector_stores::touch(transaction, &mut store)?;
        Ok(file)
    })
}

pub(crate) fn new_file(params: &CreateVectorStoreFile) -> NewFile<'_> {
    NewFile {
        file_id: &params.file_id,
        chunking: params.chunking_strategy.as_ref(),
        attributes: params.attributes.as_ref(),
        batch_id: None,
    }
}

/// Lists the files, or with `filter` those with that status.
pub(crate) fn list(call: &Call) -> Result<ApiResponse, ApiError> {
    let store_id = call.id("vector_store_id");
    let status = status_filter(call)?;
    page(call, Kind::VectorStoreFile, Some(store_id), status, |transaction| {
        require_store(transaction, store_id)
    })
}

/// Returns the status by which a list is filtered.
pub(crate) fn status_filter(call: &Call) -> Result<Option<&str>, ApiError> {
    let Some(status) = call.query("filter") else {
        return Ok(None);
    };
    if VectorStoreFileStatus::KNOWN
        .iter()
        .any(|known| known.as_str() == status)
    {
        return Ok(Some(status));
    }
    let known = VectorStoreFileStatus::KNOWN.iter().map(VectorStoreFileStatus::as_str);
    Err(Violation::invalid_value("filter", status, known).into())
}

pub(crate) fn retrieve(call: &Call) -> Result<ApiResponse, ApiError> {
    let (store_id, file_id) = (call.id("vector_store_id"), call.id("file_id"));
    call.read(|transaction| {
        require_store(transaction, store_id)?;
        match vector_stores::load_file(transaction, store_id, file_id)? {
            Some(file) => Ok(ApiResponse::Json(file.document.body)),
            None => Err(ApiError::not_found(Kind::VectorStoreFile, file_id)),
        }
    })
}

pub(crate) fn update(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: UpdateVectorStoreFile = call.body("UpdateVectorStoreFile")?;
    let (store_id, file_id) = (call.id("vector_store_id"), call.id("file_id"));
    call.object(|transaction| {
        require_store(transaction, store_id)?;
        let mut file = vector_stores::load_file(transaction, store_id, file_id)?
            .ok_or_else(|| ApiError::not_found(Kind::VectorStoreFile, file_id))?;
        params.attributes.clone().apply_to(&mut file.object.attributes);
        file.object.attributes.get_or_insert_default();
        file.save(transaction)?;
        Ok(file.object)
    })
}

pub(crate) fn delete(call: &Call) -> Result<ApiResponse, ApiError> {
    let (store_id, file_id) = (call.id("vector_store_id"), call.id("file_id"));
    call.transact(|transaction| {
        let mut store = vector_stores::load_store(transaction, store_id)?;
        if !vector_stores::detach(transaction, &mut store, file_id)? {
            return Err(ApiError::not_found(Kind::VectorStoreFile, file_id));
        }
        Ok(store.save(transaction)?)
    })?;
    let deleted = VectorStoreFileDeleted {
        id: file_id.to_owned(),
        deleted: true,
        ..VectorStoreFileDeleted::default()
    };
    Ok(ApiResponse::json(&deleted))
}

/// Returns the text of a file as it was indexed; empty before that.
pub(crate) fn content(call: &Call) -> Result<ApiResponse, ApiError> {
    let (store_id, file_id) = (call.id("vector_store_id"), call.id("file_id"));
    let passages = call.read(|transaction| {
        if vector_stores::load_store(transaction, store_id)?.object.status == VectorStoreStatus::Expired {
            return Err(vector_stores::expired(store_id).into());
        }
        let file = vector_stores::load_file(transaction, store_id, file_id)?
            .ok_or_else(|| ApiError::not_found(Kind::VectorStoreFile, file_id))?;
        Ok(transaction.passages(&file.document.id)?)
    })?;
    let parts = passages.into_iter().map(|text| FileContentPart {
        type_: Some("text".to_owned()),
        text: Some(text),
        ..FileContentPart::default()
    });
    let content = VectorStoreFileContent {
        data: parts.collect(),
        ..VectorStoreFileContent::default()
    };
    Ok(ApiResponse::Json(to_json(&content)))
}

pub(crate) fn require_store(transaction: &dyn Transaction, store_id: &str) -> Result<(), ApiError> {
    vector_stores::load_store(transaction, store_id)?;
    Ok(())
}
