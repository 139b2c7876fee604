//! Finds faults in a database and its files.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use serde::Serialize;

use super::source::reader;
use crate::storage::blobs::{Entry, FileStore, LOST};
use crate::storage::blobs::{entries, open_by_id};
use crate::storage::sqlite::failure;
use crate::storage::sqlite::identity;
use crate::storage::{StorageError, private};

/// The result of [`check`](fn@super::check).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The number of stored objects.
    pub objects: u64,
    /// The number of files, including parts of uploads.
    pub files: u64,
    /// The total size of the files, in bytes.
    pub bytes: u64,
    /// Whether a server is using the database.
    pub served: bool,
    /// The number of files that are being uploaded. If no server is running, these are left from a crash, and the next
    /// start removes them.
    pub unfinished: u64,
    /// The number of deleted files whose bytes still exist, because a backup was running when they were deleted. The
    /// server removes them after the backup or at its next start.
    pub removals: u64,
    /// The number of entries in `lost+found`: files that the database did not know when a server started.
    pub lost: u64,
    /// The faults found.
    pub faults: Vec<Fault>,
}

/// A fault in a database or its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Fault {
    /// The kind of the fault.
    pub kind: FaultKind,
    /// A description that names the object or file.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.kind.as_str(), self.what)
    }
}

/// The kind of a [`Fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// The database file is damaged (SQLite's `integrity_check`).
    Damaged,
    /// A row refers to one that does not exist (SQLite's `foreign_key_check`).
    Dangling,
    /// A stored object cannot be parsed.
    Unreadable,
    /// An object is in an inconsistent state, such as a step that is in progress although its run has ended.
    Half,
    /// Data remains of an object that was deleted or has ended.
    LeftOver,
    /// The bytes of a file are missing.
    MissingBytes,
    /// The size of a file differs from the recorded one.
    Length,
    /// The folder contains a file that the database does not know.
    Stray,
    /// The database and the folder do not carry the same identity.
    NoPair,
}

impl FaultKind {
    /// Returns the name of the kind, as in the JSON form of a report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Dangling => "dangling",
            Self::Unreadable => "unreadable",
            Self::Half => "half",
            Self::LeftOver => "left_over",
            Self::MissingBytes => "missing_bytes",
            Self::Length => "length",
            Self::Stray => "stray",
            Self::NoPair => "no_pair",
        }
    }
}

/// The rules that rows must follow. Each query returns the descriptions of faults.
const RULES: &[(FaultKind, &str)] = &[
    (
        FaultKind::Unreadable,
        "SELECT id || ' is not JSON' FROM objects WHERE body <> '' AND NOT json_valid(body)",
    ),
    (
        FaultKind::Half,
        "SELECT run.id || ' has the status ' || (run.body ->> '$.status') || ' but is listed as '
            || iif(run.tag = 'active', 'active', 'ended')
         FROM objects AS run WHERE run.kind = 'run' AND json_valid(run.body)
            AND (run.tag IS 'active')
                <> ((run.body ->> '$.status') IN ('queued', 'in_progress', 'requires_action', 'cancelling'))",
    ),
    (
        FaultKind::Half,
        "SELECT thread.parent || ' has ' || count(*) || ' active runs' FROM objects AS thread
         WHERE thread.kind = 'run' AND thread.tag = 'active' GROUP BY thread.parent HAVING count(*) > 1",
    ),
    (
        FaultKind::Half,
        "SELECT step.id || ' is active, but its run ' || run.id || ' has ended'
         FROM objects AS step JOIN objects AS run ON run.id = step.parent
         WHERE step.kind = 'run_step' AND step.tag = 'active' AND run.tag IS NULL",
    ),
    (
        FaultKind::Half,
        "SELECT message.id || ' is in progress, but its run ' || run.id || ' has ended'
         FROM objects AS message JOIN objects AS run ON run.id = message.tag
         WHERE message.kind = 'message' AND run.kind = 'run' AND run.tag IS NULL AND json_valid(message.body)
            AND message.body ->> '$.status' = 'in_progress'",
    ),
    (
        FaultKind::Half,
        "SELECT store.id || ' counts ' || (store.body ->> '$.file_counts.total') || ' files but has ' || count(file.id)
         FROM objects AS store LEFT JOIN objects AS file ON file.parent = store.id AND file.kind = 'vector_store_file'
         WHERE store.kind = 'vector_store' AND json_valid(store.body)
         GROUP BY store.id HAVING ifnull(store.body ->> '$.file_counts.total', 0) <> count(file.id)",
    ),
    (
        FaultKind::Half,
        "SELECT file.id || ' is indexed but has no passages'
         FROM objects AS file JOIN objects AS store ON store.id = file.parent
         WHERE file.kind = 'vector_store_file' AND file.tag = 'completed' AND json_valid(store.body)
            AND store.body ->> '$.status' <> 'expired'
            AND NOT EXISTS (SELECT 1 FROM passages WHERE passages.owner = file.id)",
    ),
    // Unless a server that was started is still filling the index.
    (
        FaultKind::Half,
        "SELECT passages.owner || ' has ' || count(*) || ' passages that cannot be found by their words'
         FROM passages WHERE NOT EXISTS (SELECT 1 FROM passage_words_docsize AS words WHERE words.id = passages.id)
            AND EXISTS (SELECT 1 FROM meta WHERE name = 'stems')
            AND NOT EXISTS (SELECT 1 FROM meta WHERE name = 'filled')
         GROUP BY passages.owner",
    ),
    (
        FaultKind::LeftOver,
        "SELECT part.id || ' is a part of the upload ' || upload.id || ', which has ended'
         FROM objects AS part JOIN objects AS upload ON upload.id = part.parent
         WHERE part.kind = 'upload_part' AND json_valid(upload.body) AND upload.body ->> '$.status' <> 'pending'",
    ),
    (
        FaultKind::LeftOver,
        "SELECT DISTINCT store.id || ' has expired, but its passages are still stored'
         FROM objects AS store JOIN passages ON passages.collection = store.id
         WHERE store.kind = 'vector_store' AND json_valid(store.body) AND store.body ->> '$.status' = 'expired'",
    ),
    (
        FaultKind::LeftOver,
        "SELECT store.id || ' was created for the attachments of ' || store.tag || ', which was deleted'
         FROM objects AS store WHERE store.kind = 'vector_store' AND store.tag IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM objects AS thread WHERE thread.id = store.tag)",
    ),
];

/// A file recorded in the database.
struct Known {
    id: String,
    /// The recorded size in bytes, if there is one.
    length: Option<u64>,
}

/// Checks an existing database.
pub(super) fn check(database: &Path) -> Result<Report, StorageError> {
    let connection = reader(database)?;
    let folder = FileStore::folder_of(database);
    let mut report = Report {
        served: is_served(database),
        lost: count(&folder.join(LOST)),
        ..Report::default()
    };
    let failed = |error| failure("checking the database", error);
    check_rows(&connection, &mut report).map_err(failed)?;
    let mut doubts = check_bytes(&folder, &known_files(&connection).map_err(failed)?, &mut report)?;
    doubts.extend(check_pair(database, &connection)?);
    // A server may have changed the folder between the two reads. Only faults that a second check confirms are real.
    if !doubts.is_empty() {
        let known = known_files(&connection).map_err(failed)?;
        let mut again = check_bytes(&folder, &known, &mut Report::default())?;
        again.extend(check_pair(database, &connection)?);
        doubts.retain(|doubt| again.contains(doubt));
    }
    report.faults.extend(doubts);
    Ok(report)
}

/// Returns whether a server holds the lock of the database.
fn is_served(database: &Path) -> bool {
    let path = private::beside(database, ".lock");
    path.exists() && matches!(private::lock(&path, Duration::ZERO), Ok(None))
}

fn count(folder: &Path) -> u64 {
    fs::read_dir(folder).map_or(0, |entries| entries.count() as u64)
}

fn check_rows(connection: &Connection, report: &mut Report) -> rusqlite::Result<()> {
    let texts = |sql: &str| -> rusqlite::Result<Vec<String>> {
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map([], |row| row.get::<_, Option<String>>(0))?;
        Ok(rows
            .collect::<rusqlite::Result<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect())
    };
    let mut add = |kind: FaultKind, texts: Vec<String>| {
        report.faults.extend(texts.into_iter().map(|what| Fault { kind, what }));
    };
    // All queries see the same state of the database.
    let transaction = connection.unchecked_transaction()?;
    let damage = texts("PRAGMA integrity_check(20)")?;
    add(
        FaultKind::Damaged,
        damage.into_iter().filter(|text| text != "ok").collect(),
    );
    let dangling = "SELECT 'a row of ' || \"table\" || ' refers to one of ' || parent || ' that does not exist'
        FROM pragma_foreign_key_check";
    add(FaultKind::Dangling, texts(dangling)?);
    for (kind, sql) in RULES {
        add(*kind, texts(sql)?);
    }
    let objects: i64 = connection.query_row("SELECT count(*) FROM objects", [], |row| row.get(0))?;
    report.objects = u64::try_from(objects).unwrap_or_default();
    transaction.finish()
}

/// Returns the files recorded in the database, and the ids of deleted files whose bytes are still to be removed, both
/// as of the same moment.
fn known_files(connection: &Connection) -> rusqlite::Result<(Vec<Known>, HashSet<String>)> {
    let transaction = connection.unchecked_transaction()?;
    let removals = {
        let mut statement = transaction.prepare("SELECT id FROM removals")?;
        let ids = statement.query_map([], |row| row.get(0))?;
        ids.collect::<rusqlite::Result<_>>()?
    };
    Ok((stored_files(&transaction)?, removals))
}

fn stored_files(connection: &Connection) -> rusqlite::Result<Vec<Known>> {
    let sql = "SELECT id, iif(kind = 'file', iif(json_valid(body), body ->> '$.bytes', NULL), notes)
        FROM objects WHERE kind IN ('file', 'upload_part')";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        let length: rusqlite::types::Value = row.get(1)?;
        let length = match length {
            rusqlite::types::Value::Integer(length) => u64::try_from(length).ok(),
            rusqlite::types::Value::Text(length) => length.parse().ok(),
            _ => None,
        };
        Ok(Known {
            id: row.get(0)?,
            length,
        })
    })?;
    rows.collect()
}

/// Compares the files recorded in the database with those in the folder.
fn check_bytes(
    folder: &Path,
    (known, removals): &(Vec<Known>, HashSet<String>),
    report: &mut Report,
) -> Result<Vec<Fault>, StorageError> {
    let mut faults = Vec::new();
    let mut add = |kind, what| faults.push(Fault { kind, what });
    for file in known {
        report.files += 1;
        match open_by_id(folder, &file.id).and_then(|bytes| bytes.metadata()) {
            Err(error) => add(FaultKind::MissingBytes, format!("{}: {error}", file.id)),
            Ok(found) => {
                report.bytes += found.len();
                if let Some(length) = file.length.filter(|length| *length != found.len()) {
                    let what = format!("{} should have {length} bytes but has {}", file.id, found.len());
                    add(FaultKind::Length, what);
                }
            }
        }
    }
    let ids: HashSet<&str> = known.iter().map(|file| file.id.as_str()).collect();
    let mut kinds: HashMap<PathBuf, Entry> = HashMap::new();
    for entry in entries(folder)? {
        kinds.insert(entry.path, entry.kind);
    }
    for (path, kind) in kinds {
        let is_stray = match &kind {
            Entry::Bytes(id) if removals.contains(id) => {
                report.removals += 1;
                false
            }
            Entry::Bytes(id) => !ids.contains(id.as_str()),
            Entry::Other => true,
            Entry::Unfinished | Entry::Staged(_) => {
                report.unfinished += 1;
                false
            }
        };
        if is_stray {
            add(
                FaultKind::Stray,
                format!("the database does not know {}", path.display()),
            );
        }
    }
    Ok(faults)
}

fn check_pair(database: &Path, connection: &Connection) -> Result<Option<Fault>, StorageError> {
    let (identity, _) = identity::identity_in(connection).map_err(|error| failure("reading the identity", error))?;
    let folder = FileStore::folder_of(database);
    let found = FileStore::identity_of(&folder)?;
    let is_pair = identity.is_some() && identity == found;
    Ok((!is_pair).then(|| Fault {
        kind: FaultKind::NoPair,
        what: format!(
            "{} is not marked as belonging to {}",
            folder.display(),
            database.display()
        ),
    }))
}
