//! How far a run is.

use super::{ContentUsage, Error, FunctionCall, Message, Run, RunState, RunStatus, ToolCall};

impl RunStatus {
    /// Whether the run has not come to an end or to a wait for tool results.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Pending | Self::InProgress)
    }

    /// Whether the run came to a message, or to tool calls that wait for their results.
    #[must_use]
    pub fn is_succeeded(&self) -> bool {
        matches!(self, Self::Completed | Self::ToolCalls)
    }

    /// Whether the run ended with an error.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed)
    }

    /// Whether nothing more happens to the run by itself or by submitted results.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

impl RunState {
    /// The calls it waits for; empty in any other state.
    #[must_use]
    pub fn tool_calls(&self) -> &[ToolCall] {
        self.as_tool_call_list().map_or(&[], |list| &list.tool_calls)
    }
}

impl Run {
    /// How far it is; [`RunStatus::Unspecified`] if the server did not say.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        self.state
            .as_ref()
            .map(|state| state.status.clone())
            .unwrap_or_default()
    }

    /// The calls it waits for; empty in any other state.
    #[must_use]
    pub fn tool_calls(&self) -> &[ToolCall] {
        self.state.as_ref().map_or(&[], RunState::tool_calls)
    }

    /// The calls of functions it waits for.
    pub fn function_calls(&self) -> impl Iterator<Item = &FunctionCall> {
        self.tool_calls().iter().filter_map(ToolCall::as_function_call)
    }

    /// Tokens it used; `None` before it ends or waits.
    #[must_use]
    pub fn usage(&self) -> Option<&ContentUsage> {
        self.usage.as_ref()
    }

    /// The message it ended with.
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        self.state.as_ref()?.as_completed_message()
    }

    /// The text of the message it ended with; `None` before that.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        self.message().map(Message::text)
    }

    /// Why it failed.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.state.as_ref()?.as_error()
    }
}
