//! Locates and opens the database that a function works on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::storage::sqlite::{failure, open_file, schema};
use crate::storage::{StorageError, private};

/// Returns the canonical path of an existing database.
pub(crate) fn existing(database: &Path) -> Result<PathBuf, StorageError> {
    let path = real_path(database)?;
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => Ok(path),
        _ => Err(refuse(format!("there is no database {}", database.display()))),
    }
}

pub(crate) fn real_path(database: &Path) -> Result<PathBuf, StorageError> {
    private::real_path(database).map_err(|error| failed("looking for", database, error))
}

/// Opens an existing database for reading. Fails if it has another version.
pub(crate) fn reader(database: &Path) -> Result<Connection, StorageError> {
    // Opened for writing because SQLite needs that to read the log of a server that was killed.
    let connection = open_file(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let version = || -> rusqlite::Result<i32> {
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_query_value(None, "user_version", |row| row.get(0))
    };
    let version = version().map_err(|error| failure(&format!("opening the database {}", database.display()), error))?;
    let known = schema::version();
    if version == known {
        return Ok(connection);
    }
    let remedy = if version < known {
        "start a server on it once to migrate it"
    } else {
        "use the program that wrote it"
    };
    Err(refuse(format!(
        "the database {} has version {version}, but this program requires version {known}: {remedy}",
        database.display()
    )))
}

pub(crate) fn failed(action: &str, path: &Path, error: io::Error) -> StorageError {
    StorageError {
        action: format!("{action} {}", path.display()),
        source: Some(Box::new(error)),
    }
}

pub(crate) fn refuse(message: String) -> StorageError {
    StorageError {
        action: message,
        source: None,
    }
}
