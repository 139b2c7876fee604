//! The threads that index files of vector stores.
//!
//! The work to do is whatever has the status `in_progress` in the storage, so a restart loses nothing. A file is
//! indexed by one thread at a time, and runs that search it wait for that thread. If a file is attached again while it
//! is being indexed, the result is dropped and the file is indexed again.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use assistants_types::openai::{
    File, VectorStoreFile, VectorStoreFileChunking, VectorStoreFileError, VectorStoreFileErrorCode,
    VectorStoreFileStatus,
};

use super::files::{Contents, end_indexing};
use super::index_queue::IndexQueue;
use super::query_vectors::vectors_of;
use crate::engine::Engine;
use crate::model::Stop;
use crate::search::{MAX_TEXT, Unreadable, Vector, chunks, is_pdf, text_of};
use crate::storage::object::{Stored, load};
use crate::storage::{Kind, List, Order, StorageError, Transaction, work_in_background};

/// The number of threads.
pub(crate) const INDEXERS: usize = 2;

/// The first and the maximum pause after a failure of the storage. The pause doubles with each further failure.
const INITIAL_WAIT: Duration = Duration::from_millis(100);

const MAX_WAIT: Duration = Duration::from_secs(5);

/// How often a waiting run checks its files. It is woken when one of them has been indexed; checking finds other
/// changes, such as a deletion.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The body of a thread, which runs until the indexing is closed.
pub(crate) fn work(indexing: &IndexQueue, engine: &Weak<Engine>) {
    work_in_background();
    let mut failed: Option<Duration> = None;
    while indexing.wait(failed) {
        let Some(engine) = engine.upgrade() else { return };
        failed = match catch_unwind(AssertUnwindSafe(|| engine.index_pending())) {
            Ok(Ok(())) => None,
            error => {
                let wait = failed.map_or(INITIAL_WAIT, |wait| (wait * 2).min(MAX_WAIT));
                log::error!("indexing failed, retrying in {wait:?}: {error:?}");
                Some(wait)
            }
        };
    }
}

impl Engine {
    /// Reports that files were added to vector stores, after the commit.
    pub(crate) fn index_soon(&self) {
        self.indexing.notify();
    }

    /// Waits until no file of these vector stores remains to be indexed, or until `stop` is set, at most for `longest`. Returns
    /// `false` if that has passed.
    pub(crate) fn wait_for_files(
        &self,
        store_ids: Vec<String>,
        stop: &Arc<Stop>,
        longest: Duration,
    ) -> Result<bool, StorageError> {
        let begun = Instant::now();
        let _waits = self.indexing.begin_waiting(store_ids.clone(), stop);
        self.indexing.notify();
        loop {
            let nudges = stop.nudges();
            let is_pending = self.storage.read(|transaction| {
                for store_id in &store_ids {
                    if has_pending(transaction, store_id)? {
                        return Ok(true);
                    }
                }
                Ok::<_, StorageError>(false)
            })?;
            let left = longest.saturating_sub(begun.elapsed());
            if is_pending && left.is_zero() {
                return Ok(false);
            }
            if !is_pending || stop.wait_for_nudge(nudges, LOOK_AGAIN.min(left)) {
                return Ok(true);
            }
        }
    }

    /// Indexes all files that are pending and not reserved by another thread.
    fn index_pending(&self) -> Result<(), StorageError> {
        loop {
            let (waited, is_prioritized) = self.indexing.prioritized();
            let mut pending = self.storage.read(|transaction| {
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
                let error = failure(VectorStoreFileErrorCode::ServerError, "The file no longer exists.");
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
            // Stopping ends the PDF reader, so the text may be incomplete or missing. The next start indexes the file
            // again.
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
        let contents = text.as_ref().map_err(Clone::clone).and_then(|text| {
            let passages = chunks(text, size, overlap);
            let vectors = self.vectors_of(&passages)?;
            Ok((passages, vectors))
        });
        if self.indexing.is_closed() {
            // The vectors may be incomplete.
            return Ok(());
        }
        let model = self.embedder.as_ref().map_or("", |embedder| embedder.model());
        self.storage.transact(|transaction| {
            if attachment(transaction, &file)? != begun {
                // The file was attached again, perhaps with other sizes, and is still to be indexed.
                return Ok(());
            }
            let contents = contents.as_ref().map(|(passages, vectors)| Contents {
                passages,
                vectors,
                model,
            });
            end_indexing(transaction, key, contents)
        })
    }

    /// Computes the vectors of the passages of a file; none without an embedder.
    fn vectors_of(&self, passages: &[&str]) -> Result<Vec<Vector>, VectorStoreFileError> {
        match &self.embedder {
            Some(embedder) => vectors_of(embedder, passages, || self.indexing.is_closed()),
            None => Ok(Vec::new()),
        }
    }

    /// Extracts the text of a file. The inner error says why it has none.
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

/// Returns a number that changes whenever the file is attached to the vector store again.
fn attachment(transaction: &dyn Transaction, file: &VectorStoreFile) -> Result<Option<i64>, StorageError> {
    transaction.sequence(Kind::VectorStoreFile, Some(&file.vector_store_id), &file.key())
}

/// Returns whether a vector store has files that are still to be indexed.
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
