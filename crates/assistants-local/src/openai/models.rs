//! Models: those of the upstream servers and the server's own. If the request names a folder, they are listed by their
//! URIs, as Yandex lists models.

use assistants_types::openai::Model;
use axum::http::StatusCode;
use serde_json::json;
use time::OffsetDateTime;

use super::error::ApiError;
use super::model_uri;
use super::{ApiResponse, Call};

pub(super) fn list(call: &Call) -> Result<ApiResponse, ApiError> {
    let models = call.engine.model_names();
    let models: Vec<Model> = models.iter().map(|name| model(call, name)).collect();
    Ok(ApiResponse::json(&json!({"object": "list", "data": models})))
}

pub(super) fn retrieve(call: &Call) -> Result<ApiResponse, ApiError> {
    require(call)?;
    let name = call.id("model");
    Ok(ApiResponse::json(&Model {
        id: name.to_owned(),
        ..model(call, model_uri::name(name))
    }))
}

pub(super) fn delete(call: &Call) -> Result<ApiResponse, ApiError> {
    require(call)?;
    let message = "Only models that the project has fine-tuned can be deleted.";
    Err(ApiError::new(StatusCode::FORBIDDEN, message).param("model"))
}

fn model(call: &Call, name: &str) -> Model {
    Model {
        id: model_uri::folder(&call.headers).map_or_else(|| name.to_owned(), |folder| model_uri::uri(folder, name)),
        // The time of the model's creation is unknown.
        created: Some(OffsetDateTime::UNIX_EPOCH),
        owned_by: "assistants-local".to_owned(),
        ..Model::default()
    }
}

/// Fails with status 404 unless the path names one of the models that are listed.
fn require(call: &Call) -> Result<(), ApiError> {
    let name = call.id("model");
    if call
        .engine
        .model_names()
        .iter()
        .any(|listed| listed == model_uri::name(name))
    {
        return Ok(());
    }
    let message = format!("The model '{name}' does not exist.");
    Err(ApiError::new(StatusCode::NOT_FOUND, message)
        .param("model")
        .code("model_not_found"))
}
