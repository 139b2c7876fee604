//! The embedded storage: SQLite, in a file or in memory.
//!
//! The file is in WAL mode with `synchronous=FULL`. A commit is on disk before its request is acknowledged, so neither
//! `kill -9` nor a power failure loses acknowledged data. A second server on the same file would take the first one's
//! runs for leftovers of a crash; to prevent that, a server locks a file beside the database. SQLite's own locking is
//! unchanged, so other programs can read the database and a backup can be made while a server runs.
//!
//! Deleted data is overwritten (`secure_delete`). [`Storage::purge`] also removes it from the text index and truncates
//! the write-ahead log, which contains earlier versions of pages.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};

use super::error::failure;
use super::identity;
use super::merge::merge_step;
use super::pool::Pool;
use super::schema::{MIGRATIONS, migrate};
use super::transaction::SqliteTransaction;
use super::word_index;
use super::writer::Writer;
use crate::storage::{Outcome, Storage, StorageError, Transaction, private};

/// How long a starting server waits for one that is stopping, and a write for another program's.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// The number of connections that only read.
const READERS: usize = 8;

/// How long new reads are held back for earlier ones, so that the log can be truncated.
const PURGE_PAUSE: Duration = Duration::from_millis(20);

/// The pause between attempts to truncate the log while it is being read.
const PURGE_INTERVAL: Duration = Duration::from_secs(1);

/// The storage in a SQLite database.
pub(crate) struct Sqlite {
    /// Connections that only read, so that reads do not wait for a write and its sync; `None` in memory. They are declared
    /// first and so closed first, which lets the writer remove the log.
    readers: Option<Pool<Connection>>,
    writer: Writer,
    /// Called after commits that deleted something.
    on_deletion: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// Excludes other servers; `None` in memory. Released after the connections are closed.
    _lock: Option<File>,
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sqlite").finish_non_exhaustive()
    }
}

impl Sqlite {
    /// Opens a database file for a server, and creates it if it does not exist.
    pub(crate) fn open(path: &Path) -> Result<Self, StorageError> {
        let action = || format!("opening the database {}", path.display());
        let failed = |error: std::io::Error| StorageError {
            action: format!("{}: {error}", action()),
            source: Some(Box::new(error)),
        };
        let path = &private::real_path(path).map_err(failed)?;
        let Some(lock) = private::lock(&private::beside(path, ".lock"), LOCK_TIMEOUT).map_err(failed)? else {
            return Err(StorageError {
                action: format!(
                    "{}: another process, such as a running server, uses the database",
                    action()
                ),
                source: None,
            });
        };
        // SQLite creates its log with the permissions of the database.
        private::open(path).map_err(failed)?;
        for log in ["-wal", "-shm"] {
            private::restrict(&private::beside(path, log)).map_err(failed)?;
        }
        let opened = open_file(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .and_then(|connection| Self::prepare(connection, Some(lock)))
            .and_then(|storage| {
                let open = |_| open_file(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
                let readers = (0..READERS).map(open).collect::<Result<_, _>>()?;
                Ok(Self {
                    readers: Some(Pool::new(readers)),
                    ..storage
                })
            });
        opened.map_err(|error| StorageError {
            action: format!("{}: {error}", action()),
            ..error
        })
    }

    /// Opens a database in memory, which is lost on drop.
    pub(crate) fn in_memory() -> Result<Self, StorageError> {
        let connection =
            Connection::open_in_memory().map_err(|error| failure("opening a database in memory", error))?;
        Self::prepare(connection, None)
    }

    fn prepare(mut connection: Connection, lock: Option<File>) -> Result<Self, StorageError> {
        let failed = |error| failure("setting the database up", error);
        let pragmas = "
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = FULL;
            PRAGMA foreign_keys = ON;
            PRAGMA secure_delete = ON;
            PRAGMA temp_store = MEMORY;
            PRAGMA journal_size_limit = 16777216;
        ";
        connection.execute_batch(pragmas).map_err(failed)?;
        migrate(&mut connection, MIGRATIONS)?;
        vacuum_once(&connection)?;
        word_index::fill(&connection)?;
        Ok(Self {
            readers: None,
            writer: Writer::new(connection),
            on_deletion: OnceLock::new(),
            _lock: lock,
        })
    }

    /// Returns the identity shared with the folder of files, and whether the folder may not have it yet.
    pub(crate) fn identity(&self) -> Result<(Option<String>, bool), StorageError> {
        self.with("reading the identity", identity::identity_in)
    }

    /// Sets the identity, which the folder is to get next. `None` removes it.
    pub(crate) fn set_identity(&self, identity: Option<&str>) -> Result<(), StorageError> {
        self.with("writing the identity", |connection| {
            let Some(identity) = identity else {
                connection.execute("DELETE FROM meta WHERE name IN ('identity', 'adopting')", [])?;
                return Ok(());
            };
            let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES ('identity', ?1), ('adopting', '')";
            connection.execute(sql, [identity]).map(|_| ())
        })
    }

    /// Records that the folder has the identity as well.
    pub(crate) fn end_adoption(&self) -> Result<(), StorageError> {
        self.with("writing the identity", |connection| {
            connection
                .execute("DELETE FROM meta WHERE name = 'adopting'", [])
                .map(|_| ())
        })
    }

    /// Returns the ids of all objects that have bytes in the folder.
    pub(crate) fn known_files(&self) -> Result<Vec<String>, StorageError> {
        self.with("listing files", identity::known_in)
    }

    /// Runs `work` on the connection, outside of a transaction.
    pub(super) fn with<T>(
        &self,
        action: &str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StorageError> {
        self.writer.alone(work).map_err(|error| failure(action, error))
    }
}

/// Opens an existing database.
pub(crate) fn open_file(path: &Path, flags: OpenFlags) -> Result<Connection, StorageError> {
    let open = || {
        // Without `SQLITE_OPEN_URI`, so that paths beginning with `file:` are not parsed as URIs.
        let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(LOCK_TIMEOUT)?;
        Ok(connection)
    };
    open().map_err(|error| failure("opening the file", error))
}

/// Rebuilds a database once if it was written by a version that did not overwrite deleted texts.
fn vacuum_once(connection: &Connection) -> Result<(), StorageError> {
    let failed = |error| failure("reading what is due", error);
    let due = connection
        .query_row("SELECT 1 FROM meta WHERE name = 'vacuum'", [], |_| Ok(()))
        .optional()
        .map_err(failed)?;
    if due.is_none() {
        return Ok(());
    }
    log::info!("rebuilding the database once, so that no deleted text is left in it");
    let vacuum = "VACUUM; PRAGMA wal_checkpoint(TRUNCATE); DELETE FROM meta WHERE name = 'vacuum';";
    if let Err(error) = connection.execute_batch(vacuum) {
        // This needs as much free space as the database takes. The next start tries again.
        log::warn!(
            "rebuilding the database failed, so it may still contain texts that an earlier version deleted: {error}"
        );
    }
    Ok(())
}

impl Storage for Sqlite {
    fn transaction(&self, work: &mut dyn FnMut(&dyn Transaction) -> Outcome) -> Result<(), StorageError> {
        let mut deleted = false;
        self.writer.transaction(|connection| {
            let transaction = SqliteTransaction {
                connection,
                deleted: Cell::new(false),
            };
            let outcome = work(&transaction);
            deleted = outcome == Outcome::Commit && transaction.deleted.get();
            outcome
        })?;
        if deleted && let Some(notify) = self.on_deletion.get() {
            notify();
        }
        Ok(())
    }

    fn reading(&self, work: &mut dyn FnMut(&dyn Transaction)) -> Result<(), StorageError> {
        let Some(readers) = &self.readers else {
            return self.transaction(&mut |transaction| {
                work(transaction);
                Outcome::RollBack
            });
        };
        let mut connection = readers.enter();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Deferred)
            .map_err(|error| failure("beginning a read", error))?;
        work(&SqliteTransaction {
            connection: &transaction,
            deleted: Cell::new(false),
        });
        transaction.rollback().map_err(|error| failure("ending a read", error))
    }

    fn on_deletion(&self, notify: Box<dyn Fn() + Send + Sync>) {
        // Only the first is kept: a storage has one engine.
        drop(self.on_deletion.set(notify));
    }

    fn purge(&self) -> Result<Option<Duration>, StorageError> {
        let Some(readers) = &self.readers else {
            // In memory there is no log, and nothing on disk.
            return Ok(None);
        };
        let start = Instant::now();
        if self.with("merging the text index", merge_step)? {
            // Pauses for as long as the step took, so that merging uses at most half of the connection's time.
            return Ok(Some(start.elapsed()));
        }
        // The log cannot be truncated while a connection reads from it.
        let Some(_pause) = readers.pause(PURGE_PAUSE) else {
            return Ok(Some(PURGE_INTERVAL));
        };
        self.with("truncating the log", |connection| {
            // Requests are waiting for the connection, so this does not wait for another program's read.
            connection.busy_timeout(Duration::ZERO)?;
            let busy: rusqlite::Result<i64> =
                connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
            connection.busy_timeout(LOCK_TIMEOUT)?;
            Ok((busy? != 0).then_some(PURGE_INTERVAL))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Document, Kind};

    #[test]
    fn a_file_keeps_its_objects_and_its_version() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db");
        let thread = Document {
            kind: Kind::Thread,
            id: "t".to_owned(),
            parent: None,
            tag: None,
            created_at: 7,
            body: "{}".to_owned(),
            notes: None,
        };
        let insert = |storage: &dyn Storage| storage.transact(|transaction| transaction.insert(&thread));
        insert(&Sqlite::open(&path).unwrap()).unwrap();
        let get = |storage: &dyn Storage| storage.transact(|transaction| transaction.get(Kind::Thread, "t"));
        assert_eq!(get(&Sqlite::open(&path).unwrap()).unwrap(), Some(thread));
    }

    #[test]
    fn reading_waits_for_nobody_who_writes() {
        let directory = tempfile::tempdir().unwrap();
        let storage = Sqlite::open(&directory.path().join("a.db")).unwrap();
        let storage: &dyn Storage = &storage;
        let thread = Document {
            kind: Kind::Thread,
            id: "t".to_owned(),
            parent: None,
            tag: None,
            created_at: 7,
            body: "{}".to_owned(),
            notes: None,
        };
        let get = || storage.read(|transaction| transaction.get(Kind::Thread, "t"));
        std::thread::scope(|scope| {
            let (read, seen) = std::sync::mpsc::channel();
            let inserted = storage.transact(|transaction| {
                transaction.insert(&thread)?;
                let read = read.clone();
                scope.spawn(move || read.send(get().unwrap().is_some()));
                // Before the commit.
                assert_eq!(seen.recv_timeout(Duration::from_secs(20)), Ok(false));
                Ok::<_, StorageError>(())
            });
            inserted.unwrap();
        });
        assert_eq!(get().unwrap().as_ref(), Some(&thread));
        let written = storage.read(|transaction| {
            transaction.insert(&Document {
                id: "other".to_owned(),
                ..thread.clone()
            })
        });
        written.unwrap_err();
    }

    #[test]
    fn a_file_that_is_no_database_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db");
        std::fs::write(
            &path,
            "not a database, but long enough to be read as a header by SQLite: ".repeat(9),
        )
        .unwrap();
        assert!(
            Sqlite::open(&path)
                .unwrap_err()
                .action
                .ends_with("the file is not a database")
        );
    }
}
