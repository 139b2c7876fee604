//! Token usage, in the form of the protocol.

use crate::model;

/// Converts usage to the protocol's type.
pub(super) fn wire_usage(usage: model::Usage) -> assistants_types::openai::Usage {
    let signed = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
    assistants_types::openai::Usage {
        prompt_tokens: signed(usage.prompt_tokens),
        completion_tokens: signed(usage.completion_tokens),
        total_tokens: signed(usage.prompt_tokens.saturating_add(usage.completion_tokens)),
        ..assistants_types::openai::Usage::default()
    }
}
