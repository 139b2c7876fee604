//! Why the engine does not do what it was asked for.

use crate::storage::{Kind, StorageError};

/// Why the engine does not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
    #[error("{}", not_found(*kind, id))]
    NotFound { kind: Kind, id: String },
    /// What was asked for cannot be done as long as things are as they are.
    #[error("{message}")]
    State { message: String },
    /// The request contradicts what is there, or itself.
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

    /// The same, with the parameter that is at fault.
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

/// What the provider says of an id that it does not know.
fn not_found(kind: Kind, id: &str) -> String {
    match kind {
        Kind::File => format!("No such File object: {id}"),
        _ => format!("No {} found with id '{id}'.", kind.noun()),
    }
}
