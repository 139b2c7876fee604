//! The errors of the engine.

use super::runs::position::UnknownPosition;
use crate::storage::{Kind, StorageError};

/// Why the engine rejects a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
    #[error("{}", not_found(*kind, id))]
    NotFound { kind: Kind, id: String },
    /// The request is not possible in the current state of an object.
    #[error("{message}")]
    State { message: String },
    /// The request is contradictory, or conflicts with stored objects.
    #[error("{message}")]
    Invalid {
        message: String,
        param: Option<String>,
        code: Option<&'static str>,
    },
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl EngineError {
    pub(crate) fn not_found(kind: Kind, id: &str) -> Self {
        Self::NotFound {
            kind,
            id: id.to_owned(),
        }
    }

    pub(crate) fn state(message: impl Into<String>) -> Self {
        Self::State {
            message: message.into(),
        }
    }

    /// Names the parameter that caused the error.
    pub(crate) fn at(self, param: &str) -> Self {
        match self {
            Self::NotFound { .. } => Self::invalid_param(param, self.to_string()),
            other => other,
        }
    }

    pub(crate) fn invalid_param(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid {
            message: message.into(),
            param: Some(param.into()),
            code: None,
        }
    }
}

impl From<UnknownPosition> for EngineError {
    fn from(_: UnknownPosition) -> Self {
        Self::invalid_param(
            "Last-Event-ID",
            "Invalid 'Last-Event-ID': it is not the id of an event of this run.",
        )
    }
}

/// Returns the provider's message for an unknown id.
fn not_found(kind: Kind, id: &str) -> String {
    match kind {
        Kind::File => format!("No such File object: {id}"),
        _ => format!("No {} found with id '{id}'.", kind.noun()),
    }
}
