//! Storage: JSON documents behind a trait.
//!
//! The engine does not depend on tables. It stores each object as the JSON that is sent to clients, with the few
//! columns that lists and look-ups need. Everything that must be consistent happens in one [`Transaction`].

pub(crate) mod blobs;
mod document;
mod error;
mod kind;
mod list;
pub(crate) mod object;
pub(crate) mod pair;
pub(crate) mod private;
pub(crate) mod sqlite;
mod text_index;
mod transaction;
mod vector_index;

pub(crate) use self::document::Document;
pub(crate) use self::error::StorageError;
pub(crate) use self::kind::{ACTIVE, Kind};
pub(crate) use self::list::{FolderListing, List, Listing, Order};
pub(crate) use self::sqlite::pool::work_in_background;
pub(crate) use self::text_index::{IndexHit, IndexQuery};
pub(crate) use self::transaction::{Outcome, RESPONSES_KEPT, Storage, StoredResponse, Transaction};
pub(crate) use self::vector_index::{VectorQuery, WithoutVectors};
