//! Long-running operations.

use std::fmt;

use super::{Any, Operation, OperationResult, ProtoMessage, Status, UnpackError};

/// Why an operation has no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum OperationError {
    /// The operation failed.
    Failed(Status),
    /// The operation ended without a result.
    Empty,
    /// The result has another type.
    Response(UnpackError),
}

impl Operation {
    /// Whether the operation has ended. An error may be set earlier, while the operation cleans up.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Whether the operation has ended successfully.
    #[must_use]
    pub fn is_succeeded(&self) -> bool {
        self.done && matches!(self.result, Some(OperationResult::Response(_)))
    }

    /// Whether the operation has ended with an error.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.done && matches!(self.result, Some(OperationResult::Error(_)))
    }

    /// The result; `None` while the operation is running.
    ///
    /// # Errors
    ///
    /// If the operation failed, or its result is not a `T`.
    pub fn result<T: ProtoMessage>(&self) -> Option<Result<T, OperationError>> {
        if !self.done {
            return None;
        }
        Some(match &self.result {
            Some(OperationResult::Response(response)) => response.unpack().map_err(OperationError::Response),
            Some(OperationResult::Error(status)) => Err(OperationError::Failed(status.clone())),
            Some(OperationResult::Unknown(_)) | None => Err(OperationError::Empty),
        })
    }

    /// Ends the operation with a result.
    ///
    /// # Errors
    ///
    /// If the message cannot be represented in JSON.
    pub fn succeed<T: ProtoMessage>(&mut self, response: &T) -> Result<(), serde_json::Error> {
        self.result = Some(OperationResult::Response(Any::pack(response)?));
        self.done = true;
        Ok(())
    }

    /// Ends the operation with an error.
    pub fn fail(&mut self, status: Status) {
        self.result = Some(OperationResult::Error(status));
        self.done = true;
    }
}

impl Status {
    /// An error without details.
    #[must_use]
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            ..Self::default()
        }
    }
}

impl fmt::Display for OperationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(status) => write!(f, "the operation failed with code {}: {}", status.code, status.message),
            Self::Empty => f.write_str("the operation ended without a result"),
            Self::Response(_) => f.write_str("the operation's response"),
        }
    }
}

impl std::error::Error for OperationError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Response(error) => Some(error),
            Self::Failed(_) | Self::Empty => None,
        }
    }
}
