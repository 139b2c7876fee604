//! How an answer ends.

/// How an answer ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finish {
    /// The reason.
    pub reason: FinishReason,
    /// The tokens that were used.
    pub usage: Usage,
}

impl Finish {
    /// Creates a `Finish` from its parts.
    #[must_use]
    pub fn new(reason: FinishReason, usage: Usage) -> Self {
        Self { reason, usage }
    }
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FinishReason {
    /// The answer is complete.
    #[default]
    Stop,
    /// `max_completion_tokens` was reached; the run ends as incomplete.
    MaxCompletionTokens,
    /// The prompt is longer than `max_prompt_tokens`; the run ends as incomplete.
    MaxPromptTokens,
    /// A content filter ended the answer; the run ends as incomplete.
    ContentFilter,
}

/// The tokens used by an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The number of tokens in the prompt.
    pub prompt_tokens: u64,
    /// The number of tokens in the answer.
    pub completion_tokens: u64,
}

/// Why there is no complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The run ended before the answer was complete.
    Stopped,
    /// The model failed, and the run fails with it.
    Failed {
        /// The run's `last_error.code`. The protocol defines `server_error`, `rate_limit_exceeded` and
        /// `invalid_prompt`.
        code: String,
        /// The run's `last_error.message`.
        message: String,
    },
}

impl Failure {
    /// Creates a [`Failure::Failed`].
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Failed {
            code: code.into(),
            message: message.into(),
        }
    }
}

impl From<Stopped> for Failure {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// The run has ended (it was cancelled, has expired, or the server is stopping), and the rest of the answer is not
/// needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;
