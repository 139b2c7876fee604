//! Run steps: the calls in them.

use super::{RunStep, StepDetails, StepToolCall};

impl RunStep {
    /// The tool calls of the step; empty when the step writes a message.
    #[must_use]
    pub fn tool_calls(&self) -> &[StepToolCall] {
        match &self.step_details {
            StepDetails::ToolCalls(details) => &details.tool_calls,
            _ => &[],
        }
    }

    /// The id of the message that the step writes, if it writes one.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        match &self.step_details {
            StepDetails::MessageCreation(details) => Some(&details.message_creation.message_id),
            _ => None,
        }
    }
}
