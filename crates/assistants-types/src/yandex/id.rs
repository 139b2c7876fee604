//! The objects that may stand for their ids.

use super::{Assistant, File, Message, Operation, Run, SearchIndex, SearchIndexFile, Thread, User};
use crate::openai::{IdOf, sealed};

macro_rules! id_of {
    ($($object:ident for $target:ident),+ $(,)?) => {$(
        impl sealed::Sealed for &$object {}
        impl IdOf<$target> for &$object {
            fn as_id(&self) -> &str {
                &self.id
            }
        }

        impl sealed::Sealed for &mut $object {}
        impl IdOf<$target> for &mut $object {
            fn as_id(&self) -> &str {
                &self.id
            }
        }
    )+};
}

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
