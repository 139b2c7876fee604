//! Why answers end, as states.

use super::ChatFinishReason;

/// How far an answer has come: what Yandex' own client calls the status of an alternative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChatStatus {
    /// It is still being written: no reason to end was given.
    Partial,
    /// It is complete (`stop`).
    Final,
    /// It has as many tokens as it may have (`length`).
    TruncatedFinal,
    /// A filter cut it off (`content_filter`).
    ContentFilter,
    /// The model waits for the outputs of tools (`tool_calls`, and `function_call` of old).
    ToolCalls,
    /// It had ended before; only the tokens that it took are told. In streams.
    Usage,
    /// It ended for a reason newer than this crate; `finish_reason` has its name.
    Unknown,
}

impl ChatFinishReason {
    /// The state that an answer is in which ended for this reason. Servers differ in upper and lower case, which is
    /// not looked at.
    #[must_use]
    pub fn status(&self) -> ChatStatus {
        match self.as_str().to_ascii_lowercase().as_str() {
            "" => ChatStatus::Partial,
            "stop" => ChatStatus::Final,
            "length" => ChatStatus::TruncatedFinal,
            "content_filter" => ChatStatus::ContentFilter,
            "tool_calls" | "function_call" => ChatStatus::ToolCalls,
            _ => ChatStatus::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_states_in_any_case() {
        for (reason, want) in [
            ("stop", ChatStatus::Final),
            ("STOP", ChatStatus::Final),
            ("length", ChatStatus::TruncatedFinal),
            ("Content_Filter", ChatStatus::ContentFilter),
            ("tool_calls", ChatStatus::ToolCalls),
            ("function_call", ChatStatus::ToolCalls),
            ("", ChatStatus::Partial),
            ("bored", ChatStatus::Unknown),
        ] {
            assert_eq!(ChatFinishReason::from(reason).status(), want, "{reason}");
        }
    }
}
