//! Backs up, restores and checks a database with its files. The commands `backup`, `restore` and `check` of the binary
//! use these functions.
//!
//! A server keeps its objects in a database and the contents of files in a folder beside it. The two belong together,
//! so these functions take the path of the database and work on both. [`backup`] and [`check`](fn@check) can be called
//! while a server, in this process or another, uses the database.
//!
//! ```
//! use assistants_local::{LocalServer, maintenance};
//!
//! let folder = tempfile::tempdir()?;
//! let database = folder.path().join("assistants.db");
//! let server = LocalServer::builder().database(&database).start()?;
//! ureq::post(format!("{}/threads", server.base_url())).content_type("application/json").send("{}")?;
//!
//! let copied = maintenance::backup(&database, folder.path().join("monday"))?;
//! assert_eq!(copied.files, 0);
//! drop(server);
//! maintenance::restore(folder.path().join("monday"), folder.path().join("again.db"))?;
//! assert!(maintenance::check(folder.path().join("again.db"))?.faults.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod check;
mod copy;
mod source;

use std::fs;
use std::io;
use std::path::Path;

use self::source::{existing, failed, real_path, refuse};
use crate::error::Error;
use crate::storage::blobs::{FileStore, LOST};
use crate::storage::sqlite::Sqlite;
use crate::storage::{pair, private};

pub use self::check::{Fault, FaultKind, Report};
pub use self::copy::Copied;

/// The file name of the database in a backup.
const COPY: &str = "assistants.db";

/// Copies a database and its files to a folder, which must be empty or not exist.
///
/// The copy shows the state of one moment, whatever a server writes meanwhile. The database is copied by SQLite's
/// online backup, which does not block writers. Files deleted during the copy keep their bytes until it is complete.
/// The copy is synced to disk and checked. The folder then contains the database, named `assistants.db`, and its folder
/// of files, accessible only to the owner. A server can be started on it directly, or [`restore`] installs it
/// elsewhere.
///
/// # Errors
///
/// [`Error::Storage`] if `folder` is not empty, if the database does not exist or has another version, if the bytes of
/// a file are missing or cannot be copied, or if the copy has a fault. The partial copy is removed.
pub fn backup(database: impl AsRef<Path>, folder: impl AsRef<Path>) -> Result<Copied, Error> {
    let (database, folder) = (existing(database.as_ref())?, folder.as_ref());
    private::folder(folder).map_err(|error| failed("creating the folder", folder, error))?;
    let mut entries = fs::read_dir(folder).map_err(|error| failed("listing", folder, error))?;
    if entries.next().is_some() {
        return Err(refusal(format!(
            "the folder {} is not empty, and a backup requires an empty one",
            folder.display()
        )));
    }
    Ok(copy::copy(&database, &folder.join(COPY))?)
}

/// Installs a backup at `database`, so that a server can be started on it. Nothing is overwritten.
///
/// # Errors
///
/// [`Error::Storage`] if `folder` is not a backup or has a fault, if `database` or its folder of files exists, or if
/// something cannot be copied. The partial copy is removed.
pub fn restore(folder: impl AsRef<Path>, database: impl AsRef<Path>) -> Result<Copied, Error> {
    let source = existing(&folder.as_ref().join(COPY))?;
    let faults = check::check(&source)?.faults;
    if let Some(fault) = faults.first() {
        return Err(refusal(format!(
            "the backup has {} faults; the first is: {fault}",
            faults.len()
        )));
    }
    let database = real_path(database.as_ref())?;
    let path = private::beside(&database, ".lock");
    let lock = private::lock(&path, std::time::Duration::ZERO).map_err(|error| failed("locking", &path, error))?;
    if lock.is_none() {
        return Err(refusal(format!("a server is using {}", database.display())));
    }
    Ok(copy::copy(&source, &database)?)
}

/// Checks a database and its files for faults. Changes nothing.
///
/// # Errors
///
/// [`Error::Storage`] if the database does not exist, has another version, or cannot be read at all. Faults are not
/// errors; they are in the report.
pub fn check(database: impl AsRef<Path>) -> Result<Report, Error> {
    Ok(check::check(&existing(database.as_ref())?)?)
}

/// Deletes `lost+found` in a database's folder: files that the database did not know when a server started. Returns the
/// number of deleted entries.
///
/// # Errors
///
/// [`Error::Storage`] if the database does not exist, or if something cannot be deleted.
pub fn remove_lost(database: impl AsRef<Path>) -> Result<usize, Error> {
    let lost = FileStore::folder_of(&existing(database.as_ref())?).join(LOST);
    let count = match fs::read_dir(&lost) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries.map_err(|error| failed("listing", &lost, error))?.count(),
    };
    fs::remove_dir_all(&lost).map_err(|error| failed("removing", &lost, error))?;
    Ok(count)
}

/// Makes a database and the folder beside it a pair, in their current state. Use this if a server refuses to start on
/// them.
///
/// The next start moves files that the database does not know to `lost+found`. Missing files stay missing.
///
/// # Errors
///
/// [`Error::Storage`] if the database does not exist, or if a server uses it.
pub fn adopt(database: impl AsRef<Path>) -> Result<(), Error> {
    let database = existing(database.as_ref())?;
    let storage = Sqlite::open(&database)?;
    Ok(pair::force(&storage, &FileStore::beside(&database)?)?)
}

fn refusal(message: String) -> Error {
    refuse(message).into()
}
