//! The errors of answers that have begun.

use axum::http::StatusCode;

use crate::model::Failure;
use crate::openai::ApiError;

/// Returns the response to a failure of the model, with the status and type that the provider uses for its code.
/// `conversation` is the parameter with the conversation.
pub(in crate::openai) fn model_failed(failure: Failure, conversation: &str) -> ApiError {
    let Failure::Failed { code, message } = failure else {
        return abandoned();
    };
    let (status, type_, param) = match code.as_str() {
        "rate_limit_exceeded" => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", None),
        "insufficient_quota" => (StatusCode::TOO_MANY_REQUESTS, "insufficient_quota", None),
        "context_length_exceeded" => (StatusCode::BAD_REQUEST, "invalid_request_error", Some(conversation)),
        "invalid_prompt" => (StatusCode::BAD_REQUEST, "invalid_request_error", None),
        "model_not_found" => (StatusCode::NOT_FOUND, "invalid_request_error", Some("model")),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "server_error", None),
    };
    ApiError {
        type_,
        param: param.map(str::to_owned),
        ..ApiError::new(status, message).code(code)
    }
}

/// The answer was stopped, or no thread executed the request.
pub(in crate::openai) fn abandoned() -> ApiError {
    failed("The completion was abandoned because it took too long or the server is stopping.")
}

/// The stream ends before the answer does.
pub(in crate::openai) fn broken_off() -> ApiError {
    failed("The stream was interrupted.")
}

fn failed(message: &str) -> ApiError {
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message)
}
