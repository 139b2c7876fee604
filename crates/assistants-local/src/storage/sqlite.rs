//! The embedded storage: one SQLite file, or memory.
//!
//! The file is in WAL mode with `synchronous=FULL`: a commit is on the disk before it is answered, so neither
//! `kill -9` nor a power cut loses what was acknowledged. The lock on the file is exclusive, because a second server
//! on the same file would take the first one's runs for leftovers of a crash.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{
    Connection, ErrorCode, OptionalExtension, Params, Row, ToSql, TransactionBehavior, named_params, params,
};

use super::{
    Document, FolderListing, KeptAnswer, Kind, List, Listing, Order, Outcome, Storage, StorageError, Transaction,
};

/// The statements that bring a database from version `i` to version `i + 1`. Released entries never change.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE objects (
        sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
        kind       TEXT NOT NULL,
        id         TEXT NOT NULL UNIQUE,
        parent     TEXT REFERENCES objects (id) ON DELETE CASCADE,
        tag        TEXT,
        created_at INTEGER NOT NULL,
        body       TEXT NOT NULL,
        notes      TEXT
    ) STRICT;
    CREATE INDEX objects_by_parent ON objects (parent, kind, sequence);
    CREATE INDEX objects_by_tag ON objects (kind, tag, parent, sequence) WHERE tag IS NOT NULL;

    -- Places of deleted objects, for cursors that still name them.
    CREATE TABLE deleted (
        id         TEXT PRIMARY KEY,
        kind       TEXT NOT NULL,
        parent     TEXT,
        sequence   INTEGER NOT NULL,
        deleted_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX deleted_by_time ON deleted (deleted_at);

    CREATE TABLE answers (
        key        TEXT NOT NULL,
        place      TEXT NOT NULL,
        request    TEXT NOT NULL,
        answer     TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        PRIMARY KEY (key, place)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX answers_by_time ON answers (created_at);
",
    "
    CREATE TABLE expiries (
        id   TEXT PRIMARY KEY REFERENCES objects (id) ON DELETE CASCADE,
        kind TEXT NOT NULL,
        at   INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX expiries_by_time ON expiries (kind, at);

    CREATE TABLE passages (
        id         INTEGER PRIMARY KEY,
        collection TEXT NOT NULL,
        owner      TEXT NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        position   INTEGER NOT NULL,
        text       TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX passages_by_owner ON passages (owner, position);
    CREATE INDEX passages_by_collection ON passages (collection);
    -- Words without their endings, case and accents. The texts themselves stay in the table.
    CREATE VIRTUAL TABLE passage_words USING fts5 (
        collection, text, content = 'passages', content_rowid = 'id', tokenize = 'porter unicode61 remove_diacritics 2'
    );
    CREATE TRIGGER passages_added AFTER INSERT ON passages BEGIN
        INSERT INTO passage_words (rowid, collection, text) VALUES (new.id, new.collection, new.text);
    END;
    CREATE TRIGGER passages_removed AFTER DELETE ON passages BEGIN
        INSERT INTO passage_words (passage_words, rowid, collection, text)
            VALUES ('delete', old.id, old.collection, old.text);
    END;
",
    "
    CREATE TABLE folders (
        folder   TEXT NOT NULL,
        kind     TEXT NOT NULL,
        sequence INTEGER NOT NULL UNIQUE REFERENCES objects (sequence) ON DELETE CASCADE,
        PRIMARY KEY (folder, kind, sequence)
    ) STRICT, WITHOUT ROWID;
",
];

/// How long an opening server waits for one that is closing.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// How long the place of a deleted object stays known, in seconds.
const DELETED_KEPT: i64 = 24 * 60 * 60;

/// Documents in SQLite.
#[derive(Debug)]
pub(crate) struct Sqlite {
    connection: Mutex<Connection>,
}

impl Sqlite {
    /// Opens the database in a file, and creates it if it is missing.
    pub(crate) fn open(path: &Path) -> Result<Self, StorageError> {
        let action = || format!("opening the database {}", path.display());
        let connection = Connection::open(path).map_err(|error| failure(&action(), error))?;
        Self::prepare(connection).map_err(|error| StorageError {
            action: format!("{}: {error}", action()),
            ..error
        })
    }

    /// A database that is gone when it is dropped.
    pub(crate) fn in_memory() -> Result<Self, StorageError> {
        Self::prepare(Connection::open_in_memory().map_err(|error| failure("opening a database in memory", error))?)
    }

    fn prepare(mut connection: Connection) -> Result<Self, StorageError> {
        connection
            .busy_timeout(LOCK_PATIENCE)
            .map_err(|error| failure("setting the database up", error))?;
        let pragmas = "
            PRAGMA locking_mode = EXCLUSIVE;
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = FULL;
            PRAGMA foreign_keys = ON;
        ";
        connection
            .execute_batch(pragmas)
            .map_err(|error| failure("setting the database up", error))?;
        migrate(&mut connection, MIGRATIONS)?;
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }
}

fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<(), StorageError> {
    let failed = |error| failure("bringing the database up to date", error);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    let version: i32 = transaction
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(failed)?;
    let known = i32::try_from(migrations.len()).expect("the migrations are few");
    let Some(pending) = usize::try_from(version)
        .ok()
        .and_then(|version| migrations.get(version..))
    else {
        return Err(StorageError {
            action: format!("the database has version {version}, and this program knows versions up to {known}"),
            source: None,
        });
    };
    for statements in pending {
        transaction.execute_batch(statements).map_err(failed)?;
    }
    transaction.pragma_update(None, "user_version", known).map_err(failed)?;
    transaction.commit().map_err(failed)
}

impl Storage for Sqlite {
    fn transaction(&self, work: &mut dyn FnMut(&dyn Transaction) -> Outcome) -> Result<(), StorageError> {
        // After a panic in `work` the lock is poisoned, but the transaction was rolled back when it was dropped.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| failure("beginning a transaction", error))?;
        match work(&SqliteTransaction(&transaction)) {
            Outcome::Commit => transaction
                .commit()
                .map_err(|error| failure("committing a transaction", error)),
            Outcome::RollBack => transaction
                .rollback()
                .map_err(|error| failure("taking a transaction back", error)),
        }
    }
}

pub(super) struct SqliteTransaction<'a>(&'a Connection);

impl SqliteTransaction<'_> {
    pub(super) fn connection(&self) -> &Connection {
        self.0
    }

    pub(super) fn execute(&self, action: &str, sql: &str, values: impl Params) -> Result<usize, StorageError> {
        let run = || self.0.prepare_cached(sql)?.execute(values);
        run().map_err(|error| failure(action, error))
    }

    pub(super) fn first<T>(
        &self,
        action: &str,
        sql: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StorageError> {
        let run = || self.0.prepare_cached(sql)?.query_row(values, read).optional();
        run().map_err(|error| failure(action, error))
    }

    fn documents(&self, kind: Kind, sql: &str, values: impl Params) -> Result<Vec<Document>, StorageError> {
        let run = || {
            let mut statement = self.0.prepare_cached(sql)?;
            let rows = statement.query_map(values, |row| document(kind, row))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        run().map_err(|error| failure(&format!("listing objects of kind {}", kind.as_str()), error))
    }
}

fn document(kind: Kind, row: &Row<'_>) -> rusqlite::Result<Document> {
    Ok(Document {
        kind,
        id: row.get("id")?,
        parent: row.get("parent")?,
        tag: row.get("tag")?,
        created_at: row.get("created_at")?,
        body: row.get("body")?,
        notes: row.get("notes")?,
    })
}

impl Transaction for SqliteTransaction<'_> {
    fn get(&self, kind: Kind, id: &str) -> Result<Option<Document>, StorageError> {
        let sql = "SELECT id, parent, tag, created_at, body, notes FROM objects WHERE id = ?1 AND kind = ?2";
        self.first("reading an object", sql, params![id, kind.as_str()], |row| {
            document(kind, row)
        })
    }

    fn insert(&self, document: &Document) -> Result<(), StorageError> {
        let sql = "INSERT INTO objects (kind, id, parent, tag, created_at, body, notes)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let Document {
            kind,
            id,
            parent,
            tag,
            created_at,
            body,
            notes,
        } = document;
        self.execute(
            "storing an object",
            sql,
            params![kind.as_str(), id, parent, tag, created_at, body, notes],
        )?;
        Ok(())
    }

    fn update(&self, document: &Document) -> Result<(), StorageError> {
        let sql = "UPDATE objects SET tag = ?3, body = ?4, notes = ?5 WHERE id = ?1 AND kind = ?2";
        let Document {
            kind,
            id,
            tag,
            body,
            notes,
            ..
        } = document;
        match self.execute("storing an object", sql, params![id, kind.as_str(), tag, body, notes])? {
            0 => Err(StorageError {
                action: format!("the {} {id} is gone", kind.noun()),
                source: None,
            }),
            _ => Ok(()),
        }
    }

    fn delete(&self, kind: Kind, id: &str, now: i64) -> Result<bool, StorageError> {
        let action = "deleting an object";
        self.execute(
            action,
            "DELETE FROM deleted WHERE deleted_at < ?1",
            params![now - DELETED_KEPT],
        )?;
        let note = "INSERT OR REPLACE INTO deleted (id, kind, parent, sequence, deleted_at)
            SELECT id, kind, parent, sequence, ?3 FROM objects WHERE id = ?1 AND kind = ?2";
        self.execute(action, note, params![id, kind.as_str(), now])?;
        // What is below goes with it: `ON DELETE CASCADE`.
        let rows = self.execute(
            action,
            "DELETE FROM objects WHERE id = ?1 AND kind = ?2",
            params![id, kind.as_str()],
        )?;
        Ok(rows > 0)
    }

    fn sequence(&self, kind: Kind, parent: Option<&str>, id: &str) -> Result<Option<i64>, StorageError> {
        let sql = "SELECT sequence FROM objects WHERE id = ?1 AND kind = ?2 AND parent IS ?3
            UNION ALL SELECT sequence FROM deleted WHERE id = ?1 AND kind = ?2 AND parent IS ?3";
        self.first("looking a cursor up", sql, params![id, kind.as_str(), parent], |row| {
            row.get(0)
        })
    }

    fn list(&self, list: &List<'_>) -> Result<Listing, StorageError> {
        let List {
            kind,
            parent,
            tag,
            order,
            after,
            before,
            limit,
        } = *list;
        // Only `before` given: the objects wanted are the nearest ones, so the list is read from its other end.
        let from_end = before.is_some() && after.is_none();
        let rising = (order == Order::Ascending) != from_end;
        let (above, below) = match order {
            Order::Ascending => (after, before),
            Order::Descending => (before, after),
        };
        // A spelled-out filter lets SQLite pick the index by tag, which a `?tag IS NULL OR …` would hide from it.
        let by_tag = if tag.is_some() {
            "AND tag = :tag"
        } else {
            "AND :tag IS NULL"
        };
        let direction = if rising { "ASC" } else { "DESC" };
        let sql = format!(
            "SELECT id, parent, tag, created_at, body, notes FROM objects
             WHERE parent IS :parent AND kind = :kind {by_tag} AND sequence > :above AND sequence < :below
             ORDER BY sequence {direction} LIMIT :limit"
        );
        let values: &[(&str, &dyn ToSql)] = named_params! {
            ":parent": parent,
            ":kind": kind.as_str(),
            ":tag": tag,
            ":above": above.unwrap_or(i64::MIN),
            ":below": below.unwrap_or(i64::MAX),
            // One more than asked for tells whether the list goes on.
            ":limit": i64::try_from(limit).map_or(i64::MAX, |limit| limit.saturating_add(1)),
        };
        let mut documents = self.documents(kind, &sql, values)?;
        let has_more = documents.len() > limit;
        documents.truncate(limit);
        if from_end {
            documents.reverse();
        }
        Ok(Listing { documents, has_more })
    }

    fn count(&self, kind: Kind, parent: &str) -> Result<u64, StorageError> {
        let sql = "SELECT COUNT(*) FROM objects WHERE parent = ?1 AND kind = ?2";
        let count = self.first("counting objects", sql, params![parent, kind.as_str()], |row| {
            row.get::<_, i64>(0)
        })?;
        Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default())
    }

    fn put_in_folder(&self, kind: Kind, id: &str, folder: &str) -> Result<(), StorageError> {
        let sql = "INSERT INTO folders (folder, kind, sequence)
            SELECT ?3, kind, sequence FROM objects WHERE id = ?1 AND kind = ?2";
        self.execute(
            "putting an object into a folder",
            sql,
            params![id, kind.as_str(), folder],
        )?;
        Ok(())
    }

    fn in_folder(
        &self,
        kind: Kind,
        folder: &str,
        after: Option<i64>,
        limit: usize,
    ) -> Result<FolderListing, StorageError> {
        let sql = "SELECT sequence, id, parent, tag, created_at, body, notes
            FROM folders JOIN objects USING (sequence)
            WHERE folders.folder = ?1 AND folders.kind = ?2 AND sequence < ?3 ORDER BY sequence DESC LIMIT ?4";
        // One more than asked for tells whether the list goes on.
        let most = i64::try_from(limit).map_or(i64::MAX, |limit| limit.saturating_add(1));
        let run = || {
            let mut statement = self.0.prepare_cached(sql)?;
            let values = params![folder, kind.as_str(), after.unwrap_or(i64::MAX), most];
            let rows = statement.query_map(values, |row| Ok((row.get::<_, i64>("sequence")?, document(kind, row)?)))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let mut rows = run().map_err(|error| failure("listing a folder", error))?;
        let goes_on = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().map(|(sequence, _)| *sequence).filter(|_| goes_on);
        let documents = rows.into_iter().map(|(_, document)| document).collect();
        Ok(FolderListing { documents, next })
    }

    fn tagged(&self, kind: Kind, tag: &str) -> Result<Vec<Document>, StorageError> {
        let sql = "SELECT id, parent, tag, created_at, body, notes FROM objects
            WHERE kind = ?1 AND tag = ?2 ORDER BY sequence";
        self.documents(kind, sql, params![kind.as_str(), tag])
    }

    fn ending(&self, kind: Kind, end: &str) -> Result<Vec<Document>, StorageError> {
        let sql = "SELECT id, parent, tag, created_at, body, notes FROM objects
            WHERE kind = ?1 AND tag IS NOT NULL AND substr(id, -length(?2) - 1) = '/' || ?2 ORDER BY sequence";
        self.documents(kind, sql, params![kind.as_str(), end])
    }

    fn expire(&self, kind: Kind, id: &str, at: Option<i64>) -> Result<(), StorageError> {
        let action = "noting when an object expires";
        match at {
            Some(at) => {
                let sql = "INSERT INTO expiries (id, kind, at) VALUES (?1, ?2, ?3)
                    ON CONFLICT (id) DO UPDATE SET at = excluded.at";
                self.execute(action, sql, params![id, kind.as_str(), at])
            }
            None => {
                let sql = "DELETE FROM expiries WHERE id = ?1 AND kind = ?2";
                self.execute(action, sql, params![id, kind.as_str()])
            }
        }
        .map(|_| ())
    }

    fn expired(&self, kind: Kind, now: i64) -> Result<Vec<String>, StorageError> {
        let run = || {
            let sql = "SELECT id FROM expiries WHERE kind = ?1 AND at <= ?2 ORDER BY at";
            let mut statement = self.0.prepare_cached(sql)?;
            let ids = statement.query_map(params![kind.as_str(), now], |row| row.get(0))?;
            ids.collect::<rusqlite::Result<Vec<_>>>()
        };
        run().map_err(|error| failure("looking for objects that expire", error))
    }

    fn next_expiry(&self, kind: Kind) -> Result<Option<i64>, StorageError> {
        let sql = "SELECT min(at) FROM expiries WHERE kind = ?1";
        let next = self.first("looking for objects that expire", sql, params![kind.as_str()], |row| {
            row.get(0)
        })?;
        Ok(next.flatten())
    }

    fn kept_answer(&self, key: &str, place: &str, since: i64) -> Result<Option<KeptAnswer>, StorageError> {
        let sql = "SELECT request, answer FROM answers WHERE key = ?1 AND place = ?2 AND created_at >= ?3";
        self.first("reading a kept answer", sql, params![key, place, since], |row| {
            Ok(KeptAnswer {
                request: row.get(0)?,
                answer: row.get(1)?,
            })
        })
    }

    fn keep_answer(&self, key: &str, place: &str, kept: &KeptAnswer, now: i64, since: i64) -> Result<(), StorageError> {
        let action = "keeping an answer";
        self.execute(action, "DELETE FROM answers WHERE created_at < ?1", params![since])?;
        let sql = "INSERT INTO answers (key, place, request, answer, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.execute(action, sql, params![key, place, kept.request, kept.answer, now])?;
        Ok(())
    }
}

pub(super) fn failure(action: &str, error: rusqlite::Error) -> StorageError {
    let hint = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => ": the disk is full",
        Some(ErrorCode::ReadOnly) => ": the database cannot be written to",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ": another process uses the database",
        Some(ErrorCode::CannotOpen) => ": the file cannot be opened",
        Some(ErrorCode::NotADatabase) => ": the file is not a database",
        Some(ErrorCode::DatabaseCorrupt) => ": the database is damaged",
        Some(ErrorCode::SystemIoFailure) => ": the disk reported an error",
        _ => "",
    };
    StorageError {
        action: format!("{action}{hint}"),
        source: Some(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, parent: &str, tag: Option<&str>) -> Document {
        Document {
            kind: Kind::Message,
            id: id.to_owned(),
            parent: Some(parent.to_owned()),
            tag: tag.map(str::to_owned),
            // The same second for all: the order must not hang on the clock.
            created_at: 7,
            body: format!("{{\"id\":\"{id}\"}}"),
            notes: None,
        }
    }

    fn thread(id: &str) -> Document {
        Document {
            kind: Kind::Thread,
            parent: None,
            ..message(id, "", None)
        }
    }

    /// Thread `t` with messages `a` to `f` (`b` and `e` of run `r`), mixed with those of thread `u`.
    fn filled() -> Sqlite {
        let storage = Sqlite::in_memory().unwrap();
        transact(&storage, |transaction| {
            transaction.insert(&thread("t"))?;
            transaction.insert(&thread("u"))?;
            for id in ["a", "b", "c", "d", "e", "f"] {
                transaction.insert(&message(id, "t", ["b", "e"].contains(&id).then_some("r")))?;
                transaction.insert(&message(&format!("u{id}"), "u", Some("r")))?;
            }
            Ok(())
        })
        .unwrap();
        storage
    }

    fn transact<T>(
        storage: &dyn Storage,
        work: impl FnMut(&dyn Transaction) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        storage.transact(work)
    }

    #[track_caller]
    fn check_list(
        order: Order,
        after: Option<&str>,
        before: Option<&str>,
        tag: Option<&str>,
        limit: usize,
        want: &str,
    ) {
        let listing = transact(&filled(), |transaction| {
            let place = |id: Option<&str>| match id {
                Some(id) => transaction.sequence(Kind::Message, Some("t"), id),
                None => Ok(None),
            };
            let (after, before) = (place(after)?, place(before)?);
            transaction.list(&List {
                kind: Kind::Message,
                parent: Some("t"),
                tag,
                order,
                after,
                before,
                limit,
            })
        })
        .unwrap();
        let mut got: String = listing.documents.iter().map(|document| document.id.as_str()).collect();
        got.push_str(if listing.has_more { "+" } else { "" });
        assert_eq!(got, want);
    }

    #[test]
    fn pages_in_both_directions() {
        use Order::{Ascending as Up, Descending as Down};
        check_list(Up, None, None, None, 10, "abcdef");
        check_list(Up, None, None, None, 6, "abcdef");
        check_list(Up, None, None, None, 5, "abcde+");
        check_list(Up, Some("b"), None, None, 2, "cd+");
        check_list(Up, Some("d"), None, None, 2, "ef");
        check_list(Up, Some("f"), None, None, 2, "");
        check_list(Up, None, Some("e"), None, 2, "cd+");
        check_list(Up, None, Some("c"), None, 2, "ab");
        check_list(Up, None, Some("a"), None, 2, "");
        check_list(Up, Some("a"), Some("e"), None, 2, "bc+");
        check_list(Up, Some("a"), Some("e"), None, 3, "bcd");
        check_list(Down, None, None, None, 10, "fedcba");
        check_list(Down, None, None, None, 2, "fe+");
        check_list(Down, Some("e"), None, None, 2, "dc+");
        check_list(Down, Some("c"), None, None, 2, "ba");
        check_list(Down, None, Some("b"), None, 2, "dc+");
        check_list(Down, None, Some("d"), None, 2, "fe");
        check_list(Down, Some("f"), Some("b"), None, 2, "ed+");
        check_list(Up, None, None, Some("r"), 10, "be");
        check_list(Down, None, None, Some("r"), 1, "e+");
        check_list(Down, Some("e"), None, Some("r"), 1, "b");
        check_list(Up, None, None, Some("unknown"), 10, "");
    }

    #[test]
    fn a_deleted_object_still_works_as_a_cursor() {
        let ids = transact(&filled(), |transaction| {
            assert!(transaction.delete(Kind::Message, "c", 100)?);
            let after = transaction.sequence(Kind::Message, Some("t"), "c")?;
            assert!(after.is_some());
            let list = List {
                kind: Kind::Message,
                parent: Some("t"),
                tag: None,
                order: Order::Ascending,
                after,
                before: None,
                limit: 9,
            };
            Ok(transaction
                .list(&list)?
                .documents
                .into_iter()
                .map(|document| document.id)
                .collect::<String>())
        });
        assert_eq!(ids.unwrap(), "def");
    }

    #[test]
    fn a_cursor_of_another_list_is_unknown() {
        let sequence = transact(&filled(), |transaction| {
            transaction.sequence(Kind::Message, Some("u"), "a")
        });
        assert_eq!(sequence.unwrap(), None);
    }

    #[test]
    fn children_are_deleted_with_their_parent() {
        transact(&filled(), |transaction| {
            assert!(transaction.delete(Kind::Thread, "t", 1)?);
            assert_eq!(transaction.get(Kind::Message, "a")?, None);
            assert!(transaction.get(Kind::Message, "ua")?.is_some());
            assert!(!transaction.delete(Kind::Thread, "t", 1)?);
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn an_error_takes_every_write_back() {
        let storage = filled();
        let failed = transact(&storage, |transaction| {
            transaction.insert(&thread("v"))?;
            transaction.update(&Document {
                body: "changed".to_owned(),
                ..message("a", "t", None)
            })?;
            Err::<(), _>(StorageError {
                action: "stop".to_owned(),
                source: None,
            })
        });
        assert_eq!(failed.unwrap_err().action, "stop");
        transact(&storage, |transaction| {
            assert_eq!(transaction.get(Kind::Thread, "v")?, None);
            assert_eq!(transaction.get(Kind::Message, "a")?, Some(message("a", "t", None)));
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn an_object_needs_its_parent() {
        let failed = transact(&filled(), |transaction| {
            transaction.insert(&message("x", "nowhere", None))
        });
        assert_eq!(failed.unwrap_err().action, "storing an object");
    }

    #[test]
    fn finds_objects_by_tag_over_all_parents() {
        let found = transact(&filled(), |transaction| transaction.tagged(Kind::Message, "r")).unwrap();
        assert_eq!(found.len(), 8);
        assert_eq!(found[0].id, "ua");
    }

    #[test]
    fn counts_what_is_below_an_object() {
        transact(&filled(), |transaction| {
            assert_eq!(transaction.count(Kind::Message, "t")?, 6);
            assert_eq!(transaction.count(Kind::Run, "t")?, 0);
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn a_folder_lists_its_objects_newest_first() {
        transact(&filled(), |transaction| {
            for id in ["a", "c", "uc", "f"] {
                transaction.put_in_folder(Kind::Message, id, "one")?;
            }
            transaction.put_in_folder(Kind::Message, "b", "two")?;
            transaction.put_in_folder(Kind::Thread, "t", "one")?;
            let ids = |listing: &FolderListing| -> String {
                listing
                    .documents
                    .iter()
                    .map(|document| format!("{} ", document.id))
                    .collect()
            };
            let first = transaction.in_folder(Kind::Message, "one", None, 2)?;
            assert_eq!(ids(&first), "f uc ");
            let rest = transaction.in_folder(Kind::Message, "one", first.next, 2)?;
            assert_eq!((ids(&rest).as_str(), rest.next), ("c a ", None));
            assert!(transaction.delete(Kind::Message, "c", 1)?);
            assert_eq!(ids(&transaction.in_folder(Kind::Message, "one", None, 9)?), "f uc a ");
            assert_eq!(ids(&transaction.in_folder(Kind::Message, "none", None, 9)?), "");
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn answers_are_kept_until_they_are_too_old() {
        let kept = KeptAnswer {
            request: "digest".to_owned(),
            answer: "{}".to_owned(),
        };
        transact(&filled(), |transaction| {
            transaction.keep_answer("key", "POST /threads", &kept, 100, 0)?;
            assert_eq!(
                transaction.kept_answer("key", "POST /threads", 100)?.as_ref(),
                Some(&kept)
            );
            assert_eq!(transaction.kept_answer("key", "POST /threads", 101)?, None);
            assert_eq!(transaction.kept_answer("key", "POST /assistants", 0)?, None);
            transaction.keep_answer("other", "POST /threads", &kept, 300, 200)?;
            assert_eq!(transaction.kept_answer("key", "POST /threads", 0)?, None);
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn a_file_keeps_its_objects_and_its_version() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db");
        transact(&Sqlite::open(&path).unwrap(), |transaction| {
            transaction.insert(&thread("t"))
        })
        .unwrap();
        let again = Sqlite::open(&path).unwrap();
        assert_eq!(
            transact(&again, |transaction| transaction.get(Kind::Thread, "t")).unwrap(),
            Some(thread("t"))
        );
    }

    #[test]
    fn a_newer_database_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &["CREATE TABLE a (b)", "CREATE TABLE c (d)"]).unwrap();
        let refused = migrate(&mut connection, &["CREATE TABLE a (b)"]).unwrap_err();
        assert_eq!(
            refused.action,
            "the database has version 2, and this program knows versions up to 1"
        );
    }

    #[test]
    fn an_older_database_gets_the_missing_migrations_only() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &["CREATE TABLE a (b)"]).unwrap();
        migrate(&mut connection, &["CREATE TABLE a (b)", "CREATE TABLE c (d)"]).unwrap();
        connection.execute("INSERT INTO c VALUES (1)", []).unwrap();
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
