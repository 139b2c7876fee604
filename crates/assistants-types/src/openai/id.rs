//! Objects that can be given instead of their identifiers.

use super::{
    Assistant, AssistantFile, File, Message, Model, Run, RunStep, Thread, Upload, UploadPart, VectorStore,
    VectorStoreFile, VectorStoreFileBatch,
};
use crate::id::{IdOf, id_of};

id_of!(
    Assistant for Assistant,
    AssistantFile for AssistantFile,
    File for File,
    Message for Message,
    Model for Model,
    Run for Run,
    RunStep for RunStep,
    Thread for Thread,
    Upload for Upload,
    UploadPart for UploadPart,
    VectorStore for VectorStore,
    VectorStoreFile for VectorStoreFile,
    VectorStoreFileBatch for VectorStoreFileBatch,
);

// A file has the same identifier in a vector store.
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

// It also has the same identifier when attached to an assistant.
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
