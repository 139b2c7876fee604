//! What the server notes beside a run and does not show as it is.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::history::Detail;
use crate::model::Usage;
use crate::storage::{Document, StorageError};

/// The notes of a run. A run without any has the default ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RunNotes {
    /// What its turns took so far.
    prompt_tokens: u64,
    completion_tokens: u64,
    /// How much of what happens is kept, beyond its result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) history: Option<Detail>,
    /// Old messages are left out of a prompt that is longer than `max_prompt_tokens`.
    pub(crate) fit_prompt: bool,
    /// The vector stores that the run searches, instead of those of its assistant and its thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stores: Option<Vec<String>>,
    /// What the protocol that asked for the run remembers of it.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub(crate) protocol: Value,
}

impl RunNotes {
    /// Notes of a run that keeps `history`, searches `stores` and fits its prompts to their limit.
    pub(crate) fn new(history: Detail, stores: Vec<String>, protocol: Value) -> Self {
        Self {
            stores: Some(stores),
            history: Some(history),
            fit_prompt: true,
            protocol,
            ..Self::default()
        }
    }

    /// The notes beside a run.
    pub(crate) fn of(document: &Document) -> Result<Self, StorageError> {
        let Some(text) = &document.notes else {
            return Ok(Self::default());
        };
        serde_json::from_str(text).map_err(|error| StorageError {
            action: format!(
                "reading the notes of the run {}: what is stored is damaged",
                document.id
            ),
            source: Some(Box::new(error)),
        })
    }

    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("notes have a JSON form")
    }

    /// What all turns so far took.
    pub(crate) fn spent(&self) -> Usage {
        Usage {
            prompt_tokens: self.prompt_tokens,
            completion_tokens: self.completion_tokens,
        }
    }

    /// Adds what a turn took.
    pub(crate) fn spend(&mut self, usage: Usage) {
        self.prompt_tokens = self.prompt_tokens.saturating_add(usage.prompt_tokens);
        self.completion_tokens = self.completion_tokens.saturating_add(usage.completion_tokens);
    }
}
