//! Errors in the format of the provider's gateway: `{"code", "message", "details"}`.

use std::error::Error;

use axum::http::StatusCode;
use serde_json::json;

use crate::engine::EngineError;
use crate::http::response::ErrorResponse;
use crate::http::{Rejection, UploadError};
use crate::storage::{Kind, StorageError};

/// The gRPC status codes that this server uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidArgument = 3,
    NotFound = 5,
    PermissionDenied = 7,
    FailedPrecondition = 9,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

impl Code {
    /// Returns the HTTP status to which the gateway maps the code.
    fn status(self) -> StatusCode {
        match self {
            Self::InvalidArgument | Self::FailedPrecondition => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::PermissionDenied => StatusCode::FORBIDDEN,
            Self::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
        }
    }
}

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl ApiError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// The request can never be executed.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    /// There is no object of this kind with this id.
    pub(crate) fn not_found(kind: Kind, id: &str) -> Self {
        EngineError::not_found(kind, id).into()
    }
}

impl ErrorResponse for ApiError {
    fn status(&self) -> StatusCode {
        self.code.status()
    }

    fn body(&self) -> String {
        json!({"code": self.code as i32, "message": self.message, "details": []}).to_string()
    }
}

/// Returns the body of a response whose status a script contains, with the gRPC code that gateways map to it.
pub(crate) fn scripted_error_body(status: StatusCode) -> String {
    let code = match status.as_u16() {
        400 => 3,
        401 => 16,
        403 => 7,
        404 => 5,
        409 => 10,
        429 => 8,
        499 => 1,
        500 => 13,
        501 => 12,
        503 => 14,
        504 => 4,
        _ => 2,
    };
    let message = format!("The script responds with status {}.", status.as_u16());
    json!({"code": code, "message": message, "details": []}).to_string()
}

impl From<EngineError> for ApiError {
    fn from(refusal: EngineError) -> Self {
        match refusal {
            EngineError::NotFound { kind, id } => {
                Self::new(Code::NotFound, format!("No {} found with id '{id}'.", kind.noun()))
            }
            EngineError::State { message } => Self::new(Code::FailedPrecondition, message),
            EngineError::Invalid { message, .. } => Self::invalid(message),
            EngineError::Storage(error) => error.into(),
        }
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        log::error!("{error}{cause}");
        Self::new(Code::Internal, format!("The storage failed: {error}."))
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        let code = match rejection.status() {
            StatusCode::UNAUTHORIZED => Code::Unauthenticated,
            StatusCode::FORBIDDEN => Code::PermissionDenied,
            StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
            StatusCode::INTERNAL_SERVER_ERROR => Code::Internal,
            _ => Code::InvalidArgument,
        };
        let message = match rejection {
            Rejection::KeyMissing => {
                "No API key was sent. Send it in the header `Authorization: Api-Key KEY`.".to_owned()
            }
            Rejection::KeyWrong => "The API key is not valid.".to_owned(),
            other => other.to_string(),
        };
        Self::new(code, message)
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        let unexpected = |what| Self::invalid(format!("The body is not valid: {what}."));
        match error {
            UploadError::Rejected(rejection) => rejection.into(),
            UploadError::Storage(error) => error.into(),
            UploadError::NotBase64 => unexpected("the file is not base64"),
            UploadError::Twice => unexpected("it has more than one file"),
            UploadError::TooLarge(most) => Self::invalid(format!("The file is larger than {most} bytes.")),
        }
    }
}
