//! The entries of a folder of files, and their kinds according to their names.

use std::fs::{self, File};
use std::io::{self};
use std::path::{Path, PathBuf};

use crate::storage::StorageError;

/// The prefix of unfinished files.
pub(crate) const UNFINISHED: &str = "tmp-";

/// The prefix of complete files that the database may not know yet.
pub(crate) const STAGED: &str = "new-";

/// The subfolder for bytes that the database should know and does not.
pub(crate) const LOST: &str = "lost+found";

/// The file that contains the folder's identity.
pub(crate) const IDENTITY: &str = "identity";

/// Locked by a backup while it copies, so that no file is removed during the copy.
pub(crate) const COPYING: &str = "backup.lock";

/// Locked by the server that a temporary folder belongs to.
pub(crate) const OWNER: &str = "owner.lock";

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
pub(crate) fn failed(folder: &Path, action: &str, error: io::Error) -> StorageError {
    let place = io::Error::new(error.kind(), format!("{}: {error}", folder.display()));
    StorageError {
        action: format!("{action}: {}", error.kind()),
        source: Some(Box::new(place)),
    }
}
