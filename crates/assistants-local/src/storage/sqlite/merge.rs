//! Removes deleted words from the text index.

use rusqlite::{Connection, OptionalExtension};

/// The number of pages of the text index (4 KB each) merged in one transaction.
const MERGED_PAGES: i64 = 64;

/// Merges a part of the text index if words were removed from it. Returns whether there is more to do.
///
/// Only a merge of the whole index into one segment removes deleted words. The `secure-delete` option of FTS5 would
/// rewrite a page for each word of each removed passage: it took 55 times as long as the removal itself, in a single
/// transaction for which all requests wait.
pub(crate) fn merge_step(connection: &Connection) -> rusqlite::Result<bool> {
    let transaction = connection.unchecked_transaction()?;
    let note = |name: &str| transaction.execute("DELETE FROM meta WHERE name = ?1", [name]);
    let is_merging = transaction
        .query_row("SELECT 1 FROM meta WHERE name = 'merging'", [], |_| Ok(()))
        .optional()?
        .is_some();
    // A negative number starts a merge of the whole index, a positive one continues it (FTS5, "The 'merge' Command").
    let pages = if is_merging {
        MERGED_PAGES
    } else if note("merge")? > 0 {
        transaction.execute("INSERT INTO meta VALUES ('merging', '')", [])?;
        -MERGED_PAGES
    } else {
        return Ok(false);
    };
    let before = transaction.total_changes();
    let merge = "INSERT INTO passage_words (passage_words, rank) VALUES ('merge', ?1)";
    transaction.execute(merge, [pages])?;
    // The statement itself counts as one change. A merge that did anything counts as at least one more.
    if transaction.total_changes() - before < 2 {
        note("merging")?;
    }
    transaction.commit()?;
    Ok(true)
}
