//! The content types of request bodies.

use axum::http::{HeaderMap, header};

/// Returns the value of `Content-Type`, or an empty text if there is none or it is not ASCII.
pub(super) fn content_type(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_TYPE);
    value.and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Returns whether the body is a `multipart/form-data` form.
pub(crate) fn has_form(headers: &HeaderMap) -> bool {
    essence(content_type(headers)) == "multipart/form-data"
}

/// Returns whether the body is JSON, including types with the suffix `+json`.
pub(super) fn has_json(headers: &HeaderMap) -> bool {
    let essence = essence(content_type(headers));
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Returns a content type without its parameters, in lowercase.
fn essence(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}
