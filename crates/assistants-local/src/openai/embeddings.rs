//! Embeddings, which the embeddings server computes. Requests and responses are passed on unchanged.

use assistants_blocking::Error;
use assistants_types::embeddings::CreateEmbedding;
use axum::http::StatusCode;

use super::answer::{PendingAnswer, Started};
use super::{ApiError, ApiResponse, Call};
use crate::ids;
use crate::model::upstream::words;

pub(super) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CreateEmbedding = call.body("CreateEmbedding")?;
    let Some(embedder) = call.engine.embedder.clone() else {
        let message = format!(
            "The model '{}' does not exist: this server was started without an embeddings server.",
            params.model
        );
        return Err(ApiError::new(StatusCode::NOT_FOUND, message)
            .param("model")
            .code("model_not_found"));
    };
    let pending = PendingAnswer::new(|starter| {
        call.engine.start_chat(&ids::new("emb_"), move |output| {
            let response = embedder.forward(params, output.cancel_token());
            starter.start(
                response
                    .map(|json| Started::Whole(ApiResponse::Json(json)))
                    .map_err(|error| failed(&error)),
            );
        })
    });
    Ok(ApiResponse::Pending(Box::pin(pending.response())))
}

/// Returns the embeddings server's own error if it is about the request. If it is about this server, such as its key, the
/// client can do nothing about it.
fn failed(error: &Error) -> ApiError {
    let words = words(error);
    if let Error::Api(api) = error
        && let Some(status @ (400 | 404 | 413 | 422 | 429)) = api.status
    {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut error = ApiError::new(status, words);
        if status == StatusCode::TOO_MANY_REQUESTS {
            error.type_ = "rate_limit_error";
        }
        error.param.clone_from(&api.param);
        error.code = api.code.clone().map(Into::into);
        return error;
    }
    let message = format!("The server had an error processing your request. The embeddings server failed: {words}");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message)
}
