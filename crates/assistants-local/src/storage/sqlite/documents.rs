//! The queries of a transaction: documents, folders, expiries, stored responses and removals.

use rusqlite::{Params, Row, ToSql, named_params, params};

use super::failure;
use super::transaction::SqliteTransaction;
use crate::storage::text_index::TextIndex;
use crate::storage::{Document, FolderListing, Kind, List, Listing, Order, StorageError, StoredResponse, Transaction};

impl SqliteTransaction<'_> {
    fn documents(&self, kind: Kind, sql: &str, values: impl Params) -> Result<Vec<Document>, StorageError> {
        let run = || {
            let mut statement = self.connection().prepare_cached(sql)?;
            let rows = statement.query_map(values, |row| document(kind, row))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        run().map_err(|error| failure(&format!("listing objects of kind {}", kind.as_str()), error))
    }
}

fn document(kind: Kind, row: &Row<'_>) -> rusqlite::Result<Document> {
    Ok(Document {
        kind,
        id: row.get("id")?,
        parent: row.get("parent")?,
        tag: row.get("tag")?,
        created_at: row.get("created_at")?,
        body: row.get("body")?,
        notes: row.get("notes")?,
    })
}

impl Transaction for SqliteTransaction<'_> {
    fn get(&self, kind: Kind, id: &str) -> Result<Option<Document>, StorageError> {
        let sql = "SELECT id, parent, tag, created_at, body, notes FROM objects WHERE id = ?1 AND kind = ?2";
        self.first("reading an object", sql, params![id, kind.as_str()], |row| {
            document(kind, row)
        })
    }

    fn insert(&self, document: &Document) -> Result<(), StorageError> {
        let sql = "INSERT INTO objects (kind, id, parent, tag, created_at, body, notes)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let Document {
            kind,
            id,
            parent,
            tag,
            created_at,
            body,
            notes,
        } = document;
        self.execute(
            "storing an object",
            sql,
            params![kind.as_str(), id, parent, tag, created_at, body, notes],
        )?;
        Ok(())
    }

    fn update(&self, document: &Document) -> Result<(), StorageError> {
        let sql = "UPDATE objects SET tag = ?3, body = ?4, notes = ?5 WHERE id = ?1 AND kind = ?2";
        let Document {
            kind,
            id,
            tag,
            body,
            notes,
            ..
        } = document;
        match self.execute("storing an object", sql, params![id, kind.as_str(), tag, body, notes])? {
            0 => Err(StorageError {
                action: format!("the {} {id} no longer exists", kind.noun()),
                source: None,
            }),
            _ => Ok(()),
        }
    }

    fn replace(&self, document: &Document) -> Result<(), StorageError> {
        let action = "replacing an object";
        self.remove_passages(&document.id)?;
        // Takes the next sequence number, as an insert would, which moves the object to the end of the list.
        let next = "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'objects'";
        self.execute(action, next, [])?;
        let moved = "UPDATE objects SET created_at = ?3,
                sequence = (SELECT seq FROM sqlite_sequence WHERE name = 'objects')
            WHERE id = ?1 AND kind = ?2";
        let values = params![document.id, document.kind.as_str(), document.created_at];
        self.execute(action, moved, values)?;
        self.update(document)
    }

    fn delete(&self, kind: Kind, id: &str, now: i64) -> Result<bool, StorageError> {
        let action = "deleting an object";
        self.note_deletion();
        let note = "INSERT OR REPLACE INTO deleted (id, kind, parent, sequence, deleted_at)
            SELECT id, kind, parent, sequence, ?3 FROM objects WHERE id = ?1 AND kind = ?2";
        self.execute(action, note, params![id, kind.as_str(), now])?;
        // Children are deleted by `ON DELETE CASCADE`.
        let rows = self.execute(
            action,
            "DELETE FROM objects WHERE id = ?1 AND kind = ?2",
            params![id, kind.as_str()],
        )?;
        Ok(rows > 0)
    }

    fn sequence(&self, kind: Kind, parent: Option<&str>, id: &str) -> Result<Option<i64>, StorageError> {
        let sql = "SELECT sequence FROM objects WHERE id = ?1 AND kind = ?2 AND parent IS ?3
            UNION ALL SELECT sequence FROM deleted WHERE id = ?1 AND kind = ?2 AND parent IS ?3";
        self.first("looking up a cursor", sql, params![id, kind.as_str(), parent], |row| {
            row.get(0)
        })
    }

    fn list(&self, list: &List<'_>) -> Result<Listing, StorageError> {
        let List {
            kind,
            parent,
            tag,
            order,
            after,
            before,
            limit,
        } = *list;
        // With `before` only, the objects nearest to it are selected, so the list is read from its other end.
        let from_end = before.is_some() && after.is_none();
        let rising = (order == Order::Ascending) != from_end;
        let (above, below) = match order {
            Order::Ascending => (after, before),
            Order::Descending => (before, after),
        };
        // With a literal condition SQLite can use the index by tag; `?tag IS NULL OR …` would prevent that.
        let by_tag = if tag.is_some() {
            "AND tag = :tag"
        } else {
            "AND :tag IS NULL"
        };
        let direction = if rising { "ASC" } else { "DESC" };
        let sql = format!(
            "SELECT id, parent, tag, created_at, body, notes FROM objects
             WHERE parent IS :parent AND kind = :kind {by_tag} AND sequence > :above AND sequence < :below
             ORDER BY sequence {direction} LIMIT :limit"
        );
        let values: &[(&str, &dyn ToSql)] = named_params! {
            ":parent": parent,
            ":kind": kind.as_str(),
            ":tag": tag,
            ":above": above.unwrap_or(i64::MIN),
            ":below": below.unwrap_or(i64::MAX),
            // One more than requested, to find out whether the list continues.
            ":limit": i64::try_from(limit).map_or(i64::MAX, |limit| limit.saturating_add(1)),
        };
        let mut documents = self.documents(kind, &sql, values)?;
        let has_more = documents.len() > limit;
        documents.truncate(limit);
        if from_end {
            documents.reverse();
        }
        Ok(Listing { documents, has_more })
    }

    fn count(&self, kind: Kind, parent: &str) -> Result<u64, StorageError> {
        let sql = "SELECT COUNT(*) FROM objects WHERE parent = ?1 AND kind = ?2";
        let count = self.first("counting objects", sql, params![parent, kind.as_str()], |row| {
            row.get::<_, i64>(0)
        })?;
        Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default())
    }

    fn put_in_folder(&self, kind: Kind, id: &str, folder: &str) -> Result<(), StorageError> {
        let sql = "INSERT INTO folders (folder, kind, sequence)
            SELECT ?3, kind, sequence FROM objects WHERE id = ?1 AND kind = ?2";
        self.execute(
            "putting an object into a folder",
            sql,
            params![id, kind.as_str(), folder],
        )?;
        Ok(())
    }

    fn in_folder(
        &self,
        kind: Kind,
        folder: &str,
        after: Option<i64>,
        limit: usize,
    ) -> Result<FolderListing, StorageError> {
        let sql = "SELECT sequence, id, parent, tag, created_at, body, notes
            FROM folders JOIN objects USING (sequence)
            WHERE folders.folder = ?1 AND folders.kind = ?2 AND sequence < ?3 ORDER BY sequence DESC LIMIT ?4";
        // One more than requested, to find out whether the list continues.
        let most = i64::try_from(limit).map_or(i64::MAX, |limit| limit.saturating_add(1));
        let run = || {
            let mut statement = self.connection().prepare_cached(sql)?;
            let values = params![folder, kind.as_str(), after.unwrap_or(i64::MAX), most];
            let rows = statement.query_map(values, |row| Ok((row.get::<_, i64>("sequence")?, document(kind, row)?)))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let mut rows = run().map_err(|error| failure("listing a folder", error))?;
        let goes_on = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().map(|(sequence, _)| *sequence).filter(|_| goes_on);
        let documents = rows.into_iter().map(|(_, document)| document).collect();
        Ok(FolderListing { documents, next })
    }

    fn tagged(&self, kind: Kind, tag: &str) -> Result<Vec<Document>, StorageError> {
        let sql = "SELECT id, parent, tag, created_at, body, notes FROM objects
            WHERE kind = ?1 AND tag = ?2 ORDER BY sequence";
        self.documents(kind, sql, params![kind.as_str(), tag])
    }

    fn ending(&self, kind: Kind, end: &str) -> Result<Vec<Document>, StorageError> {
        let sql = "SELECT id, parent, tag, created_at, body, notes FROM objects
            WHERE kind = ?1 AND tag IS NOT NULL AND substr(id, -length(?2) - 1) = '/' || ?2 ORDER BY sequence";
        self.documents(kind, sql, params![kind.as_str(), end])
    }

    fn expire(&self, kind: Kind, id: &str, at: Option<i64>) -> Result<(), StorageError> {
        let action = "recording when an object expires";
        match at {
            Some(at) => {
                let sql = "INSERT INTO expiries (id, kind, at) VALUES (?1, ?2, ?3)
                    ON CONFLICT (id) DO UPDATE SET at = excluded.at";
                self.execute(action, sql, params![id, kind.as_str(), at])
            }
            None => {
                let sql = "DELETE FROM expiries WHERE id = ?1 AND kind = ?2";
                self.execute(action, sql, params![id, kind.as_str()])
            }
        }
        .map(|_| ())
    }

    fn expired(&self, kind: Kind, now: i64) -> Result<Vec<String>, StorageError> {
        let run = || {
            let sql = "SELECT id FROM expiries WHERE kind = ?1 AND at <= ?2 ORDER BY at";
            let mut statement = self.connection().prepare_cached(sql)?;
            let ids = statement.query_map(params![kind.as_str(), now], |row| row.get(0))?;
            ids.collect::<rusqlite::Result<Vec<_>>>()
        };
        run().map_err(|error| failure("looking for objects that expire", error))
    }

    fn next_expiry(&self, kind: Kind) -> Result<Option<i64>, StorageError> {
        let sql = "SELECT min(at) FROM expiries WHERE kind = ?1";
        let next = self.first("looking for objects that expire", sql, params![kind.as_str()], |row| {
            row.get(0)
        })?;
        Ok(next.flatten())
    }

    fn stored_response(&self, key: &str, scope: &str, since: i64) -> Result<Option<StoredResponse>, StorageError> {
        let sql = "SELECT request, answer FROM answers WHERE key = ?1 AND place = ?2 AND created_at >= ?3";
        self.first("reading a stored response", sql, params![key, scope, since], |row| {
            Ok(StoredResponse {
                request: row.get(0)?,
                body: row.get(1)?,
            })
        })
    }

    fn store_response(&self, key: &str, scope: &str, kept: &StoredResponse, now: i64) -> Result<(), StorageError> {
        let action = "storing a response";
        let old = "DELETE FROM answers WHERE key = ?1 AND place = ?2";
        self.execute(action, old, params![key, scope])?;
        let sql = "INSERT INTO answers (key, place, request, answer, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.execute(action, sql, params![key, scope, kept.request, kept.body, now])?;
        // A file of a vector store is stored under both ids.
        let shown = "INSERT OR IGNORE INTO answer_objects (id, key, place)
            SELECT objects.id, ?1, ?2 FROM json_tree(?3) AS member JOIN objects ON objects.id = member.value
                WHERE member.key = 'id' AND objects.kind <> 'upload_part'
            UNION SELECT id, ?1, ?2 FROM objects
                WHERE id = json_extract(?3, '$.vector_store_id') || '/' || json_extract(?3, '$.id')";
        self.execute(action, shown, params![key, scope, kept.body])?;
        Ok(())
    }

    fn forget(&self, responses_before: i64, positions_before: i64) -> Result<(), StorageError> {
        let action = "deleting old responses and positions";
        let answers = "DELETE FROM answers WHERE created_at < ?1";
        if self.execute(action, answers, params![responses_before])? > 0 {
            self.note_deletion();
        }
        let places = "DELETE FROM deleted WHERE deleted_at < ?1";
        self.execute(action, places, params![positions_before]).map(|_| ())
    }

    fn removals(&self) -> Result<Vec<String>, StorageError> {
        let run = || {
            let mut statement = self.connection().prepare_cached("SELECT id FROM removals")?;
            let ids = statement.query_map([], |row| row.get(0))?;
            ids.collect::<rusqlite::Result<Vec<_>>>()
        };
        run().map_err(|error| failure("looking for bytes to remove", error))
    }

    fn removed(&self, id: &str) -> Result<(), StorageError> {
        let sql = "DELETE FROM removals WHERE id = ?1";
        self.execute("recording that bytes were removed", sql, params![id])
            .map(|_| ())
    }

    fn mentioned(&self, kind: Kind, text: &str) -> Result<bool, StorageError> {
        let sql = "SELECT 1 FROM objects WHERE kind = ?1 AND instr(body, ?2) > 0 LIMIT 1";
        let found = self.first("looking for a mention", sql, params![kind.as_str(), text], |_| Ok(()));
        Ok(found?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Storage;
    use crate::storage::sqlite::Sqlite;

    fn message(id: &str, parent: &str, tag: Option<&str>) -> Document {
        Document {
            kind: Kind::Message,
            id: id.to_owned(),
            parent: Some(parent.to_owned()),
            tag: tag.map(str::to_owned),
            // The same for all: the order must not depend on the clock.
            created_at: 7,
            body: format!("{{\"id\":\"{id}\"}}"),
            notes: None,
        }
    }

    fn thread(id: &str) -> Document {
        Document {
            kind: Kind::Thread,
            parent: None,
            ..message(id, "", None)
        }
    }

    /// Thread `t` with messages `a` to `f` (`b` and `e` of run `r`), interleaved with those of thread `u`.
    fn filled() -> Sqlite {
        let storage = Sqlite::in_memory().unwrap();
        transact(&storage, |transaction| {
            transaction.insert(&thread("t"))?;
            transaction.insert(&thread("u"))?;
            for id in ["a", "b", "c", "d", "e", "f"] {
                transaction.insert(&message(id, "t", ["b", "e"].contains(&id).then_some("r")))?;
                transaction.insert(&message(&format!("u{id}"), "u", Some("r")))?;
            }
            Ok(())
        })
        .unwrap();
        storage
    }

    fn transact<T>(
        storage: &dyn Storage,
        work: impl FnMut(&dyn Transaction) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        storage.transact(work)
    }

    #[track_caller]
    fn check_list(
        order: Order,
        after: Option<&str>,
        before: Option<&str>,
        tag: Option<&str>,
        limit: usize,
        want: &str,
    ) {
        let listing = transact(&filled(), |transaction| {
            let place = |id: Option<&str>| match id {
                Some(id) => transaction.sequence(Kind::Message, Some("t"), id),
                None => Ok(None),
            };
            let (after, before) = (place(after)?, place(before)?);
            transaction.list(&List {
                kind: Kind::Message,
                parent: Some("t"),
                tag,
                order,
                after,
                before,
                limit,
            })
        })
        .unwrap();
        let mut got: String = listing.documents.iter().map(|document| document.id.as_str()).collect();
        got.push_str(if listing.has_more { "+" } else { "" });
        assert_eq!(got, want);
    }

    #[test]
    fn pages_in_both_directions() {
        use Order::{Ascending as Up, Descending as Down};
        check_list(Up, None, None, None, 10, "abcdef");
        check_list(Up, None, None, None, 6, "abcdef");
        check_list(Up, None, None, None, 5, "abcde+");
        check_list(Up, Some("b"), None, None, 2, "cd+");
        check_list(Up, Some("d"), None, None, 2, "ef");
        check_list(Up, Some("f"), None, None, 2, "");
        check_list(Up, None, Some("e"), None, 2, "cd+");
        check_list(Up, None, Some("c"), None, 2, "ab");
        check_list(Up, None, Some("a"), None, 2, "");
        check_list(Up, Some("a"), Some("e"), None, 2, "bc+");
        check_list(Up, Some("a"), Some("e"), None, 3, "bcd");
        check_list(Down, None, None, None, 10, "fedcba");
        check_list(Down, None, None, None, 2, "fe+");
        check_list(Down, Some("e"), None, None, 2, "dc+");
        check_list(Down, Some("c"), None, None, 2, "ba");
        check_list(Down, None, Some("b"), None, 2, "dc+");
        check_list(Down, None, Some("d"), None, 2, "fe");
        check_list(Down, Some("f"), Some("b"), None, 2, "ed+");
        check_list(Up, None, None, Some("r"), 10, "be");
        check_list(Down, None, None, Some("r"), 1, "e+");
        check_list(Down, Some("e"), None, Some("r"), 1, "b");
        check_list(Up, None, None, Some("unknown"), 10, "");
    }

    #[test]
    fn a_deleted_object_still_works_as_a_cursor() {
        let ids = transact(&filled(), |transaction| {
            assert!(transaction.delete(Kind::Message, "c", 100)?);
            let after = transaction.sequence(Kind::Message, Some("t"), "c")?;
            assert!(after.is_some());
            let list = List {
                kind: Kind::Message,
                parent: Some("t"),
                tag: None,
                order: Order::Ascending,
                after,
                before: None,
                limit: 9,
            };
            Ok(transaction
                .list(&list)?
                .documents
                .into_iter()
                .map(|document| document.id)
                .collect::<String>())
        });
        assert_eq!(ids.unwrap(), "def");
    }

    #[test]
    fn a_cursor_of_another_list_is_unknown() {
        let sequence = transact(&filled(), |transaction| {
            transaction.sequence(Kind::Message, Some("u"), "a")
        });
        assert_eq!(sequence.unwrap(), None);
    }

    #[test]
    fn children_are_deleted_with_their_parent() {
        transact(&filled(), |transaction| {
            assert!(transaction.delete(Kind::Thread, "t", 1)?);
            assert_eq!(transaction.get(Kind::Message, "a")?, None);
            assert!(transaction.get(Kind::Message, "ua")?.is_some());
            assert!(!transaction.delete(Kind::Thread, "t", 1)?);
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn an_error_rolls_back_every_write() {
        let storage = filled();
        let failed = transact(&storage, |transaction| {
            transaction.insert(&thread("v"))?;
            transaction.update(&Document {
                body: "changed".to_owned(),
                ..message("a", "t", None)
            })?;
            Err::<(), _>(StorageError {
                action: "stop".to_owned(),
                source: None,
            })
        });
        assert_eq!(failed.unwrap_err().action, "stop");
        transact(&storage, |transaction| {
            assert_eq!(transaction.get(Kind::Thread, "v")?, None);
            assert_eq!(transaction.get(Kind::Message, "a")?, Some(message("a", "t", None)));
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn an_object_needs_its_parent() {
        let failed = transact(&filled(), |transaction| {
            transaction.insert(&message("x", "nowhere", None))
        });
        assert_eq!(failed.unwrap_err().action, "storing an object");
    }

    #[test]
    fn finds_objects_by_tag_over_all_parents() {
        let found = transact(&filled(), |transaction| transaction.tagged(Kind::Message, "r")).unwrap();
        assert_eq!(found.len(), 8);
        assert_eq!(found[0].id, "ua");
    }

    #[test]
    fn counts_what_is_below_an_object() {
        transact(&filled(), |transaction| {
            assert_eq!(transaction.count(Kind::Message, "t")?, 6);
            assert_eq!(transaction.count(Kind::Run, "t")?, 0);
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn a_folder_lists_its_objects_newest_first() {
        transact(&filled(), |transaction| {
            for id in ["a", "c", "uc", "f"] {
                transaction.put_in_folder(Kind::Message, id, "one")?;
            }
            transaction.put_in_folder(Kind::Message, "b", "two")?;
            transaction.put_in_folder(Kind::Thread, "t", "one")?;
            let ids = |listing: &FolderListing| -> String {
                listing
                    .documents
                    .iter()
                    .map(|document| format!("{} ", document.id))
                    .collect()
            };
            let first = transaction.in_folder(Kind::Message, "one", None, 2)?;
            assert_eq!(ids(&first), "f uc ");
            let rest = transaction.in_folder(Kind::Message, "one", first.next, 2)?;
            assert_eq!((ids(&rest).as_str(), rest.next), ("c a ", None));
            assert!(transaction.delete(Kind::Message, "c", 1)?);
            assert_eq!(ids(&transaction.in_folder(Kind::Message, "one", None, 9)?), "f uc a ");
            assert_eq!(ids(&transaction.in_folder(Kind::Message, "none", None, 9)?), "");
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn responses_are_stored_until_they_are_too_old() {
        let kept = StoredResponse {
            request: "digest".to_owned(),
            body: "{}".to_owned(),
        };
        transact(&filled(), |transaction| {
            transaction.store_response("key", "POST /threads", &kept, 100)?;
            assert_eq!(
                transaction.stored_response("key", "POST /threads", 100)?.as_ref(),
                Some(&kept)
            );
            assert_eq!(transaction.stored_response("key", "POST /threads", 101)?, None);
            assert_eq!(transaction.stored_response("key", "POST /assistants", 0)?, None);
            let other = StoredResponse {
                body: "[]".to_owned(),
                ..kept.clone()
            };
            transaction.store_response("key", "POST /threads", &other, 300)?;
            assert_eq!(transaction.stored_response("key", "POST /threads", 0)?, Some(other));
            transaction.forget(301, 0)?;
            assert_eq!(transaction.stored_response("key", "POST /threads", 0)?, None);
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn responses_are_deleted_with_the_objects_that_they_show() {
        let file = Document {
            kind: Kind::VectorStoreFile,
            ..message("t/b", "t", None)
        };
        for (answer, deleted, kind, stays) in [
            (r#"{"id": "a"}"#, "a", Kind::Message, false),
            (r#"{"id": "a"}"#, "t", Kind::Thread, false),
            (r#"{"id": "x", "file": {"id": "a"}}"#, "a", Kind::Message, false),
            (
                r#"{"id": "b", "vector_store_id": "t"}"#,
                "t/b",
                Kind::VectorStoreFile,
                false,
            ),
            (
                r#"{"id": "a", "thread_id": "t", "run_id": "b"}"#,
                "b",
                Kind::Message,
                true,
            ),
            (r#"{"id": "a"}"#, "u", Kind::Thread, true),
        ] {
            transact(&filled(), |transaction| {
                transaction.insert(&file)?;
                let kept = StoredResponse {
                    request: "digest".to_owned(),
                    body: answer.to_owned(),
                };
                transaction.store_response("key", "POST /threads", &kept, 100)?;
                assert!(transaction.delete(kind, deleted, 0)?);
                let found = transaction.stored_response("key", "POST /threads", 0)?;
                assert_eq!(found.is_some(), stays, "{answer} without {deleted}");
                // Nothing is left that would prevent the key from being used again.
                transaction.store_response("key", "POST /threads", &kept, 100)
            })
            .unwrap();
        }
    }

    #[test]
    fn responses_stay_when_the_object_that_they_show_is_replaced() {
        let kept = StoredResponse {
            request: "digest".to_owned(),
            body: r#"{"id": "b"}"#.to_owned(),
        };
        transact(&filled(), |transaction| {
            transaction.add_passages("t", "b", &["old words"])?;
            transaction.store_response("key", "POST /threads", &kept, 100)?;
            let new = Document {
                created_at: 8,
                body: "new".to_owned(),
                ..message("b", "t", None)
            };
            let place = transaction.sequence(Kind::Message, Some("t"), "b")?;
            transaction.replace(&new)?;
            assert_eq!(transaction.get(Kind::Message, "b")?.as_ref(), Some(&new));
            assert!(transaction.sequence(Kind::Message, Some("t"), "b")? > place);
            assert!(transaction.passages("b")?.is_empty());
            assert!(transaction.stored_response("key", "POST /threads", 0)?.is_some());
            // The next object is stored after it.
            transaction.insert(&message("g", "t", None))?;
            let list = List {
                kind: Kind::Message,
                parent: Some("t"),
                tag: None,
                order: Order::Ascending,
                after: None,
                before: None,
                limit: 9,
            };
            let ids = transaction
                .list(&list)?
                .documents
                .into_iter()
                .map(|document| document.id);
            assert_eq!(ids.collect::<String>(), "acdefbg");
            assert!(transaction.replace(&message("h", "t", None)).is_err());
            assert!(transaction.delete(Kind::Message, "b", 0)?);
            assert!(transaction.stored_response("key", "POST /threads", 0)?.is_none());
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn bytes_of_what_is_deleted_are_to_be_removed() {
        transact(&filled(), |transaction| {
            for (kind, id, parent) in [
                (Kind::File, "file-1", None),
                (Kind::Upload, "upload_1", None),
                (Kind::UploadPart, "part_1", Some("upload_1")),
            ] {
                let parent = parent.map(str::to_owned);
                transaction.insert(&Document {
                    kind,
                    parent,
                    ..message(id, "", None)
                })?;
            }
            transaction.delete(Kind::Message, "a", 0)?;
            assert!(transaction.removals()?.is_empty());
            transaction.delete(Kind::File, "file-1", 0)?;
            transaction.delete(Kind::Upload, "upload_1", 0)?;
            assert_eq!(transaction.removals()?, ["file-1", "part_1"]);
            transaction.removed("file-1")?;
            assert_eq!(transaction.removals()?, ["part_1"]);
            Ok(())
        })
        .unwrap();
    }
}
