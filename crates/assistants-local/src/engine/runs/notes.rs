//! Data that the server stores with a run and does not send as it is.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::history::Detail;
use crate::model::Usage;
use crate::storage::{Document, StorageError};

/// The notes of a run. A run without notes has the default ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RunNotes {
    /// The tokens used by the turns so far.
    prompt_tokens: u64,
    completion_tokens: u64,
    /// How much of the run's history is stored; `None` to store only the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) history: Option<Detail>,
    /// Drop old messages from a prompt that is longer than `max_prompt_tokens`.
    pub(crate) fit_prompt: bool,
    /// The vector stores that the run searches instead of those of its assistant and thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stores: Option<Vec<String>>,
    /// How much a reasoning model should reason; the run itself does not show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning_effort: Option<String>,
    /// Data of the protocol over which the run was created.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub(crate) protocol: Value,
}

impl RunNotes {
    /// Creates the notes of a run that stores `history`, searches `stores`, and drops old messages from prompts that
    /// are too long.
    pub(crate) fn new(history: Detail, stores: Vec<String>, protocol: Value) -> Self {
        Self {
            stores: Some(stores),
            history: Some(history),
            fit_prompt: true,
            protocol,
            ..Self::default()
        }
    }

    /// Parses the notes of a run.
    pub(crate) fn of(document: &Document) -> Result<Self, StorageError> {
        let Some(text) = &document.notes else {
            return Ok(Self::default());
        };
        serde_json::from_str(text).map_err(|error| StorageError {
            action: format!(
                "reading the notes of the run {}: the stored data is damaged",
                document.id
            ),
            source: Some(Box::new(error)),
        })
    }

    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("notes have a JSON form")
    }

    /// Returns the tokens used by all turns so far.
    pub(crate) fn spent(&self) -> Usage {
        Usage {
            prompt_tokens: self.prompt_tokens,
            completion_tokens: self.completion_tokens,
        }
    }

    /// Adds the tokens used by a turn.
    pub(crate) fn spend(&mut self, usage: Usage) {
        self.prompt_tokens = self.prompt_tokens.saturating_add(usage.prompt_tokens);
        self.completion_tokens = self.completion_tokens.saturating_add(usage.completion_tokens);
    }
}
