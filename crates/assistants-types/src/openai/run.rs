//! Runs: what their status means, and the calls they wait for.

use serde::de::DeserializeOwned;

use super::{Run, RunStatus, ToolCall, ToolOutput};

impl RunStatus {
    /// Whether the run has ended for good: cancelled, failed, completed, incomplete or expired.
    ///
    /// A run that waits for tool outputs has not ended. A status newer than this crate counts as not ended.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(
            self,
            Self::Cancelled | Self::Failed | Self::Completed | Self::Incomplete | Self::Expired
        )
    }

    /// Whether the server works on the run, so that waiting for it makes sense: queued, in progress or cancelling.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Queued | Self::InProgress | Self::Cancelling)
    }
}

impl Run {
    /// The function calls that the run waits for; empty unless its status is `requires_action`.
    #[must_use]
    pub fn tool_calls(&self) -> &[ToolCall] {
        self.required_action
            .as_ref()
            .map_or(&[], |action| &action.submit_tool_outputs.tool_calls)
    }
}

impl ToolCall {
    /// The arguments that the model chose, parsed.
    ///
    /// # Errors
    ///
    /// When they are not JSON or do not fit `T`: models make mistakes.
    pub fn arguments<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(&self.function.arguments)
    }

    /// The answer to this call.
    #[must_use]
    pub fn output(&self, output: impl Into<String>) -> ToolOutput {
        ToolOutput::default().tool_call_id(&self.id).output(output)
    }
}
