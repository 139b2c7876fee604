//! The file counts of a vector store, and the status that follows from them.

use assistants_types::openai::{FileCounts, VectorStore, VectorStoreFileStatus, VectorStoreStatus};

use crate::engine::EngineError;

pub(crate) fn counter<'c>(counts: &'c mut FileCounts, status: &VectorStoreFileStatus) -> &'c mut i64 {
    match status {
        VectorStoreFileStatus::Completed => &mut counts.completed,
        VectorStoreFileStatus::Failed => &mut counts.failed,
        VectorStoreFileStatus::Cancelled => &mut counts.cancelled,
        _ => &mut counts.in_progress,
    }
}

pub(crate) fn update_status(store: &mut VectorStore) {
    if store.status != VectorStoreStatus::Expired {
        store.status = if store.file_counts.in_progress > 0 {
            VectorStoreStatus::InProgress
        } else {
            VectorStoreStatus::Completed
        };
    }
}

/// Returns the error of a request that needs a vector store which has expired.
pub(crate) fn expired(store_id: &str) -> EngineError {
    EngineError::state(format!("Vector store '{store_id}' has expired."))
}
