//! The lines of a stream: `{"result": …}` for each message, and `{"error": …}` for an error after the status was sent.

use assistants_types::yandex::{Dialect, ProtoMessage};

use super::error::ApiError;
use super::request::to_json;
use crate::http::response::ErrorResponse;

/// Returns the line of a message.
pub(super) fn result<T: ProtoMessage>(dialect: Dialect, message: &T) -> String {
    match to_json(dialect, message) {
        Ok(json) => format!("{{\"result\":{json}}}\n"),
        Err(failed) => error(&failed),
    }
}

/// Returns the line of an error.
pub(super) fn error(error: &ApiError) -> String {
    format!("{{\"error\":{}}}\n", error.body())
}
