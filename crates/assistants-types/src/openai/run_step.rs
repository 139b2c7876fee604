//! Tool calls and messages of run steps.

use super::{RunStep, StepDetails, StepToolCall};

impl RunStep {
    /// The tool calls of the step; empty if the step creates a message.
    #[must_use]
    pub fn tool_calls(&self) -> &[StepToolCall] {
        match &self.step_details {
            StepDetails::ToolCalls(details) => &details.tool_calls,
            _ => &[],
        }
    }

    /// The identifier of the message that the step creates, if it creates one.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        match &self.step_details {
            StepDetails::MessageCreation(details) => Some(&details.message_creation.message_id),
            _ => None,
        }
    }
}
