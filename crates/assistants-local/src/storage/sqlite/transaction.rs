//! A transaction of the embedded storage.

use std::cell::Cell;

use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::error::failure;
use crate::storage::StorageError;

pub(super) struct SqliteTransaction<'a> {
    pub(super) connection: &'a Connection,
    /// Something was deleted.
    pub(super) deleted: Cell<bool>,
}

impl SqliteTransaction<'_> {
    pub(super) fn connection(&self) -> &Connection {
        self.connection
    }

    /// Records that something was deleted, so that the log is truncated after the commit.
    pub(super) fn note_deletion(&self) {
        self.deleted.set(true);
    }

    pub(super) fn execute(&self, action: &str, sql: &str, values: impl Params) -> Result<usize, StorageError> {
        let run = || self.connection.prepare_cached(sql)?.execute(values);
        run().map_err(|error| failure(action, error))
    }

    /// Deletes the rows of one owner.
    pub(super) fn delete_rows(&self, action: &str, sql: &str, owner: &str) -> Result<(), StorageError> {
        if self.execute(action, sql, params![owner])? > 0 {
            self.deleted.set(true);
        }
        Ok(())
    }

    pub(super) fn first<T>(
        &self,
        action: &str,
        sql: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StorageError> {
        let run = || self.connection.prepare_cached(sql)?.query_row(values, read).optional();
        run().map_err(|error| failure(action, error))
    }

    pub(super) fn rows<T>(
        &self,
        action: &str,
        sql: &str,
        values: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StorageError> {
        let run = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_map(values, read)?.collect::<rusqlite::Result<Vec<T>>>()
        };
        run().map_err(|error| failure(action, error))
    }
}
