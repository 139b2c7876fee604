//! Functions of the program that failed: tools and token providers.

use std::error::Error as StdError;
use std::sync::Arc;

use super::source::Source;
use super::text::Printable;

/// A tool function that failed.
#[derive(Debug, thiserror::Error)]
#[error("tool `{}` failed", Printable(.name))]
#[non_exhaustive]
pub struct ToolError {
    /// The name of the function.
    pub name: String,
    pub(crate) source: Source,
}

impl ToolError {
    pub(crate) fn new(name: &str, source: impl Into<Source>) -> Self {
        Self {
            name: name.to_owned(),
            source: source.into(),
        }
    }
}

/// A token provider that failed; the reason is behind [`source`](StdError::source).
#[derive(Clone, Debug, thiserror::Error)]
#[error("the token provider failed")]
#[non_exhaustive]
pub struct TokenError {
    /// Shared, because all calls that waited for the token fail together.
    pub(crate) source: Arc<dyn StdError + Send + Sync>,
}
