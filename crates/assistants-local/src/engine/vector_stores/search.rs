//! Searches in vector stores.

use std::collections::{HashMap, HashSet};

use assistants_types::openai::{
    Attributes, File, Filter, VectorStore, VectorStoreFile, VectorStoreFileStatus, VectorStoreStatus,
};

use super::stores::touch;
use crate::search;
use crate::storage::object::{Loaded, load};
use crate::storage::{IndexHit, IndexQuery};
use crate::storage::{Kind, List, Order, StorageError, Transaction};

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
    pub(crate) filter: Option<&'a Filter>,
    pub(crate) limit: usize,
    pub(crate) least_score: f64,
}

/// Returns the best passages over all queries and vector stores. Vector stores that were deleted or have expired are
/// skipped.
pub(crate) fn search(transaction: &dyn Transaction, search: Search<'_>) -> Result<Vec<SearchHit>, StorageError> {
    let mut best: HashMap<(String, i64), IndexHit> = HashMap::new();
    for store_id in search.store_ids {
        let Some(mut store) = load::<VectorStore>(transaction, store_id)? else {
            continue;
        };
        if store.object.status == VectorStoreStatus::Expired {
            continue;
        }
        touch(transaction, &mut store)?;
        let passing = match search.filter {
            Some(filter) => Some(passing(transaction, store_id, filter)?),
            None => None,
        };
        for query in search.queries {
            let found = transaction.find(&IndexQuery {
                collection: store_id,
                words: &search::words(query),
                accept: &|owner| passing.as_ref().is_none_or(|passing| passing.contains(owner)),
                least_score: search.least_score,
                limit: search.limit,
            })?;
            for one in found {
                let place = (one.owner.clone(), one.position);
                if best.get(&place).is_none_or(|other| other.score < one.score) {
                    best.insert(place, one);
                }
            }
        }
    }
    let mut best: Vec<IndexHit> = best.into_values().collect();
    best.sort_by(|one, other| {
        let place = |found: &IndexHit| (found.owner.clone(), found.position);
        other
            .score
            .total_cmp(&one.score)
            .then_with(|| place(one).cmp(&place(other)))
    });
    best.truncate(search.limit);
    let mut hits = Vec::new();
    for found in best {
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
