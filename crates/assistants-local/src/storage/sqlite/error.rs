//! Converts errors of SQLite.

use rusqlite::ErrorCode;

use crate::storage::StorageError;

pub(crate) fn failure(action: &str, error: rusqlite::Error) -> StorageError {
    let hint = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => ": the disk is full",
        Some(ErrorCode::ReadOnly) => ": the database cannot be written to",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ": another process uses the database",
        Some(ErrorCode::CannotOpen) => ": the file cannot be opened",
        Some(ErrorCode::NotADatabase) => ": the file is not a database",
        Some(ErrorCode::DatabaseCorrupt) => ": the database is damaged",
        Some(ErrorCode::SystemIoFailure) => ": the disk reported an error",
        _ => "",
    };
    StorageError {
        action: format!("{action}{hint}"),
        source: Some(Box::new(error)),
    }
}
