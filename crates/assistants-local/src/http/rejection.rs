//! The reasons for which a request is rejected, whatever its operation.

use axum::http::StatusCode;

/// A request rejected for a reason that does not depend on the operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    #[error("no API key was given")]
    KeyMissing,
    #[error("the API key is wrong")]
    KeyWrong,
    /// Without a key, only local host names are accepted: web pages can reach the server under a foreign name (DNS
    /// rebinding).
    #[error(
        "The host '{0}' is not a name of this machine. Without an API key, the server accepts only such names, for example localhost."
    )]
    Host(String),
    #[error(
        "Web pages of '{0}' may not use this server. To allow them, start it with `--allow-origin` and that origin."
    )]
    Origin(String),
    /// A web page could send this content type without a preflight request.
    #[error("The content type of the body must be {wanted}, not {given}.")]
    ContentType { wanted: &'static str, given: String },
    #[error("The query cannot be read: {0}.")]
    Query(String),
    #[error("The body is larger than {0} bytes.")]
    TooLarge(usize),
    #[error("The body has more than {0} values.")]
    TooManyValues(usize),
    #[error(
        "Invalid '{param}': array too long. Expected an array with maximum length {most}, but got an array with length {given} instead."
    )]
    TooMany { param: String, given: usize, most: usize },
    #[error("The header Idempotency-Key must have at most {0} visible ASCII characters.")]
    IdempotencyKey(usize),
    /// The body of the first request with this key was different.
    #[error("The idempotency key '{0}' was used before with another body.")]
    IdempotencyKeyReused(String),
    #[error("The body did not arrive in time.")]
    TooSlow,
    #[error("The body could not be read: {0}.")]
    Broken(String),
    /// The limit on this resource is reached.
    #[error("The server is busy: it has reached its limit on {0}. Try again in a moment.")]
    Busy(&'static str),
    #[error("The server had an internal error.")]
    Panicked,
}

impl Rejection {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::KeyMissing | Self::KeyWrong => StatusCode::UNAUTHORIZED,
            Self::Host(_) | Self::Origin(_) => StatusCode::FORBIDDEN,
            Self::ContentType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Query(_)
            | Self::TooManyValues(_)
            | Self::TooMany { .. }
            | Self::IdempotencyKey(_)
            | Self::IdempotencyKeyReused(_)
            | Self::Broken(_) => StatusCode::BAD_REQUEST,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}
