//! The objects that may stand for their ids.

use super::{Assistant, File, Message, Operation, Run, SearchIndex, SearchIndexFile, Thread, User};
use crate::id::id_of;

id_of!(
    Assistant for Assistant,
    File for File,
    // The identifier of a file in an index is that of the file.
    SearchIndexFile for File,
    Message for Message,
    Operation for Operation,
    Run for Run,
    SearchIndex for SearchIndex,
    Thread for Thread,
    User for User,
);
