//! The threads that index files of vector stores.
//!
//! What is to be done is what the storage has in status `in_progress`, so nothing is forgotten over a restart. A file has
//! one indexer at a time; runs that search it wait for that one. A file that is attached again while it is indexed is
//! indexed again: what came of the first attachment is dropped.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::Duration;

use assistants_types::openai::{
    File, VectorStoreFile, VectorStoreFileChunking, VectorStoreFileError, VectorStoreFileErrorCode,
    VectorStoreFileStatus,
};

use super::files::end_indexing;
use super::index_queue::IndexQueue;
use crate::engine::Engine;
use crate::model::Stop;
use crate::search::{MAX_TEXT, Unreadable, chunks, is_pdf, text_of};
use crate::storage::document::{Stored, load};
use crate::storage::{Kind, List, Order, StorageError, Transaction, work_in_background};

/// How many files are indexed at a time.
pub(crate) const INDEXERS: usize = 2;

/// How long to wait after a failure of the storage before the files that are left are tried again: at first, and at most.
/// In between the wait doubles each time.
const INITIAL_WAIT: Duration = Duration::from_millis(100);

const MAX_WAIT: Duration = Duration::from_secs(5);

/// How long a run that waits for files goes without a look at them. It is woken when one of them is done; only what
/// happens to them otherwise, such as that they are deleted, is found this way.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Works until the indexing is closed.
pub(crate) fn work(indexing: &IndexQueue, engine: &Weak<Engine>) {
    work_in_background();
    let mut failed: Option<Duration> = None;
    while indexing.wait(failed) {
        let Some(engine) = engine.upgrade() else { return };
        failed = match catch_unwind(AssertUnwindSafe(|| engine.index_pending())) {
            Ok(Ok(())) => None,
            error => {
                let wait = failed.map_or(INITIAL_WAIT, |wait| (wait * 2).min(MAX_WAIT));
                log::error!("files could not be indexed, which is tried again in {wait:?}: {error:?}");
                Some(wait)
            }
        };
    }
}

impl Engine {
    /// Says that files were put into vector stores. Their transaction is over.
    pub(crate) fn index_soon(&self) {
        self.indexing.notify();
    }

    /// Waits until no file of these vector stores is to be indexed any more, or until `stop` is set.
    pub(crate) fn wait_for_files(&self, store_ids: Vec<String>, stop: &Arc<Stop>) -> Result<(), StorageError> {
        let _waits = self.indexing.begin_waiting(store_ids.clone(), stop);
        self.indexing.notify();
        loop {
            let nudges = stop.nudges();
            let is_pending = self.storage.transact(|transaction| {
                for store_id in &store_ids {
                    if has_pending(transaction, store_id)? {
                        return Ok(true);
                    }
                }
                Ok::<_, StorageError>(false)
            })?;
            if !is_pending || stop.wait_for_nudge(nudges, LOOK_AGAIN) {
                return Ok(());
            }
        }
    }

    /// Indexes all files that wait for it and that nobody else indexes.
    fn index_pending(&self) -> Result<(), StorageError> {
        loop {
            let (waited, is_prioritized) = self.indexing.prioritized();
            let mut pending = self.storage.transact(|transaction| {
                transaction.tagged(Kind::VectorStoreFile, VectorStoreFileStatus::InProgress.as_str())
            })?;
            pending.sort_by_key(|file| !is_prioritized(file));
            let is_work_for_others = pending.len() > 1;
            let mut has_worked = false;
            for file in pending {
                if self.indexing.is_closed() {
                    return Ok(());
                }
                let Some(claim) = self.indexing.claim(&file) else {
                    continue;
                };
                if !has_worked && is_work_for_others {
                    self.indexing.notify();
                }
                has_worked = true;
                self.index_or_fail(&claim.key)?;
                drop(claim);
                if self.indexing.waited() != waited {
                    break;
                }
            }
            if !has_worked {
                return Ok(());
            }
        }
    }

    fn index_or_fail(&self, key: &str) -> Result<(), StorageError> {
        let indexed = catch_unwind(AssertUnwindSafe(|| self.index(key)));
        if matches!(indexed, Ok(Ok(()))) {
            return Ok(());
        }
        log::error!("{key} could not be indexed: {indexed:?}");
        let error = failure(
            VectorStoreFileErrorCode::ServerError,
            "The server could not index the file.",
        );
        self.storage
            .transact(|transaction| end_indexing(transaction, key, Err(&error)))
    }

    fn index(&self, key: &str) -> Result<(), StorageError> {
        let found = self.storage.transact(|transaction| {
            let Some(file) = load::<VectorStoreFile>(transaction, key)? else {
                return Ok::<_, StorageError>(None);
            };
            if file.object.status != VectorStoreFileStatus::InProgress {
                return Ok(None);
            }
            let attachment = attachment(transaction, &file.object)?;
            let Some(named) = load::<File>(transaction, &file.object.id)? else {
                let error = failure(VectorStoreFileErrorCode::ServerError, "The file is gone.");
                end_indexing(transaction, key, Err(&error))?;
                return Ok(None);
            };
            Ok(Some((file.object, attachment, named.object.filename)))
        })?;
        let Some((file, begun, name)) = found else {
            return Ok(());
        };
        let text = self.text(&file.id, &name)?;
        if self.indexing.is_closed() {
            // Perhaps the text is none because of that. The next start takes the file up again.
            return Ok(());
        }
        let (size, overlap) = match &file.chunking_strategy {
            Some(VectorStoreFileChunking::Static(chunking)) => {
                let tokens = |count: i64| usize::try_from(count).unwrap_or_default();
                let sizes = &chunking.static_;
                (tokens(sizes.max_chunk_size_tokens), tokens(sizes.chunk_overlap_tokens))
            }
            _ => (800, 400),
        };
        let passages = text.as_ref().map(|text| chunks(text, size, overlap));
        self.storage.transact(|transaction| {
            if attachment(transaction, &file)? != begun {
                // It was attached again, perhaps with other sizes: it still waits to be indexed.
                return Ok(());
            }
            let passages = passages.as_ref().map(Vec::as_slice).map_err(|error| *error);
            end_indexing(transaction, key, passages)
        })
    }

    /// The text of a file, or why it has none.
    pub(crate) fn text(&self, file_id: &str, name: &str) -> Result<Result<String, VectorStoreFileError>, StorageError> {
        let (mut file, length) = self.files.read(file_id)?;
        if length > MAX_TEXT {
            let message = format!("Files of more than {MAX_TEXT} bytes are not indexed.");
            return Ok(Err(failure(VectorStoreFileErrorCode::InvalidFile, message)));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        file.read_to_end(&mut bytes).map_err(|error| StorageError {
            action: format!("reading the bytes of {file_id}"),
            source: Some(Box::new(error)),
        })?;
        let text = match &self.pdf_reader {
            Some(reader) if is_pdf(name, &bytes) => reader.text_of(&self.files.path(file_id))?,
            _ => text_of(name, bytes),
        };
        Ok(text.map_err(|unreadable| match unreadable {
            Unreadable::Unsupported(message) => failure(VectorStoreFileErrorCode::UnsupportedFile, message),
            Unreadable::Invalid(message) => failure(VectorStoreFileErrorCode::InvalidFile, message),
        }))
    }
}

/// What tells one attachment of a file to a vector store from the next.
fn attachment(transaction: &dyn Transaction, file: &VectorStoreFile) -> Result<Option<i64>, StorageError> {
    transaction.sequence(Kind::VectorStoreFile, Some(&file.vector_store_id), &file.key())
}

/// Whether a vector store has files that wait to be indexed.
fn has_pending(transaction: &dyn Transaction, store_id: &str) -> Result<bool, StorageError> {
    let list = List {
        kind: Kind::VectorStoreFile,
        parent: Some(store_id),
        tag: Some(VectorStoreFileStatus::InProgress.as_str()),
        order: Order::Ascending,
        after: None,
        before: None,
        limit: 1,
    };
    Ok(!transaction.list(&list)?.documents.is_empty())
}

fn failure(code: VectorStoreFileErrorCode, message: impl Into<String>) -> VectorStoreFileError {
    VectorStoreFileError {
        code,
        message: message.into(),
        ..VectorStoreFileError::default()
    }
}
