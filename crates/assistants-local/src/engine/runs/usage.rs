//! Token usage, in the form of the protocol and in that of notes.

use crate::model;
use crate::storage::StorageError;

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

/// Serializes usage for the notes of a step that waits for tool outputs. The protocol shows it only when the step has
/// ended.
pub(super) fn write_usage(usage: model::Usage) -> String {
    format!("{} {}", usage.prompt_tokens, usage.completion_tokens)
}

pub(super) fn read_usage(notes: &str) -> Result<model::Usage, StorageError> {
    let numbers = notes.split_once(' ').and_then(|(prompt, completion)| {
        Some(model::Usage {
            prompt_tokens: prompt.parse().ok()?,
            completion_tokens: completion.parse().ok()?,
        })
    });
    numbers.ok_or_else(|| StorageError {
        action: "reading the usage of a run step: the stored data is damaged".to_owned(),
        source: None,
    })
}
