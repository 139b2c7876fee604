//! The bytes of files: one file each in a folder beside the database.
//!
//! Bytes are written under a temporary name, forced to the disk, and staged: named after the file they will be. Then
//! what is known about the file is committed to the database, and only after that the bytes get their final name. So a
//! file that the database knows is always there as a whole, and whatever a crash leaves behind says by its name what it
//! is: unfinished and staged bytes that the database does not know were never acknowledged, and are removed at the next
//! start. Bytes under a final name were acknowledged; if the database does not know them, it is older than the folder or
//! not the folder's own, and they are moved to `lost+found` instead.
//!
//! Removing goes the other way round: the database notes that bytes are to be removed in the transaction that deletes
//! the file, and forgets the note once they are.

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

/// What the names of unfinished files begin with.
const UNFINISHED: &str = "tmp-";

/// What the names of files begin with that are whole, and that the database may not know yet.
const STAGED: &str = "new-";

/// Where the bytes go that the database should know and does not.
pub(crate) const LOST: &str = "lost+found";

/// The file that says which database the folder belongs to.
const IDENTITY: &str = "identity";

/// Locked by a backup while it copies, so that nothing is removed under its hands.
pub(crate) const COPYING: &str = "backup.lock";

/// Locked by the server that a temporary folder belongs to.
const OWNER: &str = "owner.lock";

/// A handle on the folder; copies share it.
#[derive(Clone)]
pub(crate) struct FileStore(Arc<Folder>);

/// The folder itself, for as long as a store or an unfinished file uses it.
struct Folder {
    path: PathBuf,
    /// Locked while bytes are removed.
    copying: Mutex<File>,
    /// The lock of a temporary folder, which is deleted with its last handle.
    temporary: Option<File>,
}

impl FileStore {
    /// The place of a database's folder: beside it, under its name with `.files` at the end.
    pub(crate) fn folder_of(database: &Path) -> PathBuf {
        private::beside(database, ".files")
    }

    /// The folder of a database.
    pub(crate) fn beside(database: &Path) -> Result<Self, StorageError> {
        Self::open(Self::folder_of(database), None)
    }

    /// A folder in the system's place for temporary files. Those of servers that were killed are deleted.
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

    /// The path of the folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.0.path
    }

    /// The database that the folder says it belongs to.
    pub(crate) fn identity(&self) -> Result<Option<String>, StorageError> {
        Self::identity_of(&self.0.path)
    }

    /// The database that a folder says it belongs to.
    pub(crate) fn identity_of(folder: &Path) -> Result<Option<String>, StorageError> {
        match fs::read_to_string(folder.join(IDENTITY)) {
            Ok(identity) => Ok(Some(identity.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(folder, "reading the identity", error)),
        }
    }

    /// Lets the folder say which database it belongs to.
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

    /// Finishes what a crash interrupted: staged bytes of files that `is_known` knows get their name, others and
    /// unfinished ones are removed, and unknown bytes under a final name are moved to `lost+found`.
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

    /// Moves to `lost+found` what the database does not know.
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
            "the database does not know the bytes in {}, which are in {} now; `assistants-local check --remove-lost` \
             removes them",
            path.display(),
            target.display()
        );
        Ok(())
    }

    /// Begins a new file.
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

    /// Where the bytes of a file are.
    pub(crate) fn path(&self, id: &str) -> PathBuf {
        self.0.path.join(id)
    }

    fn staged(&self, id: &str) -> PathBuf {
        self.0.path.join(format!("{STAGED}{id}"))
    }

    /// The bytes of a file, and how many there are.
    pub(crate) fn read(&self, id: &str) -> Result<(File, u64), StorageError> {
        let open = || {
            let file = open_by_id(&self.0.path, id)?;
            let length = file.metadata()?.len();
            Ok((file, length))
        };
        open().map_err(|error| self.failed(&format!("opening the bytes of {id}"), error))
    }

    /// Removes the bytes of files that were deleted, unless a backup copies the folder: then this is to be tried again.
    /// Returns the files whose bytes are removed.
    pub(crate) fn remove(&self, ids: Vec<String>) -> Result<Vec<String>, StorageError> {
        let copying = self.0.copying.lock().unwrap_or_else(PoisonError::into_inner);
        match copying.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Vec::new()),
            Err(TryLockError::Error(error)) => return Err(self.failed("locking the folder", error)),
        }
        let mut removed = Vec::new();
        for id in ids {
            // In this order: whoever names staged bytes at the same time finds them removed, or has named them.
            let gone = self
                .unlink(&self.staged(&id))
                .and_then(|()| self.unlink(&self.path(&id)));
            match gone {
                Ok(()) => removed.push(id),
                Err(error) => log::warn!("the bytes of {id} are still there: {error}"),
            }
        }
        copying
            .unlock()
            .map_err(|error| self.failed("unlocking the folder", error))?;
        Ok(removed)
    }

    /// Removes a file of the folder, if it is there.
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

/// Opens the bytes of a file in a folder, also between their staging and their naming.
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

/// What is in a folder of bytes, besides what belongs to the folder itself.
#[derive(Debug)]
pub(crate) struct FolderEntry {
    pub(crate) path: PathBuf,
    pub(crate) kind: Entry,
}

/// What the name of an entry says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Bytes that are being written, or that a crash left behind.
    Unfinished,
    /// Whole bytes, whose file is being stored.
    Staged(String),
    /// The bytes of the file with this id.
    Bytes(String),
    /// Nothing of ours.
    Other,
}

/// The entries of a folder, in no order; none of a folder that is missing.
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

/// Clients are shown the action; where the folder is, only the log says.
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
        // Some systems do not remove files that are open.
        drop(lock);
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                log::warn!("{} is left behind: {error}", self.path.display());
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

/// A file that is being written. Its bytes are removed if it is dropped before [`stage`](Self::stage).
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

    /// What was written so far, from its beginning.
    pub(crate) fn read(&self) -> Result<File, StorageError> {
        File::open(&self.path).map_err(|error| self.store.failed("opening a file", error))
    }

    /// Tells these bytes from others.
    pub(crate) fn digest(&self) -> String {
        self.digest.finish()
    }

    /// Forces the bytes to the disk and names them after the file with this id, which is to be stored next.
    pub(crate) fn stage(mut self, id: &str) -> Result<Staged, StorageError> {
        let stage = || {
            // What goes with the server need not survive a power cut, and waiting for the disk is most of the work.
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
            log::warn!("{} is left behind: {error}", self.path.display());
        }
    }
}

/// Whole bytes on the disk, whose file is not stored yet. They are removed if this is dropped before the file is stored.
#[derive(Debug)]
#[must_use = "the bytes are removed when this is dropped"]
pub(crate) struct Staged {
    store: FileStore,
    id: String,
    stays: bool,
}

impl Staged {
    /// Ends the staging after a transaction that was to store the file: `stored` says whether it came to do so, and
    /// `committed` whether it was committed. Bytes of a commit that failed stay as they are: whether the file is stored
    /// is known for certain at the next start only.
    pub(crate) fn settle(mut self, stored: bool, committed: bool) {
        self.stays = stored;
        if stored && committed {
            self.name();
        }
    }

    fn name(&self) {
        // Bytes that keep the name of staged ones can be read, and get their name at the next start.
        match fs::rename(self.store.staged(&self.id), self.store.path(&self.id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                log::warn!("the bytes of {} keep the name of staged ones: {error}", self.id);
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
            log::warn!("the bytes of {} are left behind: {error}", self.id);
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
        // The same name again takes nothing from the first.
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
