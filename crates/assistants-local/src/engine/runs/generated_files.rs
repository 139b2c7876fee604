//! The files that code has created in a thread.

use std::collections::BTreeMap;

use assistants_types::openai::Run;

use super::records::steps;
use super::step_notes::StepNotes;
use crate::model::GeneratedFile;
use crate::storage::object::Loaded;
use crate::storage::{Kind, List, Order, StorageError, Transaction};

/// The ids of the files by their names; of files with the same name, that of the newest.
#[derive(Debug, Default)]
pub(crate) struct GeneratedFiles(BTreeMap<String, String>);

impl GeneratedFiles {
    /// Returns the files that the runs of a thread have created.
    pub(super) fn of_thread(transaction: &dyn Transaction, thread_id: &str) -> Result<Self, StorageError> {
        let list = List {
            kind: Kind::Run,
            parent: Some(thread_id),
            tag: None,
            order: Order::Ascending,
            after: None,
            before: None,
            limit: usize::MAX,
        };
        let mut files = Self::default();
        for document in transaction.list(&list)?.documents {
            let run = Loaded::<Run>::parse(document)?;
            for step in steps(transaction, &run.object.id, None)? {
                if let Some(notes) = StepNotes::of(&step.document)? {
                    files.add(&notes.files);
                }
            }
        }
        Ok(files)
    }

    pub(super) fn add(&mut self, files: &[GeneratedFile]) {
        for file in files {
            self.0.insert(file.name.clone(), file.file_id.clone());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the names with the ids.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, id)| (name.as_str(), id.as_str()))
    }
}
