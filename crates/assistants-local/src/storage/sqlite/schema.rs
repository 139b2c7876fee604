//! The database schema and its migrations.

use rusqlite::{Connection, TransactionBehavior};

use super::failure;
use crate::storage::StorageError;

/// The migrations: entry `i` upgrades a database from version `i` to `i + 1`. Released entries never change.
pub(crate) const MIGRATIONS: &[&str] = &[
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
    // Complete deletion: records whose bytes are still to be removed, and which stored responses show an object.
    "
    CREATE TABLE meta (
        name  TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- Files that were deleted and whose bytes were not removed yet.
    CREATE TABLE removals (
        id TEXT PRIMARY KEY
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER bytes_of_deleted AFTER DELETE ON objects WHEN old.kind IN ('file', 'upload_part') BEGIN
        INSERT OR IGNORE INTO removals VALUES (old.id);
    END;

    -- Answers are deleted with the objects that they show.
    CREATE TABLE answer_objects (
        id    TEXT NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        key   TEXT NOT NULL,
        place TEXT NOT NULL,
        PRIMARY KEY (id, key, place),
        FOREIGN KEY (key, place) REFERENCES answers (key, place) ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX answer_objects_by_answer ON answer_objects (key, place);
    CREATE TRIGGER answers_of_deleted AFTER DELETE ON answer_objects BEGIN
        DELETE FROM answers WHERE key = old.key AND place = old.place;
    END;
    INSERT OR IGNORE INTO answer_objects
        SELECT objects.id, answers.key, answers.place
        FROM answers, json_tree(answers.answer) AS member JOIN objects ON objects.id = member.value
        WHERE member.key = 'id';
    DELETE FROM answers WHERE (key, place) NOT IN (SELECT key, place FROM answer_objects);

    -- What earlier versions left behind.
    DELETE FROM passages WHERE collection IN (
        SELECT id FROM objects WHERE kind = 'vector_store' AND json_extract(body, '$.status') = 'expired');
    DELETE FROM objects WHERE kind = 'upload_part' AND parent IN (
        SELECT id FROM objects WHERE kind = 'upload' AND json_extract(body, '$.status') <> 'pending');
    UPDATE objects SET tag = json_extract(body, '$.file.id') WHERE kind = 'upload';
    INSERT OR IGNORE INTO expiries SELECT id, kind, created_at + 86400 FROM objects
        WHERE kind = 'upload' AND json_extract(body, '$.status') IN ('cancelled', 'expired');

    -- A removed word stays in the text index, beside a note that it is removed, until both are merged.
    DROP TRIGGER passages_removed;
    CREATE TRIGGER passages_removed AFTER DELETE ON passages BEGIN
        INSERT INTO passage_words (passage_words, rowid, collection, text)
            VALUES ('delete', old.id, old.collection, old.text);
        INSERT OR IGNORE INTO meta VALUES ('merge', 'due');
    END;
    INSERT INTO passage_words (passage_words) VALUES ('optimize');

    -- Pages that were freed before keep their old texts until the file is written anew, if it ever held an object.
    INSERT INTO meta SELECT 'vacuum', 'due' WHERE EXISTS (SELECT 1 FROM sqlite_sequence);
",
    // Each vector has the length 1 and consists of numbers of four bytes, least significant first.
    "
    CREATE TABLE passage_vectors (
        passage INTEGER PRIMARY KEY REFERENCES passages (id) ON DELETE CASCADE,
        model   TEXT NOT NULL,
        vector  BLOB NOT NULL
    ) STRICT;
",
    // Words are indexed as stems, which SQLite cannot make. The index no longer reads the passages; it is filled by this
    // program, from the passages that exist when the database is opened next.
    "
    DROP TRIGGER passages_added;
    DROP TRIGGER passages_removed;
    DROP TABLE passage_words;
    CREATE VIRTUAL TABLE passage_words USING fts5 (
        collection, words, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
    );
    CREATE TRIGGER passages_removed AFTER DELETE ON passages BEGIN
        DELETE FROM passage_words WHERE rowid = old.id;
        INSERT OR IGNORE INTO meta VALUES ('merge', 'due');
    END;
",
];

/// Returns the version of an up-to-date database.
pub(crate) fn version() -> i32 {
    i32::try_from(MIGRATIONS.len()).expect("the migrations are few")
}

/// Upgrades a database to the current version. Fails if its version is newer.
pub(crate) fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<(), StorageError> {
    let failed = |error| failure("migrating the database", error);
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
            action: format!(
                "the database has version {version}, but this program supports versions up to {known} only"
            ),
            source: None,
        });
    };
    for statements in pending {
        transaction.execute_batch(statements).map_err(failed)?;
    }
    transaction.pragma_update(None, "user_version", known).map_err(failed)?;
    transaction.commit().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_database_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &["CREATE TABLE a (b)", "CREATE TABLE c (d)"]).unwrap();
        let refused = migrate(&mut connection, &["CREATE TABLE a (b)"]).unwrap_err();
        assert_eq!(
            refused.action,
            "the database has version 2, but this program supports versions up to 1 only"
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
    fn a_database_without_an_identity_is_upgraded_and_nothing_deleted_is_left_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let mut old = Connection::open(&path).unwrap();
        old.execute_batch("PRAGMA journal_mode = WAL; PRAGMA secure_delete = OFF; PRAGMA foreign_keys = ON;")
            .unwrap();
        migrate(&mut old, &MIGRATIONS[..3]).unwrap();
        old.execute_batch(
            r#"
            INSERT INTO objects (kind, id, parent, tag, created_at, body) VALUES
                ('file', 'file-1', NULL, NULL, 0, '{"id":"file-1"}'),
                ('upload', 'upload_1', NULL, NULL, 0, '{"id":"upload_1","status":"completed","file":{"id":"file-1"}}'),
                ('upload_part', 'part_1', 'upload_1', NULL, 0, '{}'),
                ('upload', 'upload_2', NULL, NULL, 0, '{"id":"upload_2","status":"pending"}'),
                ('upload_part', 'part_2', 'upload_2', NULL, 0, '{}'),
                ('vector_store', 'vs_1', NULL, NULL, 0, '{"id":"vs_1","status":"expired"}'),
                ('vector_store_file', 'vs_1/file-1', 'vs_1', 'completed', 0, '{}'),
                ('vector_store', 'vs_2', NULL, NULL, 0, '{"id":"vs_2","status":"completed"}'),
                ('vector_store_file', 'vs_2/file-1', 'vs_2', 'completed', 0, '{}'),
                ('thread', 'thread_1', NULL, NULL, 0, '{"id":"thread_1","metadata":{"k":"zqxjvk"}}');
            INSERT INTO passages (collection, owner, position, text) VALUES
                ('vs_1', 'vs_1/file-1', 0, 'zqxjvk'), ('vs_2', 'vs_2/file-1', 0, 'kept');
            INSERT INTO answers (key, place, request, answer, created_at) VALUES
                ('a', 'POST /threads', '', '{"id":"thread_1","text":"zqxjvk"}', 0),
                ('b', 'POST /vector_stores', '', '{"id":"vs_2"}', 0);
            DELETE FROM objects WHERE id = 'thread_1';
            "#,
        )
        .unwrap();
        drop(old);
        let bytes = folder.path().join("a.db.files");
        std::fs::create_dir(&bytes).unwrap();
        for name in ["file-1", "part_1", "part_2"] {
            std::fs::write(bytes.join(name), "x").unwrap();
        }

        let (storage, files) = crate::storage::pair::open(&path).unwrap();
        assert_eq!(files.identity().unwrap(), storage.identity().unwrap().0);
        let rows = |sql: &str| {
            storage
                .with("reading", |connection| {
                    let mut statement = connection.prepare(sql)?;
                    let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
                    rows.collect::<rusqlite::Result<Vec<_>>>()
                })
                .unwrap()
                .join(" ")
        };
        assert_eq!(rows("SELECT collection FROM passages"), "vs_2");
        assert_eq!(
            rows("SELECT rowid || '' FROM passage_words WHERE passage_words MATCH 'zqxjvk'"),
            ""
        );
        assert_eq!(
            rows("SELECT rowid || '' FROM passage_words WHERE passage_words MATCH 'kept'"),
            "2"
        );
        assert_eq!(rows("SELECT id FROM removals"), "part_1");
        assert_eq!(rows("SELECT key FROM answers"), "b");
        assert_eq!(
            rows("SELECT tag FROM objects WHERE kind = 'upload' AND tag IS NOT NULL"),
            "file-1"
        );
        assert_eq!(
            rows("SELECT name FROM meta"),
            "identity stems",
            "nothing is due any more"
        );
        for name in ["a.db", "a.db-wal"] {
            let bytes = std::fs::read(folder.path().join(name)).unwrap();
            assert!(!bytes.windows(6).any(|window| window == b"zqxjvk"), "{name}");
        }
    }
}
