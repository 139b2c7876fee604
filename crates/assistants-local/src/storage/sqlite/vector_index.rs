//! The vector index of the embedded storage: a table of vectors, all of which a search reads.
//!
//! SQLite has no index for vectors of its own, and extensions that have one cannot be loaded without `unsafe` code.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use rusqlite::{OptionalExtension, params};

use super::failure;
use super::transaction::SqliteTransaction;
use crate::search::Vector;
use crate::storage::StorageError;
use crate::storage::text_index::IndexHit;
use crate::storage::vector_index::{UnembeddedPassage, VectorIndex, VectorQuery, WithoutVectors};

/// A passage that may be among the best.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Candidate {
    similarity: f32,
    passage: i64,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    /// The greater one is the better one. Of equally similar passages, the one that was added first is better, so that a
    /// search is deterministic.
    fn cmp(&self, other: &Self) -> Ordering {
        let by_similarity = self.similarity.total_cmp(&other.similarity);
        by_similarity.then(other.passage.cmp(&self.passage))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl VectorIndex for SqliteTransaction<'_> {
    fn add_vectors(&self, owner: &str, model: &str, vectors: &[Vector]) -> Result<(), StorageError> {
        let sql = "INSERT INTO passage_vectors (passage, model, vector)
            SELECT id, ?3, ?4 FROM passages WHERE owner = ?1 AND position = ?2";
        for (position, vector) in vectors.iter().enumerate() {
            let position = i64::try_from(position).unwrap_or(i64::MAX);
            let values = params![owner, position, model, vector.to_bytes()];
            self.execute("adding to the vector index", sql, values)?;
        }
        Ok(())
    }

    fn replace_vector(&self, passage: &UnembeddedPassage, model: &str, vector: &Vector) -> Result<(), StorageError> {
        // The id of a removed passage can be that of another one now.
        let sql = "INSERT OR REPLACE INTO passage_vectors (passage, model, vector)
            SELECT id, ?3, ?4 FROM passages WHERE id = ?1 AND text = ?2";
        let values = params![passage.id, passage.text, model, vector.to_bytes()];
        self.execute("adding to the vector index", sql, values).map(|_| ())
    }

    fn collections(&self) -> Result<Vec<String>, StorageError> {
        // `DISTINCT` would read the whole index.
        let sql = "WITH RECURSIVE found (collection) AS (
                SELECT min(collection) FROM passages
                UNION ALL
                SELECT (SELECT min(collection) FROM passages WHERE collection > found.collection)
                FROM found WHERE collection IS NOT NULL
            )
            SELECT collection FROM found WHERE collection IS NOT NULL";
        self.rows("listing the collections", sql, [], |row| row.get(0))
    }

    fn without_vectors(&self, without: &WithoutVectors<'_>) -> Result<Vec<UnembeddedPassage>, StorageError> {
        let sql = "SELECT passages.id, passages.text
            FROM passages LEFT JOIN passage_vectors ON passage_vectors.passage = passages.id
            WHERE passages.collection = ?1 AND passages.id > ?4
                AND (vector IS NULL OR model <> ?2 OR length(vector) <> ifnull(?3, length(vector)))
            ORDER BY passages.id LIMIT ?5";
        let bytes = without.dimensions.map(|dimensions| dimensions * size_of::<f32>());
        let limit = i64::try_from(without.limit).unwrap_or(i64::MAX);
        let values = params![
            without.collection,
            without.model,
            bytes.and_then(|bytes| i64::try_from(bytes).ok()),
            without.after,
            limit
        ];
        self.rows("reading the vector index", sql, values, |row| {
            Ok(UnembeddedPassage {
                id: row.get(0)?,
                text: row.get(1)?,
            })
        })
    }

    fn nearest(&self, query: &VectorQuery<'_>) -> Result<Option<Vec<IndexHit>>, StorageError> {
        let action = "searching";
        let best = self.best(query).map_err(|error| failure(action, error))?;
        let Some(best) = best else { return Ok(None) };
        let mut hits = Vec::new();
        for Candidate { similarity, passage } in best {
            let sql = "SELECT owner, position, text FROM passages WHERE id = ?1";
            hits.extend(self.first(action, sql, params![passage], |row| {
                Ok(IndexHit {
                    owner: row.get(0)?,
                    position: row.get(1)?,
                    text: row.get(2)?,
                    score: f64::from(similarity).clamp(0.0, 1.0),
                })
            })?);
        }
        Ok(Some(hits))
    }
}

impl SqliteTransaction<'_> {
    fn best(&self, query: &VectorQuery<'_>) -> rusqlite::Result<Option<Vec<Candidate>>> {
        // Both tables are read in the order of ids: the index of passages by collection contains them.
        let sql = "SELECT passages.id, vector
            FROM passages LEFT JOIN passage_vectors ON passage = passages.id AND model = ?2
            WHERE passages.collection = ?1 ORDER BY passages.id";
        let mut statement = self.connection().prepare_cached(sql)?;
        let mut rows = statement.query(params![query.collection, query.model])?;
        // The worst of the best is on top.
        let mut best: BinaryHeap<Reverse<Candidate>> = BinaryHeap::new();
        while let Some(row) = rows.next()? {
            let bytes = row.get_ref(1)?.as_blob_or_null()?;
            let Some(similarity) = bytes.and_then(|bytes| query.vector.similarity(bytes)) else {
                return Ok(None);
            };
            let candidate = Candidate {
                similarity,
                passage: row.get(0)?,
            };
            let is_full = best.len() >= query.limit;
            let is_worse = is_full && best.peek().is_none_or(|worst| candidate < worst.0);
            if is_worse || !self.is_accepted(query, candidate.passage)? {
                continue;
            }
            if is_full {
                best.pop();
            }
            best.push(Reverse(candidate));
        }
        let best = best.into_sorted_vec().into_iter();
        Ok(Some(best.map(|Reverse(candidate)| candidate).collect()))
    }

    fn is_accepted(&self, query: &VectorQuery<'_>, passage: i64) -> rusqlite::Result<bool> {
        let mut statement = self
            .connection()
            .prepare_cached("SELECT owner FROM passages WHERE id = ?1")?;
        let owner: Option<String> = statement.query_row([passage], |row| row.get(0)).optional()?;
        Ok(owner.is_some_and(|owner| (query.accept)(&owner)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::sqlite::Sqlite;
    use crate::storage::{Document, Kind, Storage, Transaction};

    fn vector(numbers: &[f32]) -> Vector {
        Vector::normalized(numbers.to_vec()).unwrap()
    }

    /// Collection `c` with two passages of `a` and one of `b`.
    fn filled() -> Sqlite {
        let storage = Sqlite::in_memory().unwrap();
        in_transaction(&storage, |transaction| {
            for id in ["a", "b", "other"] {
                transaction.insert(&Document {
                    kind: Kind::Thread,
                    id: id.to_owned(),
                    parent: None,
                    tag: None,
                    created_at: 0,
                    body: String::new(),
                    notes: None,
                })?;
            }
            transaction.add_passages("c", "a", &["east", "north"])?;
            transaction.add_vectors("a", "m", &[vector(&[1.0, 0.0]), vector(&[0.0, 1.0])])?;
            transaction.add_passages("c", "b", &["northeast"])?;
            transaction.add_vectors("b", "m", &[vector(&[1.0, 1.0])])?;
            transaction.add_passages("d", "other", &["east"])?;
            transaction.add_vectors("other", "m", &[vector(&[1.0, 0.0])])
        });
        storage
    }

    fn in_transaction<T>(storage: &Sqlite, work: impl Fn(&dyn Transaction) -> Result<T, StorageError>) -> T {
        let storage: &dyn Storage = storage;
        storage.transact(work).unwrap()
    }

    fn nearest(storage: &Sqlite, model: &str, numbers: &[f32], owner: &str, limit: usize) -> Option<String> {
        let hits = in_transaction(storage, |transaction| {
            transaction.nearest(&VectorQuery {
                collection: "c",
                model,
                vector: &vector(numbers),
                accept: &|one| owner.is_empty() || one == owner,
                limit,
            })
        });
        let words = hits?.into_iter().map(|hit| format!("{} {:.2}", hit.text, hit.score));
        Some(words.collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn finds_the_most_similar_first() {
        let storage = filled();
        for (numbers, owner, limit, want) in [
            ([2.0, 0.0], "", 10, "east 1.00, northeast 0.71, north 0.00"),
            ([2.0, 0.0], "", 1, "east 1.00"),
            ([0.0, 1.0], "b", 10, "northeast 0.71"),
            ([-1.0, 0.1], "", 1, "north 0.10"),
            ([1.0, 1.0], "a", 1, "east 0.71"),
            ([1.0, 1.0], "", 0, ""),
        ] {
            let found = nearest(&storage, "m", &numbers, owner, limit);
            assert_eq!(found.as_deref(), Some(want), "{numbers:?} of {owner:?}");
        }
    }

    #[test]
    fn a_collection_without_all_vectors_is_not_searched() {
        let storage = filled();
        assert_eq!(nearest(&storage, "other", &[1.0, 0.0], "", 10), None);
        assert_eq!(nearest(&storage, "m", &[1.0, 0.0, 0.0], "", 10), None);
        let without = |model: &str, dimensions, after| {
            let passages = in_transaction(&storage, |transaction| {
                transaction.without_vectors(&WithoutVectors {
                    collection: "c",
                    model,
                    dimensions,
                    after,
                    limit: 2,
                })
            });
            let texts = passages.iter().map(|passage| passage.text.clone());
            (texts.collect::<Vec<_>>().join(" "), passages)
        };
        assert_eq!(without("m", None, 0).0, "");
        assert_eq!(without("m", Some(2), 0).0, "");
        assert_eq!(without("m", Some(3), 0).0, "east north");
        let (texts, mut first) = without("other", None, 0);
        assert_eq!(texts, "east north");
        let (texts, rest) = without("other", None, first[1].id);
        assert_eq!(texts, "northeast");
        first.extend(rest);

        // One that has become another passage since is left alone.
        let mut changed = first.clone();
        changed[2].text = "old".to_owned();
        for (passages, want) in [
            (&changed, None),
            (&first, Some("east 1.00, north 1.00, northeast 1.00".to_owned())),
        ] {
            in_transaction(&storage, |transaction| {
                let mut passages = passages.iter();
                passages.try_for_each(|passage| transaction.replace_vector(passage, "other", &vector(&[1.0])))
            });
            assert_eq!(nearest(&storage, "other", &[1.0], "", 10), want);
        }
        let collections = in_transaction(&storage, |transaction| transaction.collections());
        assert_eq!(collections, ["c", "d"]);
    }

    #[test]
    fn vectors_go_with_their_passages() {
        let storage = filled();
        let count = || {
            storage
                .with("counting", |connection| {
                    connection.query_row("SELECT count(*) FROM passage_vectors", [], |row| row.get::<_, i64>(0))
                })
                .unwrap()
        };
        assert_eq!(count(), 4);
        in_transaction(&storage, |transaction| transaction.delete(Kind::Thread, "a", 0));
        assert_eq!(count(), 2);
        in_transaction(&storage, |transaction| transaction.remove_collection("c"));
        assert_eq!(count(), 1);
    }
}
