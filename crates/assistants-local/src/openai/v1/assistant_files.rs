//! Files of assistants, for clients that use version 1 of the protocol.

use assistants_types::openai::{AssistantFile, AssistantFileDeleted, CreateAssistantFile, VectorStoreFile};
use axum::http::StatusCode;
use serde_json::Value;

use crate::engine::vector_stores::{self, assistant_files};
use crate::openai::page::page_shown;
use crate::openai::request::find;
use crate::openai::{ApiError, ApiResponse, Call};
use crate::storage::object::Loaded;
use crate::storage::{Document, Kind};

/// Removes `file_ids` from a body of version 2, which does not have it, unless the server is strict.
pub(crate) fn normalize(call: &Call, body: &mut Value) -> Result<(), ApiError> {
    if !call.legacy
        && !call.schemas.is_strict()
        && let Value::Object(members) = body
    {
        members.remove("file_ids");
    }
    Ok(())
}

pub(crate) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    require_version(call)?;
    let params: CreateAssistantFile = call.body("CreateAssistantFile")?;
    let assistant_id = call.id("assistant_id");
    let (json, _) = call.once(|transaction| {
        find(transaction, Kind::Assistant, assistant_id, None)?;
        let file = assistant_files::attach_file(transaction, assistant_id, &params.file_id)?;
        Ok((json(assistant_id, &file), ()))
    })?;
    Ok(ApiResponse::Json(json))
}

pub(crate) fn list(call: &Call) -> Result<ApiResponse, ApiError> {
    require_version(call)?;
    let assistant_id = call.id("assistant_id");
    let show = |document: &mut Document| {
        let file = Loaded::<VectorStoreFile>::parse(document.clone())?.object;
        document.body = json(assistant_id, &file);
        Ok(())
    };
    let store_id = assistant_files::store_id(assistant_id);
    page_shown(call, Kind::VectorStoreFile, Some(&store_id), show, |transaction| {
        find(transaction, Kind::Assistant, assistant_id, None)?;
        Ok(())
    })
}

pub(crate) fn retrieve(call: &Call) -> Result<ApiResponse, ApiError> {
    require_version(call)?;
    let (assistant_id, file_id) = (call.id("assistant_id"), call.id("file_id"));
    call.read(|transaction| {
        find(transaction, Kind::Assistant, assistant_id, None)?;
        let file = vector_stores::load_file(transaction, &assistant_files::store_id(assistant_id), file_id)?;
        let file = file.ok_or_else(|| not_attached(assistant_id, file_id))?;
        Ok(ApiResponse::Json(json(assistant_id, &file.object)))
    })
}

pub(crate) fn delete(call: &Call) -> Result<ApiResponse, ApiError> {
    require_version(call)?;
    let (assistant_id, file_id) = (call.id("assistant_id"), call.id("file_id"));
    call.transact(|transaction| {
        find(transaction, Kind::Assistant, assistant_id, None)?;
        match assistant_files::detach_file(transaction, assistant_id, file_id)? {
            true => Ok(()),
            false => Err(not_attached(assistant_id, file_id)),
        }
    })?;
    let deleted = AssistantFileDeleted {
        id: file_id.to_owned(),
        deleted: true,
        ..AssistantFileDeleted::default()
    };
    Ok(ApiResponse::json(&deleted))
}

/// Serializes a file as that of the assistant.
fn json(assistant_id: &str, file: &VectorStoreFile) -> String {
    let file = AssistantFile {
        id: file.id.clone(),
        created_at: file.created_at,
        assistant_id: assistant_id.to_owned(),
        ..AssistantFile::default()
    };
    serde_json::to_string(&file).expect("an object of the protocol has a JSON form")
}

/// Fails with status 404 for clients of version 2, which does not have these operations.
fn require_version(call: &Call) -> Result<(), ApiError> {
    if call.legacy {
        return Ok(());
    }
    let message = format!("{} requires the header `OpenAI-Beta: assistants=v1`.", call.target);
    Err(ApiError::new(StatusCode::NOT_FOUND, message).code("unknown_url"))
}

fn not_attached(assistant_id: &str, file_id: &str) -> ApiError {
    let message = format!("The assistant {assistant_id} has no file with id '{file_id}'.");
    ApiError::new(StatusCode::NOT_FOUND, message)
}
