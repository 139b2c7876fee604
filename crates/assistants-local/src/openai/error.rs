//! Errors in the provider's format: `{"error": {"message", "type", "param", "code"}}`.

use std::borrow::Cow;
use std::error::Error;

use axum::http::StatusCode;
use serde_json::json;

use crate::engine::EngineError;
use crate::http::response::ErrorResponse;
use crate::http::{FormError, Rejection};
use crate::openai::request_schema::Violation;
use crate::storage::{Kind, StorageError};

/// An error response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) type_: &'static str,
    pub(crate) message: String,
    pub(crate) param: Option<String>,
    pub(crate) code: Option<Cow<'static, str>>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let type_ = if status.is_server_error() {
            "server_error"
        } else {
            "invalid_request_error"
        };
        Self {
            status,
            type_,
            message: message.into(),
            param: None,
            code: None,
        }
    }

    /// Status 400: the request cannot be executed.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Status 404: there is no object of this kind with this id.
    pub(crate) fn not_found(kind: Kind, id: &str) -> Self {
        Self::from(EngineError::not_found(kind, id))
    }

    pub(crate) fn param(self, param: impl Into<String>) -> Self {
        Self {
            param: Some(param.into()),
            ..self
        }
    }

    pub(crate) fn code(self, code: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: Some(code.into()),
            ..self
        }
    }
}

impl ErrorResponse for ApiError {
    fn status(&self) -> StatusCode {
        self.status
    }

    fn body(&self) -> String {
        let Self {
            type_,
            message,
            param,
            code,
            ..
        } = self;
        json!({"error": {"message": message, "type": type_, "param": param, "code": code}}).to_string()
    }
}

/// Returns the body of a response whose status a script contains.
pub(crate) fn scripted_error_body(status: StatusCode) -> String {
    let code = (status == StatusCode::TOO_MANY_REQUESTS).then_some(Cow::Borrowed("rate_limit_exceeded"));
    ApiError {
        code,
        ..ApiError::new(status, format!("The script responds with status {}.", status.as_u16()))
    }
    .body()
}

impl From<Violation> for ApiError {
    fn from(violation: Violation) -> Self {
        let Violation { message, param, code } = violation;
        Self {
            param,
            code: Some(code.into()),
            ..Self::invalid(message)
        }
    }
}

impl From<EngineError> for ApiError {
    fn from(refusal: EngineError) -> Self {
        match refusal {
            EngineError::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, refusal.to_string()),
            EngineError::State { message } => Self::invalid(message),
            EngineError::Invalid { message, param, code } => Self {
                param,
                code: code.map(Cow::Borrowed),
                ..Self::invalid(message)
            },
            EngineError::Storage(error) => error.into(),
        }
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        log::error!("{error}{cause}");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("The server had an error processing your request. The storage failed: {error}."),
        )
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        let message = match &rejection {
            Rejection::KeyMissing => {
                "You didn't provide an API key. You need to provide your API key in an Authorization header using \
                 Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
                    .to_owned()
            }
            Rejection::KeyWrong => "Incorrect API key provided.".to_owned(),
            Rejection::Panicked => "The server had an error processing your request. Sorry about that!".to_owned(),
            other => other.to_string(),
        };
        let (status, code) = (rejection.status(), code_of(&rejection));
        Self {
            code: code.map(Cow::Borrowed),
            param: match rejection {
                Rejection::TooMany { param, .. } => Some(param),
                _ => None,
            },
            ..Self::new(status, message)
        }
    }
}

fn code_of(rejection: &Rejection) -> Option<&'static str> {
    match rejection {
        Rejection::KeyMissing | Rejection::KeyWrong => Some("invalid_api_key"),
        Rejection::Host(_) => Some("host_not_allowed"),
        Rejection::Origin(_) => Some("origin_not_allowed"),
        Rejection::ContentType { .. } => Some("unsupported_content_type"),
        Rejection::TooLarge(_) => Some("body_too_large"),
        Rejection::TooManyValues(_) => Some("too_many_values"),
        Rejection::TooMany { .. } => Some("array_above_max_length"),
        Rejection::IdempotencyKeyReused(_) => Some("idempotency_key_reused"),
        Rejection::TooSlow => Some("body_timeout"),
        Rejection::Busy(_) => Some("server_busy"),
        Rejection::Query(_) | Rejection::IdempotencyKey(_) | Rejection::Broken(_) | Rejection::Panicked => None,
    }
}

impl From<FormError> for ApiError {
    fn from(error: FormError) -> Self {
        match error {
            FormError::Rejected(rejection) => rejection.into(),
            FormError::Storage(error) => error.into(),
            FormError::Malformed(message) => Self::invalid(message),
            FormError::Field { name, message } => Self::invalid(message).param(name),
            FormError::Missing(name) => Self::invalid(format!("Missing required parameter: '{name}'."))
                .param(name)
                .code("missing_required_parameter"),
            FormError::Empty(name) => Self::invalid(format!("'{name}' is empty, and empty files are not accepted."))
                .param(name)
                .code("empty_file"),
            FormError::TooLarge { name, most } => {
                let message = format!("'{name}' is larger than {most} bytes.");
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
                    .param(name)
                    .code("file_too_large")
            }
        }
    }
}
