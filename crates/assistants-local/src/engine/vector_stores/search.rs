//! Searches in vector stores.

use std::collections::{HashMap, HashSet};

use assistants_types::openai::{
    Attributes, File, Filter, VectorStore, VectorStoreFile, VectorStoreFileStatus, VectorStoreStatus,
};

use super::query_vectors::QueryVectors;
use super::stores::touch;
use crate::engine::Engine;
use crate::search::{self, Weights};
use crate::storage::object::{Loaded, load};
use crate::storage::{IndexHit, IndexQuery, VectorQuery};
use crate::storage::{Kind, List, Order, Storage, StorageError, Transaction};

/// The length of the rankings that are merged.
const RANKED: usize = 100;

/// A passage found by a search.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SearchHit {
    pub(crate) file_id: String,
    pub(crate) file_name: String,
    pub(crate) attributes: Option<Attributes>,
    pub(crate) score: f64,
    pub(crate) text: String,
}

/// The parameters of a search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search<'a> {
    pub(crate) store_ids: &'a [String],
    pub(crate) queries: &'a [String],
    /// The vectors of the queries; `None` to search by words only.
    pub(crate) vectors: Option<&'a QueryVectors>,
    pub(crate) weights: Weights,
    pub(crate) filter: Option<&'a Filter>,
    pub(crate) limit: usize,
    pub(crate) least_score: f64,
}

/// The result of a search.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) hits: Vec<SearchHit>,
    /// A vector store was searched by words because it lacks vectors.
    lacks_vectors: bool,
}

impl Engine {
    /// Returns the best passages over all queries and vector stores. Vector stores that were deleted or have expired are
    /// skipped.
    pub(crate) fn search(&self, search: &Search<'_>) -> Result<Vec<SearchHit>, StorageError> {
        let found = find(&*self.storage, search)?;
        if found.lacks_vectors {
            self.reembed_soon();
        }
        Ok(found.hits)
    }
}

/// Like [`Engine::search`].
pub(super) fn find(storage: &dyn Storage, search: &Search<'_>) -> Result<Found, StorageError> {
    let store_ids = storage.transact(|transaction| used(transaction, search.store_ids))?;
    storage.read(|transaction| {
        let mut lacks_vectors = false;
        let stores = stores(transaction, &store_ids, search.filter)?;
        let mut best: HashMap<(String, i64), IndexHit> = HashMap::new();
        for (index, query) in search.queries.iter().enumerate() {
            let ranked = ranked(transaction, &stores, search, index, query)?;
            lacks_vectors |= ranked.lacks_vectors;
            for one in ranked.hits.into_iter().take(search.limit) {
                let place = (one.owner.clone(), one.position);
                if best.get(&place).is_none_or(|other| other.score < one.score) {
                    best.insert(place, one);
                }
            }
        }
        let mut best: Vec<IndexHit> = best.into_values().collect();
        best.retain(|hit| hit.score >= search.least_score);
        best.sort_by(|one, other| {
            let place = |found: &IndexHit| (found.owner.clone(), found.position);
            by_score(one, other).then_with(|| place(one).cmp(&place(other)))
        });
        best.truncate(search.limit);
        let hits = with_files(transaction, best)?;
        Ok(Found { hits, lacks_vectors })
    })
}

fn by_score(one: &IndexHit, other: &IndexHit) -> std::cmp::Ordering {
    other.score.total_cmp(&one.score)
}

/// Records that vector stores were used, and returns those that can be searched.
fn used(transaction: &dyn Transaction, store_ids: &[String]) -> Result<Vec<String>, StorageError> {
    let mut used = Vec::new();
    for store_id in store_ids {
        if let Some(mut store) = load::<VectorStore>(transaction, store_id)?
            && store.object.status != VectorStoreStatus::Expired
        {
            touch(transaction, &mut store)?;
            used.push(store_id.clone());
        }
    }
    Ok(used)
}

/// A vector store, and the files whose passages can be found; `None` for all.
struct SearchedStore<'a> {
    id: &'a str,
    passing: Option<HashSet<String>>,
}

fn stores<'a>(
    transaction: &dyn Transaction,
    store_ids: &'a [String],
    filter: Option<&Filter>,
) -> Result<Vec<SearchedStore<'a>>, StorageError> {
    let store = |id: &'a String| {
        let passing = filter.map(|filter| passing(transaction, id, filter)).transpose()?;
        Ok(SearchedStore { id, passing })
    };
    store_ids.iter().map(store).collect()
}

/// The passages found for one query, best first.
struct Ranked {
    hits: Vec<IndexHit>,
    lacks_vectors: bool,
}

fn ranked(
    transaction: &dyn Transaction,
    stores: &[SearchedStore<'_>],
    search: &Search<'_>,
    index: usize,
    query: &str,
) -> Result<Ranked, StorageError> {
    let vectors = search.vectors.filter(|_| search.weights.embedding > 0.0);
    let vector = vectors.and_then(|vectors| Some((vectors.model.as_str(), vectors.vectors.get(index)?.as_ref()?)));
    let limit = if vector.is_some() {
        RANKED.max(search.limit)
    } else {
        search.limit
    };
    let words = search::words(query);
    let (mut by_text, mut by_vector) = (Vec::new(), Vec::new());
    let mut lacks_vectors = false;
    for store in stores {
        let accept = |owner: &str| store.passing.as_ref().is_none_or(|passing| passing.contains(owner));
        by_text.extend(transaction.find(&IndexQuery {
            collection: store.id,
            words: &words,
            accept: &accept,
            least_score: 0.0,
            limit,
        })?);
        let Some((model, vector)) = vector else { continue };
        let nearest = transaction.nearest(&VectorQuery {
            collection: store.id,
            model,
            vector,
            accept: &accept,
            limit,
        })?;
        match nearest {
            Some(hits) => by_vector.extend(hits),
            None => lacks_vectors = true,
        }
    }
    for ranking in [&mut by_text, &mut by_vector] {
        ranking.sort_by(by_score);
        ranking.truncate(limit);
    }
    let hits = if by_vector.is_empty() {
        by_text
    } else {
        search::fuse(by_text, by_vector, search.weights)
    };
    Ok(Ranked { hits, lacks_vectors })
}

/// Adds the files to passages.
fn with_files(transaction: &dyn Transaction, passages: Vec<IndexHit>) -> Result<Vec<SearchHit>, StorageError> {
    let mut hits = Vec::new();
    for found in passages {
        let Some(stored) = load::<VectorStoreFile>(transaction, &found.owner)? else {
            continue;
        };
        let file = load::<File>(transaction, &stored.object.id)?;
        hits.push(SearchHit {
            file_id: stored.object.id,
            file_name: file.map(|file| file.object.filename).unwrap_or_default(),
            attributes: stored.object.attributes,
            score: found.score,
            text: found.text,
        });
    }
    Ok(hits)
}

/// Returns the files of a vector store whose attributes match a filter.
fn passing(transaction: &dyn Transaction, store_id: &str, filter: &Filter) -> Result<HashSet<String>, StorageError> {
    let list = List {
        kind: Kind::VectorStoreFile,
        parent: Some(store_id),
        tag: Some(VectorStoreFileStatus::Completed.as_str()),
        order: Order::Ascending,
        after: None,
        before: None,
        limit: usize::MAX,
    };
    let mut passing = HashSet::new();
    for document in transaction.list(&list)?.documents {
        let file = Loaded::<VectorStoreFile>::parse(document)?;
        if search::passes(filter, &file.object.attributes.unwrap_or_default()) {
            passing.insert(file.document.id);
        }
    }
    Ok(passing)
}
