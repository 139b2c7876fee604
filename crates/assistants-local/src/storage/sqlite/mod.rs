//! The embedded storage: SQLite.

mod database;
mod documents;
mod error;
pub(crate) mod identity;
mod merge;
pub(crate) mod pool;
pub(crate) mod schema;
mod text_index;
mod transaction;
mod vector_index;
mod word_index;
mod writer;

pub(crate) use self::database::{Sqlite, open_file};
pub(crate) use self::error::failure;
