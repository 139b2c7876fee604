//! The embedded storage: SQLite.

mod database;
mod documents;
mod error;
pub(crate) mod identity;
mod merge;
pub(crate) mod priority_lock;
pub(crate) mod schema;
mod text_index;
mod transaction;
mod vector_index;
mod word_index;

pub(crate) use self::database::{Sqlite, open_file};
pub(crate) use self::error::failure;
