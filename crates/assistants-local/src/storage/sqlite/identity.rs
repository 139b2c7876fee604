//! The identity of a database, and the files that it knows.

use rusqlite::{Connection, OptionalExtension};

/// Returns the identity stored in a database, and whether an adoption may have been interrupted.
pub(crate) fn identity_in(connection: &Connection) -> rusqlite::Result<(Option<String>, bool)> {
    let read = |name: &str| {
        let sql = "SELECT value FROM meta WHERE name = ?1";
        connection
            .query_row(sql, [name], |row| row.get::<_, String>(0))
            .optional()
    };
    Ok((read("identity")?, read("adopting")?.is_some()))
}

/// Returns the ids of all objects that have bytes in the folder.
pub(crate) fn known_in(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT id FROM objects WHERE kind IN ('file', 'upload_part')")?;
    let ids = statement.query_map([], |row| row.get(0))?;
    ids.collect()
}
