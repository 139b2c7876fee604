//! The bytes of files: one file each in a folder beside the database.
//!
//! Bytes are written under a temporary name, forced to the disk and then renamed; what is stored about a file comes
//! after that, so that a file the database knows is always there as a whole. What a crash leaves behind, files that
//! the database does not know, is swept at the next start.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ids;
use crate::storage::StorageError;

/// What the names of unfinished files begin with.
const UNFINISHED: &str = "tmp-";

/// A handle on the folder; copies share it.
#[derive(Clone)]
pub(crate) struct FileStore(Arc<Folder>);

/// The folder itself, for as long as a store or an unfinished file uses it.
struct Folder {
    path: PathBuf,
    /// The folder is deleted with its last handle.
    temporary: bool,
}

impl FileStore {
    /// The folder of a database: beside it, under its name with `.files` at the end.
    pub(crate) fn beside(database: &Path) -> Result<Self, StorageError> {
        // A database that was opened has a name.
        let mut name = database.file_name().unwrap_or_default().to_owned();
        name.push(".files");
        Self::open(database.with_file_name(name), false)
    }

    /// A folder in the system's place for temporary files.
    pub(crate) fn temporary() -> Result<Self, StorageError> {
        let name = ids::new("assistants-local-");
        Self::open(std::env::temp_dir().join(name), true)
    }

    fn open(folder: PathBuf, temporary: bool) -> Result<Self, StorageError> {
        let store = Self(Arc::new(Folder {
            path: folder,
            temporary,
        }));
        private_folder(&store.0.path).map_err(|error| store.failed("making the folder", error))?;
        Ok(store)
    }

    /// Removes what `is_known` does not know.
    pub(crate) fn sweep(
        &self,
        mut is_known: impl FnMut(&str) -> Result<bool, StorageError>,
    ) -> Result<(), StorageError> {
        let failed = |error| self.failed("looking into the folder", error);
        for entry in fs::read_dir(&self.0.path).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if name.starts_with(UNFINISHED) || !is_known(&name)? {
                self.remove(&name);
            }
        }
        Ok(())
    }

    /// Begins a new file.
    pub(crate) fn create(&self) -> Result<Unfinished, StorageError> {
        let path = self.0.path.join(ids::new(UNFINISHED));
        let file = File::create_new(&path).map_err(|error| self.failed("creating a file", error))?;
        Ok(Unfinished {
            store: self.clone(),
            path,
            file,
            length: 0,
            digest: Digest::default(),
            kept: false,
        })
    }

    /// Where the bytes of a file stand.
    pub(crate) fn path(&self, id: &str) -> PathBuf {
        self.0.path.join(id)
    }

    /// The bytes of a file, and how many there are.
    pub(crate) fn read(&self, id: &str) -> Result<(File, u64), StorageError> {
        let open = || {
            let file = File::open(self.path(id))?;
            let length = file.metadata()?.len();
            Ok((file, length))
        };
        open().map_err(|error| self.failed(&format!("opening the bytes of {id}"), error))
    }

    /// Removes the bytes of a file that the database does not know any more. If that fails, the next start does it.
    pub(crate) fn remove(&self, id: &str) {
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                log::warn!("the bytes of {id} could not be removed: {error}");
            }
            _ => {}
        }
    }

    fn failed(&self, action: &str, error: io::Error) -> StorageError {
        StorageError {
            action: format!("{action} in {}: {error}", self.0.path.display()),
            source: Some(Box::new(error)),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            log::warn!("{} is left behind: {error}", self.path.display());
        }
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("FileStore").field(&self.0.path).finish()
    }
}

/// Makes a folder that other users of the machine cannot look into.
fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A file that is being written. It goes if it is dropped before [`keep`](Self::keep).
#[derive(Debug)]
pub(crate) struct Unfinished {
    store: FileStore,
    path: PathBuf,
    file: File,
    length: u64,
    digest: Digest,
    kept: bool,
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

    /// Tells these bytes from others.
    pub(crate) fn digest(&self) -> String {
        self.digest.finish()
    }

    /// Puts the bytes under this id. When this returns, they are on the disk.
    pub(crate) fn keep(mut self, id: &str) -> Result<(), StorageError> {
        let keep = || {
            // What goes with the server need not survive a power cut, and waiting for the disk is most of the work.
            let survives = !self.store.0.temporary;
            if survives {
                self.file.sync_all()?;
            }
            fs::rename(&self.path, self.store.path(id))?;
            if survives {
                sync_folder(&self.store.0.path)?;
            }
            Ok(())
        };
        keep().map_err(|error| self.store.failed(&format!("keeping the bytes of {id}"), error))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs::remove_file(&self.path)
        {
            log::warn!("{} is left behind: {error}", self.path.display());
        }
    }
}

/// A new name is on the disk once its folder is.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Tells long inputs apart: FNV-1a with 128 bits over words of eight bytes, which keeps up with a disk.
#[derive(Clone, Debug)]
pub(crate) struct Digest {
    hash: u128,
    word: [u8; 8],
    filled: usize,
    length: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Self {
            hash: 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d,
            word: [0; 8],
            filled: 0,
            length: 0,
        }
    }
}

impl Digest {
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if self.filled > 0 {
            let taken = bytes.len().min(8 - self.filled);
            self.word[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            self.filled += taken;
            bytes = &bytes[taken..];
            if self.filled < 8 {
                return;
            }
            self.add(u64::from_le_bytes(self.word));
            self.filled = 0;
        }
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        self.word[..rest.len()].copy_from_slice(rest);
        self.filled = rest.len();
    }

    fn add(&mut self, word: u64) {
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        self.hash = (self.hash ^ u128::from(word)).wrapping_mul(PRIME);
    }

    pub(crate) fn finish(&self) -> String {
        let mut last = self.clone();
        last.word[self.filled..].fill(0);
        last.add(u64::from_le_bytes(last.word));
        last.add(self.length);
        format!("{:032x}", last.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn names(store: &FileStore) -> Vec<String> {
        let entries = fs::read_dir(&store.0.path).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn keeps_bytes_under_their_id_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::beside(&folder.path().join("a.db")).unwrap();
        let mut file = store.create().unwrap();
        file.write(b"hello ").unwrap();
        file.write(b"world").unwrap();
        assert_eq!(file.length(), 11);
        file.keep("file-1").unwrap();
        drop(store.create().unwrap());
        assert_eq!(names(&store), ["file-1"]);
        let (mut file, length) = store.read("file-1").unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), length), ("hello world", 11));
        store.remove("file-1");
        store.remove("file-1");
        assert!(names(&store).is_empty());
        assert!(store.read("file-1").is_err());
    }

    #[test]
    fn sweeps_what_nobody_knows() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::beside(&folder.path().join("a.db")).unwrap();
        for name in ["tmp-1", "file-1", "file-2"] {
            fs::write(store.0.path.join(name), "x").unwrap();
        }
        store.sweep(|name| Ok(name == "file-2")).unwrap();
        assert_eq!(names(&store), ["file-2"]);
    }

    #[test]
    fn a_temporary_folder_goes_with_its_store() {
        let store = FileStore::temporary().unwrap();
        let folder = store.0.path.clone();
        assert!(folder.is_dir());
        drop(store);
        assert!(!folder.exists());
    }

    #[test]
    fn a_digest_does_not_depend_on_the_pieces() {
        let digest = |pieces: &[&[u8]]| {
            let mut digest = Digest::default();
            pieces.iter().for_each(|piece| digest.update(piece));
            digest.finish()
        };
        let text = b"some text that is longer than a few words";
        for step in 1..text.len() {
            let pieces: Vec<&[u8]> = text.chunks(step).collect();
            assert_eq!(digest(&pieces), digest(&[text]), "{step} at a time");
        }
        assert_ne!(digest(&[b"a"]), digest(&[b"a\0"]));
        assert_ne!(digest(&[b"12345678"]), digest(&[b"12345679"]));
    }
}
