//! Status and result of runs.

use super::{ContentUsage, Error, FunctionCall, Message, Run, RunState, RunStatus, ToolCall};

impl RunStatus {
    /// Whether the run is pending or in progress, rather than ended or waiting for tool results.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Pending | Self::InProgress)
    }

    /// Whether the run completed with a message, or is waiting for the results of tool calls.
    #[must_use]
    pub fn is_succeeded(&self) -> bool {
        matches!(self, Self::Completed | Self::ToolCalls)
    }

    /// Whether the run failed.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed)
    }

    /// Whether the run has ended. A run that is waiting for tool results has not.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

impl RunState {
    /// The tool calls that the run is waiting for; empty in all other states.
    #[must_use]
    pub fn tool_calls(&self) -> &[ToolCall] {
        self.as_tool_call_list().map_or(&[], |list| &list.tool_calls)
    }
}

impl Run {
    /// The status; [`RunStatus::Unspecified`] if the server omitted it.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        self.state
            .as_ref()
            .map(|state| state.status.clone())
            .unwrap_or_default()
    }

    /// The tool calls that the run is waiting for; empty in all other states.
    #[must_use]
    pub fn tool_calls(&self) -> &[ToolCall] {
        self.state.as_ref().map_or(&[], RunState::tool_calls)
    }

    /// The function calls that the run is waiting for.
    pub fn function_calls(&self) -> impl Iterator<Item = &FunctionCall> {
        self.tool_calls().iter().filter_map(ToolCall::as_function_call)
    }

    /// Token usage; `None` before the run ends or waits for tool results.
    #[must_use]
    pub fn usage(&self) -> Option<&ContentUsage> {
        self.usage.as_ref()
    }

    /// The final message of the run.
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        self.state.as_ref()?.as_completed_message()
    }

    /// The text of the final message; `None` before the run completes.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        self.message().map(Message::text)
    }

    /// Why the run failed.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.state.as_ref()?.as_error()
    }
}
