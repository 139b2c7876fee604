//! The response of a handler.

use std::fs::File;
use std::pin::Pin;

use axum::body::Body;
use serde::Serialize;

use super::error::ApiError;

/// A response that a handler does not wait for.
pub(super) type PendingResponse = Pin<Box<dyn Future<Output = Result<ApiResponse, ApiError>> + Send>>;

/// A response with status 200.
pub(crate) enum ApiResponse {
    Json(String),
    /// A run, which clients poll.
    Run(String),
    /// Server-sent events.
    Events(Body),
    /// A response that is still being produced. If the client disconnects, the future is dropped.
    Pending(PendingResponse),
    /// The contents of a file.
    File {
        file: File,
        length: u64,
    },
}

impl ApiResponse {
    pub(crate) fn json(value: &impl Serialize) -> Self {
        Self::Json(serde_json::to_string(value).expect("an object of the protocol has a JSON form"))
    }
}
