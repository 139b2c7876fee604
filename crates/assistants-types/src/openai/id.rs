//! Ids, or the objects they belong to.

use super::{
    Assistant, AssistantFile, File, Message, Model, Run, RunStep, Thread, Upload, UploadPart, VectorStore,
    VectorStoreFile, VectorStoreFileBatch,
};

/// Something that names a `T`: its id as text, or the object itself.
///
/// A method that needs a thread takes `&str`, `&String` or `&Thread`, but never an `&Assistant`.
pub trait IdOf<T: ?Sized>: sealed::Sealed {
    /// The id.
    fn as_id(&self) -> &str;

    /// The id as a string of its own.
    fn into_id(self) -> String
    where
        Self: Sized,
    {
        self.as_id().to_owned()
    }
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

impl sealed::Sealed for &str {}
impl<T: ?Sized> IdOf<T> for &str {
    fn as_id(&self) -> &str {
        self
    }
}

impl sealed::Sealed for String {}
impl<T: ?Sized> IdOf<T> for String {
    fn as_id(&self) -> &str {
        self
    }
}

impl sealed::Sealed for &String {}
impl<T: ?Sized> IdOf<T> for &String {
    fn as_id(&self) -> &str {
        self
    }
}

macro_rules! id_of {
    ($($object:ident),+) => {$(
        impl sealed::Sealed for &$object {}
        impl IdOf<$object> for &$object {
            fn as_id(&self) -> &str {
                &self.id
            }
        }

        impl sealed::Sealed for &mut $object {}
        impl IdOf<$object> for &mut $object {
            fn as_id(&self) -> &str {
                &self.id
            }
        }
    )+};
}

id_of!(
    Assistant,
    AssistantFile,
    File,
    Message,
    Model,
    Run,
    RunStep,
    Thread,
    Upload,
    UploadPart,
    VectorStore,
    VectorStoreFile,
    VectorStoreFileBatch
);

// A file has the same id in a vector store as outside of it.
impl IdOf<VectorStoreFile> for &File {
    fn as_id(&self) -> &str {
        &self.id
    }
}

impl IdOf<File> for &VectorStoreFile {
    fn as_id(&self) -> &str {
        &self.id
    }
}

// Nor has it another one at an assistant.
impl IdOf<AssistantFile> for &File {
    fn as_id(&self) -> &str {
        &self.id
    }
}

impl IdOf<File> for &AssistantFile {
    fn as_id(&self) -> &str {
        &self.id
    }
}
