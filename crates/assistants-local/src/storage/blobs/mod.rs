//! Stores the bytes of files, one file each, in a folder beside the database.
//!
//! Bytes are written under a temporary name, synced, and staged, that is, renamed to a name that contains the file's
//! id. The file is then committed to the database, and only after that the bytes get their final name. A file that the
//! database knows is therefore always complete, and after a crash the name says what to do. Unfinished and staged bytes
//! that the database does not know were never acknowledged, and the next start removes them. Bytes with a final name
//! were acknowledged; if the database does not know them, it is an older copy or belongs to another folder, and they
//! are moved to `lost+found`.
//!
//! Deletion works in reverse. The transaction that deletes a file records that its bytes are to be removed, and the
//! record is deleted after they are.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use self::digest::Digest;
use crate::ids;
use crate::storage::{StorageError, private};

mod digest;
mod temporary;

/// The prefix of unfinished files.
const UNFINISHED: &str = "tmp-";

/// The prefix of complete files that the database may not know yet.
const STAGED: &str = "new-";

/// The subfolder for bytes that the database should know and does not.
pub(crate) const LOST: &str = "lost+found";

/// The file that contains the folder's identity.
const IDENTITY: &str = "identity";

/// Locked by a backup while it copies, so that no file is removed during the copy.
pub(crate) const COPYING: &str = "backup.lock";

/// Locked by the server that a temporary folder belongs to.
const OWNER: &str = "owner.lock";

/// A handle to the folder. Clones share it.
#[derive(Clone)]
pub(crate) struct FileStore(Arc<Folder>);

/// The folder, which lives as long as a store or an unfinished file uses it.
struct Folder {
    path: PathBuf,
    /// Locked while bytes are removed.
    copying: Mutex<File>,
    /// The lock of a temporary folder, which is deleted with its last handle.
    temporary: Option<File>,
}

impl FileStore {
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
        let copying = open().map_err(|error| failed(&folder, "making the folder", error))?;
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
        write().map_err(|error| self.failed("writing the identity", error))
    }

    /// Completes what a crash interrupted. Staged bytes of known files get their final name, other staged and
    /// unfinished bytes are removed, and unknown bytes with a final name are moved to `lost+found`.
    pub(crate) fn recover(
        &self,
        mut is_known: impl FnMut(&str) -> Result<bool, StorageError>,
    ) -> Result<(), StorageError> {
        for entry in entries(&self.0.path)? {
            match entry.kind {
                Entry::Unfinished => self.unlink(&entry.path)?,
                Entry::Staged(id) if is_known(&id)? => fs::rename(&entry.path, self.path(&id))
                    .map_err(|error| self.failed(&format!("naming the bytes of {id}"), error))?,
                Entry::Staged(_) => self.unlink(&entry.path)?,
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
        let target = set_aside().map_err(|error| self.failed("moving unknown bytes to lost+found", error))?;
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
        let file = private::create_new(&path).map_err(|error| self.failed("creating a file", error))?;
        Ok(Unfinished {
            store: self.clone(),
            path,
            file,
            length: 0,
            digest: Digest::default(),
            staged: false,
        })
    }

    /// Returns the path of a file's bytes.
    pub(crate) fn path(&self, id: &str) -> PathBuf {
        self.0.path.join(id)
    }

    fn staged(&self, id: &str) -> PathBuf {
        self.0.path.join(format!("{STAGED}{id}"))
    }

    /// Opens a file, and returns its length.
    pub(crate) fn read(&self, id: &str) -> Result<(File, u64), StorageError> {
        let open = || {
            let file = open_by_id(&self.0.path, id)?;
            let length = file.metadata()?.len();
            Ok((file, length))
        };
        open().map_err(|error| self.failed(&format!("opening the bytes of {id}"), error))
    }

    /// Removes the bytes of deleted files. Returns the ids of those that were removed: none while a backup copies the
    /// folder, so the caller has to try again.
    pub(crate) fn remove(&self, ids: Vec<String>) -> Result<Vec<String>, StorageError> {
        let copying = self.0.copying.lock().unwrap_or_else(PoisonError::into_inner);
        match copying.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Vec::new()),
            Err(TryLockError::Error(error)) => return Err(self.failed("locking the folder", error)),
        }
        let mut removed = Vec::new();
        for id in ids {
            // In this order, a concurrent rename from staged to final is covered: it either finds no staged file, or
            // has happened before the second removal.
            let gone = self
                .unlink(&self.staged(&id))
                .and_then(|()| self.unlink(&self.path(&id)));
            match gone {
                Ok(()) => removed.push(id),
                Err(error) => log::warn!("the bytes of {id} could not be removed: {error}"),
            }
        }
        copying
            .unlock()
            .map_err(|error| self.failed("unlocking the folder", error))?;
        Ok(removed)
    }

    /// Removes an entry of the folder, if it exists.
    fn unlink(&self, path: &Path) -> Result<(), StorageError> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed("removing bytes", error)),
            _ => Ok(()),
        }
    }

    fn failed(&self, action: &str, error: io::Error) -> StorageError {
        failed(&self.0.path, action, error)
    }
}

/// Opens a file in a folder, under its final name or its staged one.
pub(crate) fn open_by_id(folder: &Path, id: &str) -> io::Result<File> {
    let (named, staged) = (folder.join(id), folder.join(format!("{STAGED}{id}")));
    let mut opened = File::open(&named);
    for path in [&staged, &named] {
        match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => opened = File::open(path),
            found => return found,
        }
    }
    opened
}

/// An entry of the folder, other than the folder's own files.
#[derive(Debug)]
pub(crate) struct FolderEntry {
    pub(crate) path: PathBuf,
    pub(crate) kind: Entry,
}

/// The kind of an entry, by its name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Bytes that are being written, or that a crash left.
    Unfinished,
    /// Complete bytes of a file that is being stored.
    Staged(String),
    /// The bytes of the file with this id.
    Bytes(String),
    /// Not created by a server.
    Other,
}

/// Returns the entries of a folder in no particular order; none if the folder does not exist.
pub(crate) fn entries(folder: &Path) -> Result<Vec<FolderEntry>, StorageError> {
    let list = || -> io::Result<Vec<FolderEntry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if [LOST, IDENTITY, COPYING, OWNER].iter().any(|own| name == *own) {
                continue;
            }
            let is_file = entry.file_type()?.is_file();
            let kind = match name.to_str().filter(|_| is_file) {
                None => Entry::Other,
                Some(name) if name.starts_with(UNFINISHED) => Entry::Unfinished,
                Some(name) => match name.strip_prefix(STAGED) {
                    Some(id) => Entry::Staged(id.to_owned()),
                    None => Entry::Bytes(name.to_owned()),
                },
            };
            entries.push(FolderEntry {
                path: entry.path(),
                kind,
            });
        }
        Ok(entries)
    };
    match list() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed.map_err(|error| failed(folder, "listing the folder", error)),
    }
}

/// The action is sent to clients and so does not contain the path, which is only in the log.
fn failed(folder: &Path, action: &str, error: io::Error) -> StorageError {
    let place = io::Error::new(error.kind(), format!("{}: {error}", folder.display()));
    StorageError {
        action: format!("{action}: {}", error.kind()),
        source: Some(Box::new(place)),
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

impl fmt::Debug for FileStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("FileStore").field(&self.0.path).finish()
    }
}

/// A file that is being written. It is removed if it is dropped before [`stage`](Self::stage).
#[derive(Debug)]
pub(crate) struct Unfinished {
    store: FileStore,
    path: PathBuf,
    file: File,
    length: u64,
    digest: Digest,
    staged: bool,
}

impl Unfinished {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.file
            .write_all(bytes)
            .map_err(|error| self.store.failed("writing a file", error))?;
        self.length += bytes.len() as u64;
        self.digest.update(bytes);
        Ok(())
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Opens the file for reading what was written so far.
    pub(crate) fn read(&self) -> Result<File, StorageError> {
        File::open(&self.path).map_err(|error| self.store.failed("opening a file", error))
    }

    /// Returns a digest of what was written so far.
    pub(crate) fn digest(&self) -> String {
        self.digest.finish()
    }

    /// Syncs the bytes and gives them the staged name for the file with this id, which is to be stored next.
    pub(crate) fn stage(mut self, id: &str) -> Result<Staged, StorageError> {
        let stage = || {
            // A temporary folder need not survive a power failure, and syncing takes most of the time.
            let survives = self.store.0.temporary.is_none();
            if survives {
                self.file.sync_all()?;
            }
            fs::rename(&self.path, self.store.staged(id))?;
            if survives {
                private::sync_folder(&self.store.0.path)?;
            }
            Ok(())
        };
        stage().map_err(|error| self.store.failed(&format!("keeping the bytes of {id}"), error))?;
        self.staged = true;
        Ok(Staged {
            store: self.store.clone(),
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
    store: FileStore,
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
        match fs::rename(self.store.staged(&self.id), self.store.path(&self.id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                log::warn!("the bytes of {} keep their staged name: {error}", self.id);
            }
            _ => {}
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.stays
            && let Err(error) = self.store.unlink(&self.store.staged(&self.id))
        {
            log::warn!("the staged bytes of {} could not be removed: {error}", self.id);
        }
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
