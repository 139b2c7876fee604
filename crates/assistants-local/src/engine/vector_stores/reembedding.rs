//! The thread that computes missing vectors: those of files that were indexed without an embedder, or with another model.
//!
//! Until a vector store has all its vectors, it is searched by words.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use super::embedding_thread::EmbeddingThread;
use crate::embeddings::{Embedder, MAX_TEXTS};
use crate::engine::Engine;
use crate::storage::{StorageError, WithoutVectors, work_in_background};

/// The first and the maximum pause after a failure. The pause doubles with each further failure.
const INITIAL_WAIT: Duration = Duration::from_secs(1);

const MAX_WAIT: Duration = Duration::from_secs(300);

/// Starts the thread, which begins with all vector stores.
pub(crate) fn start(engine: &Arc<Engine>) -> Result<EmbeddingThread, StorageError> {
    let (wake, woken) = sync_channel(1);
    let weak = Arc::downgrade(engine);
    let thread = thread::Builder::new()
        .name("embedding".to_owned())
        .spawn(move || work(&woken, &weak));
    let thread = thread.map_err(|error| StorageError {
        action: "starting the thread that computes vectors".to_owned(),
        source: Some(Box::new(error)),
    })?;
    Ok(EmbeddingThread::new(wake, thread))
}

fn work(woken: &Receiver<()>, engine: &Weak<Engine>) {
    work_in_background();
    let mut failed: Option<Duration> = None;
    loop {
        let Some(engine) = engine.upgrade() else { return };
        let Some(embedder) = engine.embedder.clone() else {
            return;
        };
        failed = match catch_unwind(AssertUnwindSafe(|| engine.embed_missing(&embedder))) {
            Ok(Ok(())) => None,
            _ if engine.indexing.is_closed() => return,
            error => {
                let wait = failed.map_or(INITIAL_WAIT, |wait| (wait * 2).min(MAX_WAIT));
                log::warn!("missing vectors could not be computed, retrying in {wait:?}: {error:?}");
                Some(wait)
            }
        };
        drop(engine);
        let wakes = match failed {
            Some(wait) => woken.recv_timeout(wait) != Err(RecvTimeoutError::Disconnected),
            None => woken.recv().is_ok(),
        };
        if !wakes {
            return;
        }
    }
}

impl Engine {
    /// Reports that a vector store lacks vectors.
    pub(super) fn reembed_soon(&self) {
        let reembedding = self.reembedding.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reembedding) = &*reembedding {
            reembedding.wake();
        }
    }

    fn embed_missing(&self, embedder: &Embedder) -> Result<(), Box<dyn Error>> {
        let collections = self.storage.read(|transaction| transaction.collections())?;
        for collection in collections {
            let count = self.embed_collection(embedder, &collection)?;
            if count > 0 {
                log::info!(
                    "computed the vectors of {count} passages of {collection}, with {}",
                    embedder.model()
                );
            }
        }
        Ok(())
    }

    /// Computes the missing vectors of a collection, and returns their number.
    fn embed_collection(&self, embedder: &Embedder, collection: &str) -> Result<usize, Box<dyn Error>> {
        let mut count = 0;
        let mut after = 0;
        while !self.indexing.is_closed() {
            let passages = self.storage.read(|transaction| {
                transaction.without_vectors(&WithoutVectors {
                    collection,
                    model: embedder.model(),
                    dimensions: embedder.dimensions(),
                    after,
                    limit: MAX_TEXTS,
                })
            })?;
            let texts: Vec<&str> = passages.iter().map(|passage| passage.text.as_str()).collect();
            let texts = &texts[..Embedder::batch(&texts)];
            let Some(last) = texts.len().checked_sub(1) else {
                break;
            };
            let vectors = embedder.embed(texts)?;
            self.storage.transact(|transaction| {
                let mut pairs = passages.iter().zip(&vectors);
                pairs.try_for_each(|(passage, vector)| transaction.replace_vector(passage, embedder.model(), vector))
            })?;
            after = passages[last].id;
            count += texts.len();
        }
        Ok(count)
    }
}
