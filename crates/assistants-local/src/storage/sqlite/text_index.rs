//! The text index of the embedded storage, based on SQLite's FTS5.

use std::collections::{BTreeSet, HashMap};

use rusqlite::params;

use super::failure;
use super::transaction::SqliteTransaction;
use super::word_index::add_words;
use crate::search::forms;
use crate::storage::StorageError;
use crate::storage::text_index::{IndexHit, IndexQuery, TextIndex};

/// The scores of a passage that contains at least one of the words.
#[derive(Clone, Copy, Default)]
struct Candidate {
    /// The sum of the weights of the words that the passage contains.
    weight: f64,
    /// The sum of their bm25 scores.
    relevance: f64,
}

impl TextIndex for SqliteTransaction<'_> {
    fn add_passages(&self, collection: &str, owner: &str, passages: &[&str]) -> Result<(), StorageError> {
        let action = "adding to the index";
        let sql = "INSERT INTO passages (collection, owner, position, text) VALUES (?1, ?2, ?3, ?4)";
        for (position, text) in passages.iter().enumerate() {
            let position = i64::try_from(position).unwrap_or(i64::MAX);
            self.execute(action, sql, params![collection, owner, position, text])?;
            let id = self.connection().last_insert_rowid();
            add_words(self.connection(), id, collection, text).map_err(|error| failure(action, error))?;
        }
        Ok(())
    }

    fn remove_passages(&self, owner: &str) -> Result<(), StorageError> {
        let sql = "DELETE FROM passages WHERE owner = ?1";
        self.delete_rows("removing from the index", sql, owner)
    }

    fn remove_collection(&self, collection: &str) -> Result<(), StorageError> {
        let sql = "DELETE FROM passages WHERE collection = ?1";
        self.delete_rows("removing from the index", sql, collection)
    }

    fn passages(&self, owner: &str) -> Result<Vec<String>, StorageError> {
        let sql = "SELECT text FROM passages WHERE owner = ?1 ORDER BY position";
        self.rows("reading the index", sql, params![owner], |row| row.get(0))
    }

    fn find(&self, find: &IndexQuery<'_>) -> Result<Vec<IndexHit>, StorageError> {
        let action = "searching";
        let count = "SELECT count(*) FROM passages WHERE collection = ?1";
        let count: i64 = self
            .first(action, count, params![find.collection], |row| row.get(0))?
            .unwrap_or_default();
        let collection = find.collection.replace('"', "");
        let mut candidates: HashMap<i64, Candidate> = HashMap::new();
        let mut whole = 0.0;
        let words: BTreeSet<Vec<String>> = find.words.iter().map(|word| forms(word)).collect();
        for forms in words {
            // Stems consist of letters and digits, so they cannot end the quotation.
            let forms = forms.join("\" OR \"");
            let query = format!("{{collection}} : \"{collection}\" AND {{words}} : (\"{forms}\")");
            let sql = "SELECT rowid, -bm25(passage_words, 0.0, 1.0) FROM passage_words WHERE passage_words MATCH ?1";
            let hits: Vec<(i64, f64)> = self.rows(action, sql, params![query], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let weight = weight(count, hits.len());
            whole += weight;
            for (passage, relevance) in hits {
                let candidate = candidates.entry(passage).or_default();
                candidate.weight += weight;
                candidate.relevance += relevance.max(0.0);
            }
        }
        let most = candidates.values().map(|one| one.relevance).fold(0.0, f64::max);
        let mut scored: Vec<(f64, i64)> = candidates
            .into_iter()
            .map(|(passage, one)| {
                let relevance = if most > 0.0 { one.relevance / most } else { 1.0 };
                (one.weight / whole * (0.9 + 0.1 * relevance), passage)
            })
            .filter(|(score, _)| *score >= find.least_score)
            .collect();
        // Passages with equal scores are in the order in which they were added, so that a search is deterministic.
        scored.sort_by(|(one, first), (other, second)| other.total_cmp(one).then(first.cmp(second)));
        let mut found = Vec::new();
        for (score, passage) in scored {
            if found.len() >= find.limit {
                break;
            }
            // FTS5 matches the collection's id as words, ignoring case. This comparison is exact.
            let sql = "SELECT owner, position, text FROM passages WHERE id = ?1 AND collection = ?2";
            let one = self.first(action, sql, params![passage, find.collection], |row| {
                Ok(IndexHit {
                    owner: row.get(0)?,
                    position: row.get(1)?,
                    text: row.get(2)?,
                    score: score.clamp(0.0, 1.0),
                })
            })?;
            found.extend(one.filter(|one| (find.accept)(&one.owner)));
        }
        Ok(found)
    }
}

/// Returns the inverse document frequency of a word that occurs in `hits` of `count` passages; always above 0.
fn weight(count: i64, hits: usize) -> f64 {
    let (count, hits) = (count as f64, hits as f64);
    (1.0 + ((count - hits).max(0.0) + 0.5) / (hits + 0.5)).ln()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::storage::sqlite::Sqlite;
    use crate::storage::{Document, Kind, Storage};

    fn document(id: &str) -> Document {
        Document {
            kind: Kind::Thread,
            id: id.to_owned(),
            parent: None,
            tag: None,
            created_at: 0,
            body: String::new(),
            notes: None,
        }
    }

    /// Collection `c_1` with the documents `a` and `b`, and collection `c_2` with `other`.
    fn filled() -> Sqlite {
        let storage = Sqlite::in_memory().unwrap();
        let dyn_storage: &dyn Storage = &storage;
        dyn_storage
            .transact(|transaction| {
                for id in ["a", "b", "other"] {
                    transaction.insert(&document(id))?;
                }
                transaction.add_passages("c_1", "a", &["The tests run with cargo test.", "Bread is baked."])?;
                transaction.add_passages("c_1", "b", &["A long text about bread and butter, and one test."])?;
                transaction.add_passages("c_2", "other", &["Tests of another collection."])
            })
            .unwrap();
        storage
    }

    fn find(storage: &Sqlite, words: &[&str], least_score: f64) -> Vec<(String, i64, f64)> {
        find_in(storage, "c_1", words, least_score)
    }

    fn find_in(storage: &Sqlite, collection: &str, words: &[&str], least_score: f64) -> Vec<(String, i64, f64)> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        let dyn_storage: &dyn Storage = storage;
        let found = dyn_storage.transact(|transaction| {
            transaction.find(&IndexQuery {
                collection,
                words: &words,
                accept: &|_| true,
                least_score,
                limit: 10,
            })
        });
        let found = found.unwrap();
        assert!(found.is_sorted_by(|one, other| one.score >= other.score));
        found
            .into_iter()
            .map(|one| (one.owner, one.position, one.score))
            .collect()
    }

    #[test]
    fn finds_the_best_passage_first_with_scores_from_0_to_1() {
        let storage = filled();
        let found = find(&storage, &["run", "tests"], 0.0);
        let places: Vec<(&str, i64)> = found.iter().map(|(owner, at, _)| (owner.as_str(), *at)).collect();
        assert_eq!(
            places,
            [("a", 0), ("b", 0)],
            "other forms of a word are found, other collections are not"
        );
        assert!(found[0].2 > 0.95 && found[0].2 <= 1.0, "{found:?}");
        assert!(found[1].2 > 0.0 && found[1].2 < 0.5, "{found:?}");
        assert_eq!(find(&storage, &["run", "tests"], 0.5).len(), 1);
        assert!(find(&storage, &["nowhere"], 0.0).is_empty());
        assert!(find(&storage, &[], 0.0).is_empty());
    }

    #[test]
    fn one_passage_alone_scores_well() {
        let storage = Sqlite::in_memory().unwrap();
        let dyn_storage: &dyn Storage = &storage;
        dyn_storage
            .transact(|transaction| {
                transaction.insert(&document("a"))?;
                transaction.add_passages("c_1", "a", &["Only this."])
            })
            .unwrap();
        assert!(find(&storage, &["only"], 0.0)[0].2 > 0.9);
    }

    #[test]
    fn passages_go_with_their_document() {
        let storage = filled();
        let dyn_storage: &dyn Storage = &storage;
        dyn_storage
            .transact(|transaction| {
                assert_eq!(transaction.passages("a")?.len(), 2);
                transaction.delete(Kind::Thread, "a", 0)?;
                assert!(transaction.passages("a")?.is_empty());
                transaction.remove_passages("b")
            })
            .unwrap();
        assert!(find(&storage, &["tests", "bread"], 0.0).is_empty());
    }

    #[test]
    fn removed_words_leave_the_index_in_steps() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let storage = Sqlite::open(&path).unwrap();
        let dyn_storage: &dyn Storage = &storage;
        let text = |word: &str| (0..300).map(|number| format!("{word}{number} ")).collect::<String>();
        for index in 0..60 {
            let owner = format!("o{index}");
            let word = if index == 30 { "zqxjvk" } else { "common" };
            dyn_storage
                .transact(|transaction| {
                    transaction.insert(&document(&owner))?;
                    transaction.add_passages("c", &owner, &vec![text(word).as_str(); 20])
                })
                .unwrap();
        }
        dyn_storage
            .transact(|transaction| transaction.delete(Kind::Thread, "o30", 0))
            .unwrap();
        let mut steps = 0;
        while let Some(wait) = storage.purge().unwrap() {
            assert!(wait < Duration::from_secs(60));
            steps += 1;
            assert!(steps < 10_000);
        }
        assert!(steps > 2, "{steps}");
        assert_eq!(storage.purge().unwrap(), None);
        for end in ["", "-wal"] {
            let bytes = std::fs::read(folder.path().join(format!("a.db{end}"))).unwrap();
            assert!(!bytes.windows(6).any(|window| window == b"zqxjvk"), "a.db{end}");
        }
        let found = find_in(&storage, "c", &["common7"], 0.0);
        assert_eq!(found.len(), 10);
    }
}
