//! How an answer ends.

/// How an answer ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finish {
    /// Why it ended.
    pub reason: FinishReason,
    /// The tokens it took.
    pub usage: Usage,
}

impl Finish {
    /// An answer that ended for that reason and took that many tokens.
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
    /// `max_completion_tokens` was reached: the run ends as incomplete.
    MaxCompletionTokens,
    /// The prompt is longer than `max_prompt_tokens`: the run ends as incomplete.
    MaxPromptTokens,
}

/// Tokens taken by an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The run was over before the answer was.
    Stopped,
    /// The model failed, and the run with it.
    Failed {
        /// `last_error.code` of the run; the protocol knows `server_error`, `rate_limit_exceeded` and
        /// `invalid_prompt`.
        code: String,
        /// `last_error.message` of the run.
        message: String,
    },
}

impl Failure {
    /// The model failed with that code and message.
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

/// The run is over (cancelled, expired, or its server stops), and nobody wants more of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;
