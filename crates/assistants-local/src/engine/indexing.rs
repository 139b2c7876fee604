//! The thread that indexes files of vector stores, one after the other.
//!
//! What is to be done is what the storage has in status `in_progress`, so nothing is forgotten over a restart.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use assistants_types::openai::{
    File, VectorStoreFile, VectorStoreFileChunking, VectorStoreFileError, VectorStoreFileErrorCode,
    VectorStoreFileStatus,
};

use super::Engine;
use super::stores::end_indexing;
use crate::object::load;
use crate::search::{LARGEST_TEXT, Unreadable, chunks, is_pdf, text_of};
use crate::storage::{Kind, StorageError};

/// How long to wait after a failure of the storage before the files that are left are tried again.
const RETRY: Duration = if cfg!(test) {
    Duration::from_millis(20)
} else {
    Duration::from_secs(5)
};

/// Tells the thread that there may be work.
#[derive(Debug, Default)]
pub(super) struct Bell {
    state: Mutex<State>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct State {
    work: bool,
    closed: bool,
}

impl Bell {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ring(&self) {
        self.lock().work = true;
        self.rung.notify_all();
    }

    /// No more work is begun.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.rung.notify_all();
    }

    fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Waits for work, or no longer than `most`; `false` when there will be none.
    fn wait(&self, most: Option<Duration>) -> bool {
        let idle = |state: &mut State| !state.work && !state.closed;
        let state = self.lock();
        let mut state = match most {
            None => self
                .rung
                .wait_while(state, idle)
                .unwrap_or_else(PoisonError::into_inner),
            Some(most) => {
                let waited = self.rung.wait_timeout_while(state, most, idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.work = false;
        !state.closed
    }
}

/// Works until the bell is closed.
pub(super) fn work(bell: &Arc<Bell>, engine: &Weak<Engine>) {
    let mut again = None;
    while bell.wait(again) {
        let Some(engine) = engine.upgrade() else { return };
        again = match catch_unwind(AssertUnwindSafe(|| engine.index_pending(None))) {
            Ok(Ok(())) => None,
            failed => {
                log::error!("files could not be indexed, which is tried again: {failed:?}");
                Some(RETRY)
            }
        };
    }
}

impl Engine {
    /// Says that files were put into vector stores. Their transaction is over.
    pub(crate) fn index_soon(&self) {
        self.bell.ring();
    }

    /// Indexes the files that wait for it, all of them or those of one vector store.
    pub(super) fn index_pending(&self, store_id: Option<&str>) -> Result<(), StorageError> {
        loop {
            let mut pending = self.storage.transact(|transaction| {
                transaction.tagged(Kind::VectorStoreFile, VectorStoreFileStatus::InProgress.as_str())
            })?;
            pending.retain(|file| store_id.is_none() || file.parent.as_deref() == store_id);
            if pending.is_empty() {
                return Ok(());
            }
            for file in pending {
                if self.bell.is_closed() {
                    return Ok(());
                }
                let indexed = catch_unwind(AssertUnwindSafe(|| self.index(&file.id)));
                if !matches!(indexed, Ok(Ok(()))) {
                    log::error!("{} could not be indexed: {indexed:?}", file.id);
                    let error = failure(
                        VectorStoreFileErrorCode::ServerError,
                        "The server could not index the file.",
                    );
                    self.storage
                        .transact(|transaction| end_indexing(transaction, &file.id, Err(&error)))?;
                }
            }
        }
    }

    fn index(&self, key: &str) -> Result<(), StorageError> {
        let found = self.storage.transact(|transaction| {
            let Some(file) = load::<VectorStoreFile>(transaction, key)? else {
                return Ok::<_, StorageError>(None);
            };
            let Some(named) = load::<File>(transaction, &file.object.id)? else {
                let error = failure(VectorStoreFileErrorCode::ServerError, "The file is gone.");
                end_indexing(transaction, key, Err(&error))?;
                return Ok(None);
            };
            Ok(Some((file.object, named.object.filename)))
        })?;
        let Some((file, name)) = found else { return Ok(()) };
        let text = self.text(&file.id, &name)?;
        if self.bell.is_closed() {
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
            let passages = passages.as_ref().map(Vec::as_slice).map_err(|error| *error);
            end_indexing(transaction, key, passages)
        })
    }

    /// The text of a file, or why it has none.
    fn text(&self, file_id: &str, name: &str) -> Result<Result<String, VectorStoreFileError>, StorageError> {
        let (mut file, length) = self.files.read(file_id)?;
        if length > LARGEST_TEXT {
            let message = format!("Files of more than {LARGEST_TEXT} bytes are not indexed.");
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

fn failure(code: VectorStoreFileErrorCode, message: impl Into<String>) -> VectorStoreFileError {
    VectorStoreFileError {
        code,
        message: message.into(),
        ..VectorStoreFileError::default()
    }
}
