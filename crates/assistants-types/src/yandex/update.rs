//! Setters of updates that concern a oneof.

use super::{TruncationStrategy, UpdateAssistant};

impl UpdateAssistant {
    /// Sets how the conversation is truncated, without changing the other truncation options.
    #[must_use]
    pub fn truncation_strategy(mut self, strategy: impl Into<TruncationStrategy>) -> Self {
        let strategy = strategy.into();
        self.update_mask
            .add(format!("promptTruncationOptions.{}", strategy.member_name()));
        self.prompt_truncation_options.get_or_insert_default().strategy = Some(strategy);
        self
    }
}
