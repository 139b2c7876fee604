//! Objects that can be given instead of their identifiers.

use super::{Assistant, File, Message, Operation, Run, SearchIndex, SearchIndexFile, Thread, User};
use crate::id::id_of;

id_of!(
    Assistant for Assistant,
    File for File,
    // A file has the same identifier in a search index.
    SearchIndexFile for File,
    Message for Message,
    Operation for Operation,
    Run for Run,
    SearchIndex for SearchIndex,
    Thread for Thread,
    User for User,
);
