//! Data of stream events.

use super::{Error, EventType, FunctionCall, Message, MessageContent, StreamEvent, StreamEventData, ToolCall};

impl EventType {
    /// Whether this is the last event of its run.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Done | Self::Error)
    }
}

impl StreamEvent {
    /// The number of the event within its run, from 0.
    #[must_use]
    pub fn index(&self) -> i64 {
        self.stream_cursor.as_ref().map_or(0, |cursor| cursor.current_event_idx)
    }

    /// The complete text so far; `None` for an event without text.
    ///
    /// Each event repeats the text of the previous ones. To print text as it arrives, print only the new part.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        self.content().map(MessageContent::to_text)
    }

    /// The content of the partial or final message.
    #[must_use]
    pub fn content(&self) -> Option<&MessageContent> {
        match &self.data {
            Some(StreamEventData::PartialMessage(content)) => Some(content),
            Some(StreamEventData::CompletedMessage(message)) => message.content.as_ref(),
            _ => None,
        }
    }

    /// The final message of the run.
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        self.as_completed_message()
    }

    /// The tool calls that the run is waiting for; empty for all other events.
    #[must_use]
    pub fn tool_calls(&self) -> &[ToolCall] {
        self.as_tool_call_list().map_or(&[], |list| &list.tool_calls)
    }

    /// The function calls that the run is waiting for.
    pub fn function_calls(&self) -> impl Iterator<Item = &FunctionCall> {
        self.tool_calls().iter().filter_map(ToolCall::as_function_call)
    }

    /// Why the run failed.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.as_error()
    }
}
