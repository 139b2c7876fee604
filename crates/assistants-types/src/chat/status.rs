//! Status of answers, derived from their finish reasons.

use super::ChatFinishReason;

/// Status of an answer. Yandex's own client calls it the status of an alternative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChatStatus {
    /// The answer is being written: it has no finish reason yet.
    Partial,
    /// The answer is complete (`stop`).
    Final,
    /// The token limit was reached (`length`).
    TruncatedFinal,
    /// A content filter stopped the answer (`content_filter`).
    ContentFilter,
    /// The model is waiting for tool outputs (`tool_calls`, or the deprecated `function_call`).
    ToolCalls,
    /// The answer had already ended; only the token usage is reported. Occurs in streams only.
    Usage,
    /// The answer ended for a reason that this crate does not know; see `finish_reason`.
    Unknown,
}

impl ChatFinishReason {
    /// The status of an answer with this finish reason, which is compared without regard to case because servers
    /// differ.
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
    fn finish_reasons_are_compared_without_case() {
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
