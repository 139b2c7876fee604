//! Counts and statuses, without the indexing threads.

use assistants_types::openai::{CreateVectorStore, File, FileCounts, VectorStoreFileError, VectorStoreFileErrorCode};

use super::files::{Contents, end_indexing};
use super::*;
use crate::engine::EngineError;
use crate::search::Weights;
use crate::storage::Storage;
use crate::storage::Transaction;
use crate::storage::object::{file_key, insert};
use crate::storage::sqlite::Sqlite;

fn transact<T>(
    storage: &Sqlite,
    work: impl FnMut(&dyn Transaction) -> Result<T, EngineError>,
) -> Result<T, EngineError> {
    let storage: &dyn Storage = storage;
    storage.transact(work)
}

/// Creates a vector store, and the files `file-1` to `file-3`, which are not in it.
fn filled() -> (Sqlite, String) {
    let storage = Sqlite::in_memory().unwrap();
    let store = transact(&storage, |transaction| {
        for id in ["file-1", "file-2", "file-3"] {
            let file = File {
                id: id.to_owned(),
                filename: format!("{id}.txt"),
                ..File::default()
            };
            insert(transaction, &file, None, Some("assistants"))?;
        }
        create_store(transaction, &CreateVectorStore::default())
    });
    (storage, store.unwrap().id)
}

fn new(file_id: &str) -> NewFile<'_> {
    NewFile {
        file_id,
        chunking: None,
        attributes: None,
        batch_id: None,
    }
}

/// Formats counts as `in_progress completed failed cancelled total status`.
fn shown(counts: &FileCounts, status: &str) -> String {
    let FileCounts {
        in_progress,
        completed,
        failed,
        cancelled,
        total,
        ..
    } = counts;
    format!("{in_progress} {completed} {failed} {cancelled} {total} {status}")
}

fn store(storage: &Sqlite, id: &str) -> String {
    let store = transact(storage, |transaction| load_store(transaction, id))
        .unwrap()
        .object;
    shown(&store.file_counts, store.status.as_str())
}

fn batch(storage: &Sqlite, store_id: &str, id: &str) -> String {
    let batch = transact(storage, |transaction| load_batch(transaction, store_id, id))
        .unwrap()
        .object;
    shown(&batch.file_counts, batch.status.as_str())
}

fn end(storage: &Sqlite, store_id: &str, file_id: &str, passages: &[&str]) {
    let error = VectorStoreFileError {
        code: VectorStoreFileErrorCode::InvalidFile,
        ..VectorStoreFileError::default()
    };
    let contents = Contents {
        passages,
        vectors: &[],
        model: "",
    };
    let contents = if passages.is_empty() { Err(&error) } else { Ok(contents) };
    transact(storage, |transaction| {
        Ok(end_indexing(transaction, &file_key(store_id, file_id), contents)?)
    })
    .unwrap();
}

#[test]
fn a_batch_counts_what_becomes_of_its_files() {
    let (storage, id) = filled();
    let files = ["file-1", "file-2", "file-2", "file-3"].map(new);
    let made = transact(&storage, |transaction| create_batch(transaction, &id, &files)).unwrap();
    let batch = || batch(&storage, &id, &made.id);
    assert_eq!(
        (batch(), store(&storage, &id)),
        ("3 0 0 0 3 in_progress".into(), "3 0 0 0 3 in_progress".into())
    );
    end(&storage, &id, "file-1", &["text"]);
    end(&storage, &id, "file-2", &[]);
    assert_eq!(
        (batch(), store(&storage, &id)),
        ("1 1 1 0 3 in_progress".into(), "1 1 1 0 3 in_progress".into())
    );
    end(&storage, &id, "file-3", &["text", "more"]);
    assert_eq!(
        (batch(), store(&storage, &id)),
        ("0 2 1 0 3 completed".into(), "0 2 1 0 3 completed".into())
    );
    let used = transact(&storage, |transaction| load_store(transaction, &id)).unwrap();
    assert_eq!(used.object.usage_bytes, 12);
}

#[test]
fn a_cancelled_batch_indexes_nothing_more() {
    let (storage, id) = filled();
    let files = ["file-1", "file-2"].map(new);
    let made = transact(&storage, |transaction| create_batch(transaction, &id, &files)).unwrap();
    end(&storage, &id, "file-1", &["text"]);
    let cancelled = transact(&storage, |transaction| cancel_batch(transaction, &id, &made.id)).unwrap();
    let want = "0 1 0 1 2 cancelled";
    assert_eq!(shown(&cancelled.file_counts, cancelled.status.as_str()), want);
    assert_eq!(store(&storage, &id), "0 1 0 1 2 completed");
    // The indexing thread had started before, and is too late.
    end(&storage, &id, "file-2", &["text"]);
    assert_eq!(
        (batch(&storage, &id, &made.id), store(&storage, &id)),
        (want.into(), "0 1 0 1 2 completed".into())
    );
    assert!(transact(&storage, |transaction| cancel_batch(transaction, &id, &made.id)).is_err());
}

#[test]
fn a_file_is_in_a_store_once_and_leaves_it_wholly() {
    let (storage, id) = filled();
    let attach_again = || {
        transact(&storage, |transaction| {
            let mut store = load_store(transaction, &id)?;
            attach(transaction, &mut store, new("file-1"))?;
            touch(transaction, &mut store)?;
            Ok(())
        })
        .unwrap();
    };
    attach_again();
    end(&storage, &id, "file-1", &["old words"]);
    attach_again();
    assert_eq!(store(&storage, &id), "1 0 0 0 1 in_progress");
    end(&storage, &id, "file-1", &["new words"]);
    let find = |word: &str| {
        let search = Search {
            store_ids: std::slice::from_ref(&id),
            queries: &[word.to_owned()],
            vectors: None,
            weights: Weights::default(),
            filter: None,
            limit: 10,
            least_score: 0.0,
        };
        super::search::find(&storage, &search).unwrap().hits
    };
    assert_eq!((find("old").len(), find("new").len()), (0, 1));
    assert_eq!(find("new")[0].file_name, "file-1.txt");
    transact(&storage, |transaction| Ok(detach_everywhere(transaction, "file-1")?)).unwrap();
    assert_eq!(
        (store(&storage, &id), find("new").len()),
        ("0 0 0 0 0 completed".into(), 0)
    );
}
