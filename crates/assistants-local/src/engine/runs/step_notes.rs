//! Data that the server stores with a step of calls and never sends.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{GeneratedFile, Usage};
use crate::storage::{Document, StorageError};

/// The notes of a step that calls functions or executes code. A step without notes has the default ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct StepNotes {
    /// The tokens used by the answer. The protocol shows them only when the step has ended.
    prompt_tokens: u64,
    completion_tokens: u64,
    /// What the model wants to see again together with the outputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<Value>,
    /// How many steps the run had when it began to wait for the outputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) steps: Option<usize>,
    /// The files that code has created.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) files: Vec<GeneratedFile>,
}

impl StepNotes {
    pub(super) fn new(usage: Usage, state: Option<Value>, steps: usize) -> Self {
        Self {
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            state,
            steps: Some(steps),
            files: Vec::new(),
        }
    }

    /// Creates the notes of a step that has executed code.
    pub(super) fn of_code(files: Vec<GeneratedFile>) -> Self {
        Self {
            files,
            ..Self::default()
        }
    }

    /// Parses the notes of a step; `None` if it has none.
    pub(super) fn of(document: &Document) -> Result<Option<Self>, StorageError> {
        let Some(text) = &document.notes else {
            return Ok(None);
        };
        serde_json::from_str(text).map(Some).map_err(|error| StorageError {
            action: format!(
                "reading the notes of the step {}: the stored data is damaged",
                document.id
            ),
            source: Some(Box::new(error)),
        })
    }

    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("notes have a JSON form")
    }

    pub(super) fn usage(&self) -> Usage {
        Usage {
            prompt_tokens: self.prompt_tokens,
            completion_tokens: self.completion_tokens,
        }
    }
}
