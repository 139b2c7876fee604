//! Runs and operations that failed on the server.

use assistants_types::openai::Run;
use assistants_types::yandex;

use super::text::Printable;

/// A long-running operation that failed on the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("operation {}: {}", Printable(.id), Printable(.fault))]
#[non_exhaustive]
pub struct OperationFailedError {
    /// The operation.
    pub id: String,
    /// The gRPC code; 0 if the server sent none.
    pub code: i32,
    /// Why it failed.
    pub fault: String,
}

impl OperationFailedError {
    pub(crate) fn new(id: &str, code: i32, fault: impl Into<String>) -> Self {
        Self {
            id: id.to_owned(),
            code,
            fault: fault.into(),
        }
    }
}

/// Why a run did not complete, for the message of an error.
pub(super) fn why(run: &Run) -> String {
    let mut why = format!("ended as `{}`", run.status);
    if let Some(error) = &run.last_error {
        why += &format!(" ({}): {}", error.code, error.message);
    } else if let Some(reason) = run
        .incomplete_details
        .as_ref()
        .and_then(|details| details.reason.as_ref())
    {
        why += &format!(" ({reason})");
    }
    why
}

/// As [`why`], for a run of Yandex AI Studio.
pub(super) fn why_yandex(run: &yandex::Run) -> String {
    let error = run.error();
    let message = error.map_or_else(String::new, |error| format!(": {}", error.message));
    format!("ended as `{}`{message}", run.status())
}
