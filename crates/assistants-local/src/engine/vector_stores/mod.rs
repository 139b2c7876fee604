//! Vector stores: their files, the indexing progress, and searches.

pub(crate) mod assistant_files;
mod batches;
mod counts;
pub(crate) mod embedding_thread;
mod files;
pub(crate) mod index_queue;
pub(crate) mod indexing;
mod query_vectors;
pub(crate) mod reembedding;
mod search;
mod stores;
#[cfg(test)]
mod tests;

pub(crate) use self::batches::{batch_files, cancel_batch, create_batch, load_batch};
pub(crate) use self::counts::expired;
pub(crate) use self::files::{NewFile, attach, detach, detach_everywhere, load_file};
pub(crate) use self::query_vectors::{QueryVectors, weights};
pub(crate) use self::search::{Search, SearchHit};
pub(crate) use self::stores::{create_store, delete, existing, find, load_store, touch};
