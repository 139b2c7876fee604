//! The store of all files of a server.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::digest::Digest;
use super::entries::{COPYING, Entry, IDENTITY, LOST, UNFINISHED, entries, failed, open_by_id};
use super::folder::Folder;
use super::staging::Unfinished;
use super::temporary;
use crate::ids;
use crate::storage::{StorageError, private};

/// A handle to the folder. Clones share it.
#[derive(Clone)]
pub(crate) struct FileStore(Arc<Folder>);

impl FileStore {
    /// Returns the path of a file's bytes.
    pub(crate) fn path(&self, id: &str) -> PathBuf {
        self.0.path(id)
    }

    /// Returns the path of a database's folder: that of the database with `.files` appended.
    pub(crate) fn folder_of(database: &Path) -> PathBuf {
        private::beside(database, ".files")
    }

    /// Opens the folder of a database.
    pub(crate) fn beside(database: &Path) -> Result<Self, StorageError> {
        Self::open(Self::folder_of(database), None)
    }

    /// Creates a folder in the system's temporary directory, and deletes those of killed servers.
    pub(crate) fn temporary() -> Result<Self, StorageError> {
        let (folder, lock) = temporary::create(&std::env::temp_dir())?;
        Self::open(folder, Some(lock))
    }

    fn open(folder: PathBuf, temporary: Option<File>) -> Result<Self, StorageError> {
        let open = || {
            private::folder(&folder)?;
            private::open(&folder.join(COPYING))
        };
        let copying = open().map_err(|error| failed(&folder, "creating the folder", error))?;
        Ok(Self(Arc::new(Folder {
            path: folder,
            copying: Mutex::new(copying),
            temporary,
        })))
    }

    /// Returns the path of the folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.0.path
    }

    /// Returns the folder's identity.
    pub(crate) fn identity(&self) -> Result<Option<String>, StorageError> {
        Self::identity_of(&self.0.path)
    }

    /// Returns the identity of the folder at this path.
    pub(crate) fn identity_of(folder: &Path) -> Result<Option<String>, StorageError> {
        match fs::read_to_string(folder.join(IDENTITY)) {
            Ok(identity) => Ok(Some(identity.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(folder, "reading the identity", error)),
        }
    }

    /// Sets the folder's identity.
    pub(crate) fn set_identity(&self, identity: &str) -> Result<(), StorageError> {
        let path = self.0.path.join(IDENTITY);
        let unfinished = self.0.path.join(ids::new(UNFINISHED));
        let write = || {
            let mut file = private::create_new(&unfinished)?;
            writeln!(file, "{identity}")?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)?;
            private::sync_folder(&self.0.path)
        };
        write().map_err(|error| self.0.failed("writing the identity", error))
    }

    /// Completes what a crash interrupted. Staged bytes of known files get their final name, other staged and
    /// unfinished bytes are removed, and unknown bytes with a final name are moved to `lost+found`.
    pub(crate) fn recover(
        &self,
        mut is_known: impl FnMut(&str) -> Result<bool, StorageError>,
    ) -> Result<(), StorageError> {
        for entry in entries(&self.0.path)? {
            match entry.kind {
                Entry::Unfinished => self.0.unlink(&entry.path)?,
                Entry::Staged(id) if is_known(&id)? => fs::rename(&entry.path, self.0.path(&id))
                    .map_err(|error| self.0.failed(&format!("naming the bytes of {id}"), error))?,
                Entry::Staged(_) => self.0.unlink(&entry.path)?,
                Entry::Bytes(id) if is_known(&id)? => {}
                Entry::Bytes(_) | Entry::Other => self.set_aside(&entry.path)?,
            }
        }
        Ok(())
    }

    /// Moves an entry to `lost+found`.
    fn set_aside(&self, path: &Path) -> Result<(), StorageError> {
        let lost = self.0.path.join(LOST);
        let name = path.file_name().unwrap_or_default();
        let set_aside = || {
            private::folder(&lost)?;
            let mut target = lost.join(name);
            if target.symlink_metadata().is_ok() {
                let mut other = name.to_owned();
                other.push(ids::new("-"));
                target = lost.join(other);
            }
            fs::rename(path, &target)?;
            Ok(target)
        };
        let target = set_aside().map_err(|error| self.0.failed("moving unknown bytes to lost+found", error))?;
        log::warn!(
            "the database does not know {}, which was moved to {}; `assistants-local check --remove-lost` deletes it",
            path.display(),
            target.display()
        );
        Ok(())
    }

    /// Creates a new file.
    pub(crate) fn create(&self) -> Result<Unfinished, StorageError> {
        let path = self.0.path.join(ids::new(UNFINISHED));
        let file = private::create_new(&path).map_err(|error| self.0.failed("creating a file", error))?;
        Ok(Unfinished {
            folder: Arc::clone(&self.0),
            path,
            file,
            length: 0,
            digest: Digest::default(),
            staged: false,
        })
    }

    /// Opens a file, and returns its length.
    pub(crate) fn read(&self, id: &str) -> Result<(File, u64), StorageError> {
        let open = || {
            let file = open_by_id(&self.0.path, id)?;
            let length = file.metadata()?.len();
            Ok((file, length))
        };
        open().map_err(|error| self.0.failed(&format!("opening the bytes of {id}"), error))
    }

    /// Removes the bytes of deleted files. Returns the ids of those that were removed: none while a backup copies the
    /// folder, so the caller has to try again.
    pub(crate) fn remove(&self, ids: Vec<String>) -> Result<Vec<String>, StorageError> {
        let copying = self.0.copying.lock().unwrap_or_else(PoisonError::into_inner);
        match copying.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Vec::new()),
            Err(TryLockError::Error(error)) => return Err(self.0.failed("locking the folder", error)),
        }
        let mut removed = Vec::new();
        for id in ids {
            // In this order, a concurrent rename from staged to final is covered: it either finds no staged file, or
            // has happened before the second removal.
            let gone = self
                .0
                .unlink(&self.0.staged(&id))
                .and_then(|()| self.0.unlink(&self.0.path(&id)));
            match gone {
                Ok(()) => removed.push(id),
                Err(error) => log::warn!("the bytes of {id} could not be removed: {error}"),
            }
        }
        copying
            .unlock()
            .map_err(|error| self.0.failed("unlocking the folder", error))?;
        Ok(removed)
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("FileStore").field(&self.0.path).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != COPYING)
            .collect();
        names.sort();
        names
    }

    fn store() -> (tempfile::TempDir, FileStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::beside(&folder.path().join("a.db")).unwrap();
        (folder, store)
    }

    fn text(store: &FileStore, id: &str) -> String {
        let (mut file, length) = store.read(id).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(length, text.len() as u64);
        text
    }

    #[test]
    fn keeps_bytes_under_their_id_and_nothing_else() {
        let (_folder, store) = store();
        let mut file = store.create().unwrap();
        file.write(b"hello ").unwrap();
        file.write(b"world").unwrap();
        assert_eq!(file.length(), 11);
        let staged = file.stage("file-1").unwrap();
        assert_eq!(names(&store.0.path), ["new-file-1"]);
        assert_eq!(text(&store, "file-1"), "hello world");
        staged.settle(true, true);
        assert_eq!(names(&store.0.path), ["file-1"]);
        assert_eq!(text(&store, "file-1"), "hello world");
        drop(store.create().unwrap());
        // Not stored, and not known to be stored.
        store.create().unwrap().stage("file-2").unwrap().settle(false, true);
        store.create().unwrap().stage("file-3").unwrap().settle(true, false);
        drop(store.create().unwrap().stage("file-4").unwrap());
        assert_eq!(names(&store.0.path), ["file-1", "new-file-3"]);
        for id in ["file-1", "file-1", "file-3"] {
            assert_eq!(store.remove(vec![id.to_owned()]).unwrap(), [id]);
        }
        assert!(names(&store.0.path).is_empty());
        assert!(store.read("file-1").is_err());
    }

    #[test]
    fn what_a_crash_leaves_is_finished_or_removed_and_never_what_was_acknowledged() {
        let (_folder, store) = store();
        for name in ["tmp-1", "new-file-1", "new-file-2", "file-3", "file-4", "README"] {
            fs::write(store.0.path.join(name), name).unwrap();
        }
        fs::create_dir(store.0.path.join("folder")).unwrap();
        let is_known = |id: &str| Ok(["file-1", "file-3"].contains(&id));
        store.recover(is_known).unwrap();
        assert_eq!(names(&store.0.path), ["file-1", "file-3", LOST]);
        let lost = store.0.path.join(LOST);
        assert_eq!(names(&lost), ["README", "file-4", "folder"]);
        assert_eq!(fs::read_to_string(lost.join("file-4")).unwrap(), "file-4");
        // A second entry with the same name does not replace the first.
        fs::write(store.0.path.join("file-4"), "another").unwrap();
        store.recover(is_known).unwrap();
        assert_eq!(fs::read_to_string(lost.join("file-4")).unwrap(), "file-4");
        assert_eq!(names(&lost).len(), 4);
    }

    #[test]
    fn nothing_is_removed_while_a_backup_copies() {
        let (_folder, store) = store();
        fs::write(store.0.path.join("file-1"), "x").unwrap();
        let copying = private::open(&store.0.path.join(COPYING)).unwrap();
        copying.lock_shared().unwrap();
        assert!(store.remove(vec!["file-1".to_owned()]).unwrap().is_empty());
        assert_eq!(names(&store.0.path), ["file-1"]);
        drop(copying);
        assert_eq!(store.remove(vec!["file-1".to_owned()]).unwrap(), ["file-1"]);
        assert!(names(&store.0.path).is_empty());
    }

    #[test]
    fn a_temporary_folder_is_deleted_with_its_store() {
        let store = FileStore::temporary().unwrap();
        let folder = store.0.path.clone();
        assert!(folder.is_dir());
        drop(store);
        assert!(!folder.exists());
    }
}
