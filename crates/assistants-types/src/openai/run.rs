//! Status and tool calls of runs.

use serde::de::DeserializeOwned;

use super::{Run, RunStatus, ToolCall, ToolOutput};

impl RunStatus {
    /// Whether the run has ended: cancelled, failed, completed, incomplete or expired.
    ///
    /// A run that is waiting for tool outputs has not ended. An unknown status is treated as not ended.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Cancelled | Self::Failed | Self::Completed | Self::Incomplete | Self::Expired => true,
            // Every status is listed, so that a new one does not compile until it is classified.
            Self::Queued | Self::InProgress | Self::RequiresAction | Self::Cancelling | Self::Unknown(_) => false,
        }
    }

    /// Whether the server is processing the run, so that polling makes sense: queued, in progress or cancelling.
    #[must_use]
    pub fn is_running(&self) -> bool {
        match self {
            Self::Queued | Self::InProgress | Self::Cancelling => true,
            Self::RequiresAction
            | Self::Cancelled
            | Self::Failed
            | Self::Completed
            | Self::Incomplete
            | Self::Expired
            | Self::Unknown(_) => false,
        }
    }
}

impl Run {
    /// The function calls that the run is waiting for; empty unless the status is `requires_action`.
    #[must_use]
    pub fn tool_calls(&self) -> &[ToolCall] {
        self.required_action
            .as_ref()
            .map_or(&[], |action| &action.submit_tool_outputs.tool_calls)
    }
}

impl ToolCall {
    /// Parses the arguments that the model generated.
    ///
    /// # Errors
    ///
    /// If the arguments are not valid JSON or do not match `T`, since models make mistakes.
    pub fn arguments<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(&self.function.arguments)
    }

    /// An output for this call.
    #[must_use]
    pub fn output(&self, output: impl Into<String>) -> ToolOutput {
        ToolOutput::default().tool_call_id(&self.id).output(output)
    }
}
