//! The folder of a file store, which lives as long as its last handle.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::entries::{STAGED, failed};
use crate::storage::StorageError;

/// The folder, which lives as long as a store or an unfinished file uses it.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(super) path: PathBuf,
    /// Locked while bytes are removed.
    pub(super) copying: Mutex<File>,
    /// The lock of a temporary folder, which is deleted with its last handle.
    pub(super) temporary: Option<File>,
}

impl Folder {
    /// Returns the path of a file's bytes.
    pub(crate) fn path(&self, id: &str) -> PathBuf {
        self.path.join(id)
    }

    pub(crate) fn staged(&self, id: &str) -> PathBuf {
        self.path.join(format!("{STAGED}{id}"))
    }

    /// Removes an entry of the folder, if it exists.
    pub(crate) fn unlink(&self, path: &Path) -> Result<(), StorageError> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed("removing bytes", error)),
            _ => Ok(()),
        }
    }

    pub(crate) fn failed(&self, action: &str, error: io::Error) -> StorageError {
        failed(&self.path, action, error)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let Some(lock) = self.temporary.take() else { return };
        // Some systems do not remove open files.
        drop(lock);
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                log::warn!("{} could not be removed: {error}", self.path.display());
            }
            _ => {}
        }
    }
}
