//! Files that are being added: unfinished, then staged, then under their final name.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::digest::Digest;
use super::folder::Folder;
use crate::storage::{StorageError, private};

/// A file that is being written. It is removed if it is dropped before [`stage`](Self::stage).
#[derive(Debug)]
pub(crate) struct Unfinished {
    pub(super) folder: Arc<Folder>,
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) length: u64,
    pub(super) digest: Digest,
    pub(super) staged: bool,
}

impl Unfinished {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.file
            .write_all(bytes)
            .map_err(|error| self.folder.failed("writing a file", error))?;
        self.length += bytes.len() as u64;
        self.digest.update(bytes);
        Ok(())
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Opens the file for reading what was written so far.
    pub(crate) fn read(&self) -> Result<File, StorageError> {
        File::open(&self.path).map_err(|error| self.folder.failed("opening a file", error))
    }

    /// Returns a digest of what was written so far.
    pub(crate) fn digest(&self) -> String {
        self.digest.finish()
    }

    /// Syncs the bytes and gives them the staged name for the file with this id, which is to be stored next.
    pub(crate) fn stage(mut self, id: &str) -> Result<Staged, StorageError> {
        let stage = || {
            // A temporary folder need not survive a power failure, and syncing takes most of the time.
            let survives = self.folder.temporary.is_none();
            if survives {
                self.file.sync_all()?;
            }
            fs::rename(&self.path, self.folder.staged(id))?;
            if survives {
                private::sync_folder(&self.folder.path)?;
            }
            Ok(())
        };
        stage().map_err(|error| self.folder.failed(&format!("storing the bytes of {id}"), error))?;
        self.staged = true;
        Ok(Staged {
            folder: Arc::clone(&self.folder),
            id: id.to_owned(),
            stays: false,
        })
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.staged
            && let Err(error) = fs::remove_file(&self.path)
        {
            log::warn!("{} could not be removed: {error}", self.path.display());
        }
    }
}

/// Complete bytes of a file that is not stored yet. They are removed on drop, unless [`settle`](Self::settle) keeps
/// them.
#[derive(Debug)]
#[must_use = "the bytes are removed when this is dropped"]
pub(crate) struct Staged {
    folder: Arc<Folder>,
    id: String,
    stays: bool,
}

impl Staged {
    /// Ends the staging after a transaction that was to store the file. `stored` says whether the transaction reached
    /// that point, and `committed` whether it was committed.
    ///
    /// If the commit failed, the bytes keep their staged name: only the next start can determine whether the file was
    /// stored.
    pub(crate) fn settle(mut self, stored: bool, committed: bool) {
        self.stays = stored;
        if stored && committed {
            self.name();
        }
    }

    fn name(&self) {
        // If this fails, the bytes can still be read under the staged name, and the next start renames them.
        match fs::rename(self.folder.staged(&self.id), self.folder.path(&self.id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                log::warn!("could not rename the staged bytes of {}: {error}", self.id);
            }
            _ => {}
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.stays
            && let Err(error) = self.folder.unlink(&self.folder.staged(&self.id))
        {
            log::warn!("the staged bytes of {} could not be removed: {error}", self.id);
        }
    }
}
