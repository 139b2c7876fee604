//! Checks that a database and a folder of files belong together. Both store the same identity, a random text.
//!
//! If a server took a folder for that of a database that does not know its files, it would move or remove them. It
//! therefore does not start if the database or the folder is missing or belongs to another, until the operator declares
//! them a pair.

use std::path::{Path, PathBuf};

use super::blobs::{Entry, FileStore, entries};
use super::sqlite::Sqlite;
use super::{StorageError, private};
use crate::ids;

/// Opens a database and its folder for a server. Both are created if neither exists.
pub(crate) fn open(database: &Path) -> Result<(Sqlite, FileStore), StorageError> {
    let found = private::real_path(database).map_err(|error| StorageError {
        action: format!("opening the database {}: {error}", database.display()),
        source: Some(Box::new(error)),
    })?;
    // Checked before the database is created: a new one would never belong to the folder.
    refuse_orphans(&found)?;
    let storage = Sqlite::open(&found)?;
    let files = FileStore::beside(&found)?;
    match decide(&inspect(&storage, &files)?) {
        Ok(Decision::Keep) => {}
        Ok(Decision::Adopt) => adopt(&storage, &files)?,
        Err(mismatch) => return Err(mismatch.explain(&found)),
    }
    Ok((storage, files))
}

/// Makes a database and the folder beside it a pair, in whatever state they are.
pub(crate) fn force(storage: &Sqlite, files: &FileStore) -> Result<(), StorageError> {
    storage.set_identity(None)?;
    adopt(storage, files)
}

/// Fails if the folder contains files but the database is missing.
fn refuse_orphans(database: &Path) -> Result<(), StorageError> {
    let is_missing = std::fs::metadata(database).map_or(true, |metadata| metadata.len() == 0);
    let folder = FileStore::folder_of(database);
    let bytes = if is_missing { count_bytes(&folder)? } else { 0 };
    match bytes {
        0 => Ok(()),
        count => Err(Mismatch::NoDatabase(count).explain(database)),
    }
}

/// Returns the number of files in a folder.
fn count_bytes(folder: &Path) -> Result<usize, StorageError> {
    let holds_bytes = |kind: &Entry| matches!(kind, Entry::Bytes(_) | Entry::Staged(_));
    Ok(entries(folder)?.iter().filter(|entry| holds_bytes(&entry.kind)).count())
}

/// The facts by which [`decide`] judges a database and a folder.
#[derive(Debug, Default)]
pub(crate) struct Pair {
    /// The identity in the database; `None` in a new one, and in one of an earlier version.
    pub(crate) database: Option<String>,
    /// An adoption may have been interrupted.
    pub(crate) adopting: bool,
    /// The identity in the folder.
    pub(crate) folder: Option<String>,
    /// The number of files in the folder.
    pub(crate) bytes: usize,
    /// The number of files that the database knows.
    pub(crate) known: usize,
    /// The number of those that are not in the folder.
    pub(crate) missing: usize,
}

fn inspect(storage: &Sqlite, files: &FileStore) -> Result<Pair, StorageError> {
    let (database, adopting) = storage.identity()?;
    let known = storage.known_files()?;
    Ok(Pair {
        database,
        adopting,
        folder: files.identity()?,
        bytes: count_bytes(files.folder())?,
        known: known.len(),
        missing: known.iter().filter(|id| files.read(id).is_err()).count(),
    })
}

/// What to do with a database and a folder.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Nothing: they are a pair.
    Keep,
    /// Give both the same identity.
    Adopt,
}

/// Why a database and a folder are not a pair.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// The database is missing, and the folder contains this many files.
    NoDatabase(usize),
    /// The folder belongs to another database.
    OtherFolder,
    /// The folder does not say which database it belongs to.
    UnknownFolder,
    /// The folder is empty, and the database knows this many files.
    NoFolder(usize),
    /// Neither has an identity, and this many files are missing.
    Incomplete(usize),
}

/// Decides whether the two belong together.
pub(crate) fn decide(pair: &Pair) -> Result<Decision, Mismatch> {
    let is_unused = pair.bytes == 0 && pair.known == 0;
    match (&pair.database, &pair.folder) {
        (Some(database), Some(folder)) if database == folder => Ok(Decision::Keep),
        (Some(_), None) if pair.adopting || is_unused => Ok(Decision::Adopt),
        // The first start of a version that assigns identities.
        (None, None) if pair.missing == 0 => Ok(Decision::Adopt),
        (_, Some(_)) if is_unused => Ok(Decision::Adopt),
        (Some(_), None) if pair.bytes == 0 => Err(Mismatch::NoFolder(pair.known)),
        (Some(_), None) => Err(Mismatch::UnknownFolder),
        (None, None) => Err(Mismatch::Incomplete(pair.missing)),
        (_, Some(_)) => Err(Mismatch::OtherFolder),
    }
}

/// Gives both the same identity. It is written to the database first, with a mark, so that the next start completes an
/// interrupted adoption.
fn adopt(storage: &Sqlite, files: &FileStore) -> Result<(), StorageError> {
    let identity = match storage.identity()? {
        (Some(identity), _) => identity,
        (None, _) => {
            let identity = ids::new("");
            storage.set_identity(Some(&identity))?;
            identity
        }
    };
    files.set_identity(&identity)?;
    storage.end_adoption()
}

impl Mismatch {
    /// Describes what is wrong and what to do about it.
    pub(crate) fn explain(&self, database: &Path) -> StorageError {
        let folder: PathBuf = FileStore::folder_of(database);
        let (database, folder) = (database.display(), folder.display());
        let wrong = match self {
            Self::NoDatabase(count) => {
                return StorageError {
                    action: format!(
                        "the database {database} is missing, but the folder {folder} contains the bytes of {count} files: \
                         put the database back, restore a backup of both, or move the folder away to start anew"
                    ),
                    source: None,
                };
            }
            Self::OtherFolder => format!("the folder {folder} belongs to another database than {database}"),
            Self::UnknownFolder => format!("the folder {folder} is not marked as belonging to {database}"),
            Self::NoFolder(count) => {
                format!(
                    "the database {database} lists {count} files, but the folder {folder} with their bytes is missing"
                )
            }
            Self::Incomplete(count) => {
                format!("the folder {folder} lacks the bytes of {count} files that the database {database} lists")
            }
        };
        StorageError {
            action: format!(
                "{wrong}: put back the one that belongs to the other, or restore a backup of both. `assistants-local \
                 check --adopt` declares them a pair as they are"
            ),
            source: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::storage::{Document, Kind, Storage};

    #[track_caller]
    fn check(
        database: Option<&str>,
        folder: Option<&str>,
        [bytes, known, missing]: [usize; 3],
        want: Result<Decision, Mismatch>,
    ) {
        let pair = Pair {
            database: database.map(str::to_owned),
            folder: folder.map(str::to_owned),
            adopting: false,
            bytes,
            known,
            missing,
        };
        assert_eq!(decide(&pair), want, "{pair:?}");
    }

    #[test]
    fn a_pair_is_one_by_its_identity() {
        let (a, b) = (Some("a"), Some("b"));
        // An older copy of the database may know fewer files than the folder contains, or more.
        for counts in [[0, 0, 0], [3, 1, 0], [1, 3, 2], [0, 2, 2]] {
            check(a, a, counts, Ok(Decision::Keep));
        }
        // New ones, and those of an earlier version.
        for counts in [[0, 0, 0], [2, 2, 0], [3, 1, 0]] {
            check(None, None, counts, Ok(Decision::Adopt));
        }
        check(a, None, [0, 0, 0], Ok(Decision::Adopt));
        check(a, b, [0, 0, 0], Ok(Decision::Adopt));
        check(None, b, [0, 0, 0], Ok(Decision::Adopt));
        check(None, None, [1, 2, 1], Err(Mismatch::Incomplete(1)));
        check(a, b, [1, 0, 0], Err(Mismatch::OtherFolder));
        check(a, b, [0, 1, 1], Err(Mismatch::OtherFolder));
        check(None, b, [1, 1, 0], Err(Mismatch::OtherFolder));
        check(a, None, [0, 2, 2], Err(Mismatch::NoFolder(2)));
        check(a, None, [2, 2, 0], Err(Mismatch::UnknownFolder));
    }

    /// Stores a file with bytes.
    fn add_file(storage: &Sqlite, files: &FileStore, id: &str) {
        let storage: &dyn Storage = storage;
        let staged = files.create().unwrap().stage(id).unwrap();
        let document = Document {
            kind: Kind::File,
            id: id.to_owned(),
            parent: None,
            tag: None,
            created_at: 0,
            body: "{}".to_owned(),
            notes: None,
        };
        storage.transact(|transaction| transaction.insert(&document)).unwrap();
        staged.settle(true, true);
    }

    #[test]
    fn a_pair_stays_one_and_takes_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one.db"), folder.path().join("other.db"));
        for path in [&one, &other] {
            let (storage, files) = open(path).unwrap();
            add_file(&storage, &files, "file-1");
        }
        drop(open(&one).unwrap());
        fs::rename(&one, folder.path().join("kept.db")).unwrap();
        let refused = open(&one).unwrap_err().action;
        assert!(
            refused.contains("one.db is missing") && refused.contains("bytes of 1 files"),
            "{refused}"
        );
        assert!(!one.exists(), "nothing was created");
        fs::copy(&other, &one).unwrap();
        let refused = open(&one).unwrap_err().action;
        assert!(refused.contains("belongs to another database"), "{refused}");
        // The operator declares them a pair.
        {
            let (storage, files) = (Sqlite::open(&one).unwrap(), FileStore::beside(&one).unwrap());
            force(&storage, &files).unwrap();
        }
        drop(open(&one).unwrap());
        assert!(FileStore::folder_of(&one).join("file-1").exists());
    }

    #[test]
    fn an_interrupted_adoption_continues() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        {
            let (storage, files) = (Sqlite::open(&path).unwrap(), FileStore::beside(&path).unwrap());
            add_file(&storage, &files, "file-1");
            storage.set_identity(Some("identity")).unwrap();
        }
        let (storage, files) = open(&path).unwrap();
        assert_eq!(storage.identity().unwrap(), (Some("identity".to_owned()), false));
        assert_eq!(files.identity().unwrap().as_deref(), Some("identity"));
    }
}
