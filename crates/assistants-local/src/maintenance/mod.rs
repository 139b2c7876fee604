//! Copies of a database with its files, and what is wrong with one: what the commands `backup`, `restore` and `check` of
//! the binary do.
//!
//! A server keeps its objects in a database and the bytes of files in a folder beside it. Both belong together, so these
//! functions take the path of the database and work on both. [`backup`] and [`check`] may be called while a server, in
//! this process or in another, uses the database.
//!
//! ```
//! use assistants_local::{LocalServer, maintenance};
//!
//! let place = tempfile::tempdir()?;
//! let database = place.path().join("assistants.db");
//! let server = LocalServer::builder().database(&database).start()?;
//! ureq::post(format!("{}/threads", server.base_url())).content_type("application/json").send("{}")?;
//!
//! let copied = maintenance::backup(&database, place.path().join("monday"))?;
//! assert_eq!(copied.files, 0);
//! drop(server);
//! maintenance::restore(place.path().join("monday"), place.path().join("again.db"))?;
//! assert!(maintenance::check(place.path().join("again.db"))?.faults.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

pub use self::check::{Fault, FaultKind, Report};
pub use self::copy::Copied;
use crate::error::Error;
use crate::storage::blobs::{FileStore, LOST, open_by_id};
use crate::storage::sqlite::schema;
use crate::storage::sqlite::{Sqlite, failure, open_file};
use crate::storage::{StorageError, pair, private};

mod check;
mod copy;

/// The name of the database in a backup.
const COPY: &str = "assistants.db";

/// Copies a database and its files into a folder, which is created, or is empty.
///
/// The copy is the state of one moment, whatever a server writes meanwhile: the database is copied by SQLite's online
/// backup, which keeps nobody from writing, and files that are deleted meanwhile keep their bytes until the copy is made.
/// It is forced to the disk, and checked; the folder has the database, named `assistants.db`, and its folder of files, both
/// readable by their owner alone. A server can be started on it as it is, or [`restore`] puts it elsewhere.
///
/// # Errors
///
/// [`Error::Storage`] when `folder` has something in it, when there is no such database or it is of another version, when
/// the bytes of a file are missing or cannot be copied, and when the copy has a fault. What was copied is removed then.
pub fn backup(database: impl AsRef<Path>, folder: impl AsRef<Path>) -> Result<Copied, Error> {
    let (database, folder) = (existing(database.as_ref())?, folder.as_ref());
    private::folder(folder).map_err(|error| failed("making the folder", folder, error))?;
    let mut entries = fs::read_dir(folder).map_err(|error| failed("listing", folder, error))?;
    if entries.next().is_some() {
        return Err(refusal(format!(
            "the folder {} is not empty, and a backup needs one that is",
            folder.display()
        )));
    }
    Ok(copy::copy(&database, &folder.join(COPY))?)
}

/// Puts a backup where a server can be started on it. Nothing is overwritten.
///
/// # Errors
///
/// [`Error::Storage`] when `folder` is no backup or has a fault, when `database` or the folder of its files exists, and when
/// something cannot be copied. What was copied is removed then.
pub fn restore(folder: impl AsRef<Path>, database: impl AsRef<Path>) -> Result<Copied, Error> {
    let source = existing(&folder.as_ref().join(COPY))?;
    let faults = check::check(&source)?.faults;
    if let Some(fault) = faults.first() {
        return Err(refusal(format!(
            "the backup has {} faults, the first: {fault}",
            faults.len()
        )));
    }
    let database = real_path(database.as_ref())?;
    let path = private::beside(&database, ".lock");
    let lock = private::lock(&path, std::time::Duration::ZERO).map_err(|error| failed("locking", &path, error))?;
    if lock.is_none() {
        return Err(refusal(format!("a server runs on {}", database.display())));
    }
    Ok(copy::copy(&source, &database)?)
}

/// Looks for what is wrong with a database and its files. Changes nothing.
///
/// # Errors
///
/// [`Error::Storage`] when there is no such database, when it is of another version, and when it cannot be read at all. What
/// is found to be wrong is in the report.
pub fn check(database: impl AsRef<Path>) -> Result<Report, Error> {
    Ok(check::check(&existing(database.as_ref())?)?)
}

/// Removes what is in `lost+found` of a database's folder: bytes that the database did not know when a server started.
/// Returns how many entries there were.
///
/// # Errors
///
/// [`Error::Storage`] when there is no such database, or something cannot be removed.
pub fn remove_lost(database: impl AsRef<Path>) -> Result<usize, Error> {
    let lost = FileStore::folder_of(&existing(database.as_ref())?).join(LOST);
    let count = match fs::read_dir(&lost) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries.map_err(|error| failed("listing", &lost, error))?.count(),
    };
    fs::remove_dir_all(&lost).map_err(|error| failed("removing", &lost, error))?;
    Ok(count)
}

/// Makes a database and the folder beside it a pair, as they are, when a server refuses to start on them. Files that
/// the database does not know are moved to `lost+found` by the next start; bytes that are missing stay missing.
///
/// # Errors
///
/// [`Error::Storage`] when there is no such database, or a server uses it.
pub fn adopt(database: impl AsRef<Path>) -> Result<(), Error> {
    let database = existing(database.as_ref())?;
    let storage = Sqlite::open(&database)?;
    Ok(pair::force(&storage, &FileStore::beside(&database)?)?)
}

/// The real path of a database that exists.
fn existing(database: &Path) -> Result<PathBuf, StorageError> {
    let path = real_path(database)?;
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => Ok(path),
        _ => Err(refuse(format!("there is no database {}", database.display()))),
    }
}

fn real_path(database: &Path) -> Result<PathBuf, StorageError> {
    private::real_path(database).map_err(|error| failed("looking for", database, error))
}

/// Opens a database that exists to read it, and refuses one of another version.
fn reader(database: &Path) -> Result<Connection, StorageError> {
    // With the right to write, which SQLite needs to read the log of a server that was killed.
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
        "start a server on it once, which brings it up to date"
    } else {
        "use the program that wrote it"
    };
    Err(refuse(format!(
        "the database {} has version {version}, and this program works on version {known}: {remedy}",
        database.display()
    )))
}

fn failed(action: &str, path: &Path, error: io::Error) -> StorageError {
    StorageError {
        action: format!("{action} {}", path.display()),
        source: Some(Box::new(error)),
    }
}

fn refuse(message: String) -> StorageError {
    StorageError {
        action: message,
        source: None,
    }
}

fn refusal(message: String) -> Error {
    refuse(message).into()
}
