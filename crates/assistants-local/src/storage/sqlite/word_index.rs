//! The index of the words of passages, which holds their stems only.

use rusqlite::{Connection, OptionalExtension, params};

use super::failure;
use crate::search::{STEMS, stems};
use crate::storage::StorageError;

/// The number of passages whose words are indexed in one transaction when the index is filled again.
const BATCH: i64 = 100;

/// Adds the words of a passage.
pub(super) fn add_words(connection: &Connection, id: i64, collection: &str, text: &str) -> rusqlite::Result<()> {
    let sql = "INSERT INTO passage_words (rowid, collection, words) VALUES (?1, ?2, ?3)";
    let mut statement = connection.prepare_cached(sql)?;
    statement.execute(params![id, collection, stems(text)]).map(|_| ())
}

/// Fills the index from the passages if it is of another version of the stems, or if an earlier start was interrupted doing
/// so.
pub(super) fn fill(connection: &Connection) -> Result<(), StorageError> {
    let failed = |error| failure("filling the text index", error);
    let mut is_new = true;
    while fill_step(connection, BATCH).map_err(failed)? {
        if is_new {
            log::info!("filling the text index once, because this version finds more forms of words");
            is_new = false;
        }
    }
    Ok(())
}

/// Indexes some passages. Returns whether there may be more.
fn fill_step(connection: &Connection, batch: i64) -> rusqlite::Result<bool> {
    let note = |name: &str| -> rusqlite::Result<Option<String>> {
        let sql = "SELECT value FROM meta WHERE name = ?1";
        connection.query_row(sql, [name], |row| row.get(0)).optional()
    };
    let set = "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)";
    let transaction = connection.unchecked_transaction()?;
    if note("stems")?.as_deref() == Some(STEMS) {
        return Ok(false);
    }
    let filled = note("filled")?;
    let last = filled
        .as_ref()
        .and_then(|filled| filled.strip_prefix(STEMS)?.strip_prefix(':')?.parse::<i64>().ok());
    let last = if let Some(last) = last {
        last
    } else {
        connection.execute("INSERT INTO passage_words (passage_words) VALUES ('delete-all')", [])?;
        0
    };
    let passages: Vec<(i64, String, String)> = connection
        .prepare_cached("SELECT id, collection, text FROM passages WHERE id > ?1 ORDER BY id LIMIT ?2")?
        .query_map([last, batch], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (id, collection, text) in &passages {
        add_words(connection, *id, collection, text)?;
    }
    if let Some((id, ..)) = passages.last() {
        connection.execute(set, ["filled", format!("{STEMS}:{id}").as_str()])?;
    } else {
        connection.execute("DELETE FROM meta WHERE name = 'filled'", [])?;
        connection.execute(set, ["stems", STEMS])?;
    }
    transaction.commit()?;
    Ok(!passages.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::sqlite::schema::{MIGRATIONS, migrate};

    fn found(connection: &Connection, word: &str) -> Vec<i64> {
        let sql = "SELECT rowid FROM passage_words WHERE passage_words MATCH ?1 ORDER BY rowid";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([word], |row| row.get(0)).unwrap();
        rows.collect::<rusqlite::Result<_>>().unwrap()
    }

    /// A database as version 4 wrote it, with five passages.
    fn old() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &MIGRATIONS[..4]).unwrap();
        let insert = "
            INSERT INTO objects (kind, id, created_at, body) VALUES ('vector_store_file', 'f', 0, '');
            INSERT INTO passages (collection, owner, position, text) VALUES
                ('vs_1', 'f', 0, 'Он гулял с собаками.'), ('vs_1', 'f', 1, 'Running'), ('vs_1', 'f', 2, 'Собака лает'),
                ('vs_2', 'f', 3, 'a café'), ('vs_2', 'f', 4, 'the last');
            DELETE FROM passages WHERE position = 1;";
        connection.execute_batch(insert).unwrap();
        assert!(found(&connection, "собак").is_empty());
        connection
    }

    #[test]
    fn an_old_index_is_filled_again() {
        let mut connection = old();
        migrate(&mut connection, MIGRATIONS).unwrap();
        fill(&connection).unwrap();
        assert_eq!(found(&connection, "собак"), [1, 3]);
        assert_eq!(found(&connection, "cafe"), [4]);
        assert_eq!(found(&connection, "run"), [] as [i64; 0]);
        connection.execute("DELETE FROM passages WHERE id = 1", []).unwrap();
        assert_eq!(found(&connection, "собак"), [3]);
        // Nothing is filled twice.
        fill(&connection).unwrap();
        assert_eq!(found(&connection, "собак"), [3]);
    }

    #[test]
    fn filling_continues_where_it_was_interrupted() {
        let mut connection = old();
        migrate(&mut connection, MIGRATIONS).unwrap();
        assert!(fill_step(&connection, 2).unwrap());
        assert_eq!(found(&connection, "собак"), [1, 3]);
        connection
            .execute("UPDATE passages SET text = 'changed' WHERE id = 1", [])
            .unwrap();
        fill(&connection).unwrap();
        assert_eq!(
            found(&connection, "собак"),
            [1, 3],
            "what was filled is not filled again"
        );
        assert_eq!(found(&connection, "last"), [5]);
    }

    #[test]
    fn an_index_of_other_stems_is_filled_again() {
        let mut connection = old();
        migrate(&mut connection, MIGRATIONS).unwrap();
        fill(&connection).unwrap();
        for note in [
            "UPDATE meta SET value = '0' WHERE name = 'stems'",
            "INSERT INTO meta VALUES ('filled', '0:4')",
        ] {
            connection.execute(note, []).unwrap();
        }
        connection
            .execute("UPDATE passages SET text = 'changed' WHERE id = 1", [])
            .unwrap();
        fill(&connection).unwrap();
        assert_eq!(found(&connection, "собак"), [3]);
        assert_eq!(found(&connection, "chang"), [1]);
    }
}
