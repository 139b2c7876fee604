//! Copies a database and its files as of the same moment.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::OpenFlags;
use rusqlite::backup::{Backup, StepResult};
use serde::Serialize;

use super::source::reader;
use super::{check, failed, refuse};
use crate::storage::blobs::open_by_id;
use crate::storage::blobs::{COPYING, FileStore};
use crate::storage::sqlite::identity;
use crate::storage::sqlite::{failure, open_file};
use crate::storage::{StorageError, private};

/// How long a copy waits for a database that another program has locked.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Copied {
    /// The number of files, including parts of uploads.
    pub files: u64,
    /// The total size of the files, in bytes.
    pub bytes: u64,
}

/// Copies a database and its folder. Overwrites nothing, and leaves nothing behind if it fails.
pub(super) fn copy(source: &Path, target: &Path) -> Result<Copied, StorageError> {
    let folder = FileStore::folder_of(target);
    let logs = ["-wal", "-shm", "-journal"].map(|end| private::beside(target, end));
    for path in [target, &folder].into_iter().chain(logs.iter().map(AsRef::as_ref)) {
        if path.symlink_metadata().is_ok() {
            return Err(refuse(format!(
                "{} already exists and is not overwritten",
                path.display()
            )));
        }
    }
    let unfinished = private::beside(target, ".partial");
    let copied = copy_both(source, &unfinished, target, &folder);
    if copied.is_err() {
        for path in [target, &unfinished, &private::beside(&unfinished, "-journal")] {
            // Not all of these exist, and the error that is returned is the relevant one.
            drop(fs::remove_file(path));
        }
        drop(fs::remove_dir_all(&folder));
    }
    copied
}

fn copy_both(source: &Path, unfinished: &Path, target: &Path, folder: &Path) -> Result<Copied, StorageError> {
    // Taken before the database is copied, so that no file recorded in the copy is removed before its bytes are copied
    // too.
    let _copying = keep_bytes(&FileStore::folder_of(source))?;
    let (known, identity) = copy_database(source, unfinished)?;
    private::folder(folder).map_err(|error| failed("making", folder, error))?;
    let mut copied = Copied::default();
    for id in &known {
        copied.bytes += copy_bytes(&FileStore::folder_of(source), folder, id)?;
        copied.files += 1;
    }
    let store = FileStore::beside(target)?;
    if let Some(identity) = identity {
        store.set_identity(&identity)?;
    }
    let finish = || {
        private::sync_folder(folder)?;
        fs::rename(unfinished, target)?;
        private::sync_folder(target.parent().unwrap_or(Path::new(".")))
    };
    finish().map_err(|error| failed("naming", target, error))?;
    match check::check(target)?.faults.first() {
        None => Ok(copied),
        Some(fault) => Err(refuse(format!("the copy in {} has a fault: {fault}", target.display()))),
    }
}

/// Prevents servers from removing files in the folder until the returned file is dropped.
fn keep_bytes(folder: &Path) -> Result<Option<File>, StorageError> {
    let path = folder.join(COPYING);
    match private::open(&path).and_then(|file| file.lock_shared().map(|()| file)) {
        Ok(file) => Ok(Some(file)),
        // On a read-only file system nothing can be removed anyway.
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => Ok(None),
        Err(error) => Err(failed("locking", &path, error)),
    }
}

/// Copies the database. Returns the ids of its files, and its identity.
fn copy_database(source: &Path, target: &Path) -> Result<(Vec<String>, Option<String>), StorageError> {
    let from = reader(source)?;
    private::create_new(target).map_err(|error| failed("creating", target, error))?;
    let mut to = open_file(target, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let start = Instant::now();
    let mut run = || -> rusqlite::Result<bool> {
        let backup = Backup::new(&from, &mut to)?;
        loop {
            // Copies all pages in one step. This reads a single state of the source; in several steps, the backup would
            // start over whenever the source changes.
            match backup.step(-1)? {
                StepResult::Done => return Ok(true),
                _ if start.elapsed() > LOCK_TIMEOUT => return Ok(false),
                _ => thread::sleep(Duration::from_millis(20)),
            }
        }
    };
    let action = || format!("copying the database to {}", target.display());
    if !run().map_err(|error| failure(&action(), error))? {
        return Err(refuse(format!(
            "{}: another process keeps the database locked",
            action()
        )));
    }
    // The copy is a single file without a log. Pending removals refer to the source's folder and are dropped.
    let settle = || -> rusqlite::Result<()> {
        to.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; DELETE FROM removals;")
    };
    settle().map_err(|error| failure(&action(), error))?;
    let identity = identity::identity_in(&to).map_err(|error| failure(&action(), error))?.0;
    Ok((
        identity::known_in(&to).map_err(|error| failure(&action(), error))?,
        identity,
    ))
}

/// Copies the bytes of one file, and returns their number.
fn copy_bytes(source: &Path, target: &Path, id: &str) -> Result<u64, StorageError> {
    let copy = || {
        let mut from = open_by_id(source, id)?;
        let mut to = private::create_new(&target.join(id))?;
        let length = io::copy(&mut from, &mut to)?;
        to.sync_all()?;
        Ok(length)
    };
    copy().map_err(|error| failed("copying the bytes of", &source.join(id), error))
}
