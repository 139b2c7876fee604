//! Models. There is one, the server's own. If the request names a folder, the model is listed by its URI, as Yandex
//! lists models.

use assistants_types::openai::Model;
use axum::http::StatusCode;
use serde_json::json;
use time::OffsetDateTime;

use super::error::ApiError;
use super::model_uri;
use super::{ApiResponse, Call};

pub(super) fn list(call: &Call) -> Result<ApiResponse, ApiError> {
    Ok(ApiResponse::json(&json!({"object": "list", "data": [own(call)]})))
}

pub(super) fn retrieve(call: &Call) -> Result<ApiResponse, ApiError> {
    require(call)?;
    Ok(ApiResponse::json(&Model {
        id: call.id("model").to_owned(),
        ..own(call)
    }))
}

pub(super) fn delete(call: &Call) -> Result<ApiResponse, ApiError> {
    require(call)?;
    let message = "Only models that the project has fine-tuned can be deleted.";
    Err(ApiError::new(StatusCode::FORBIDDEN, message).param("model"))
}

fn own(call: &Call) -> Model {
    let name = call.engine.model_name();
    Model {
        id: model_uri::folder(&call.headers).map_or_else(|| name.to_owned(), |folder| model_uri::uri(folder, name)),
        // The time of the model's creation is unknown.
        created: Some(OffsetDateTime::UNIX_EPOCH),
        owned_by: "assistants-local".to_owned(),
        ..Model::default()
    }
}

/// Fails with status 404 unless the path names the server's model. Runs and chat completions accept any name.
fn require(call: &Call) -> Result<(), ApiError> {
    let name = call.id("model");
    if model_uri::name(name) == call.engine.model_name() {
        return Ok(());
    }
    let message = format!("The model '{name}' does not exist.");
    Err(ApiError::new(StatusCode::NOT_FOUND, message)
        .param("model")
        .code("model_not_found"))
}
