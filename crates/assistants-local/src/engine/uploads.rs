//! Ends uploads.

use assistants_types::openai::{Upload, UploadStatus};

use super::Engine;
use crate::storage::object::{Loaded, load};
use crate::storage::{Kind, List, Order, StorageError, Transaction};

/// How long an upload that was cancelled or has expired can still be retrieved, in seconds.
const ENDED_KEPT: i64 = 24 * 60 * 60;

impl Engine {
    /// Ends an upload without a file, and deletes its parts. `now` is the Unix time in seconds.
    pub(crate) fn end_upload(
        &self,
        transaction: &dyn Transaction,
        upload: &mut Loaded<Upload>,
        status: UploadStatus,
        now: i64,
    ) -> Result<(), StorageError> {
        upload.object.status = status;
        upload.save(transaction)?;
        delete_parts(transaction, &upload.object.id, now)?;
        self.expires(transaction, Kind::Upload, &upload.object.id, now + ENDED_KEPT)
    }

    /// Ends a pending upload that has expired, or deletes one that has ended.
    pub(super) fn expire_upload(&self, transaction: &dyn Transaction, id: &str, now: i64) -> Result<(), StorageError> {
        match load::<Upload>(transaction, id)? {
            Some(mut upload) if upload.object.status == UploadStatus::Pending => {
                self.end_upload(transaction, &mut upload, UploadStatus::Expired, now)
            }
            _ => transaction.delete(Kind::Upload, id, now).map(|_| ()),
        }
    }
}

/// Deletes the parts of an upload. The caller removes their bytes after the commit.
pub(crate) fn delete_parts(transaction: &dyn Transaction, upload_id: &str, now: i64) -> Result<(), StorageError> {
    let list = List {
        kind: Kind::UploadPart,
        parent: Some(upload_id),
        tag: None,
        order: Order::Ascending,
        after: None,
        before: None,
        limit: usize::MAX,
    };
    for part in transaction.list(&list)?.documents {
        transaction.delete(Kind::UploadPart, &part.id, now)?;
    }
    Ok(())
}
