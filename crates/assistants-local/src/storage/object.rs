//! Stores the protocol's objects as documents.
//!
//! The stored JSON is what clients receive, so a read needs no parsing.

use assistants_types::Complete;
use assistants_types::openai::{
    Assistant, File, Message, Run, RunStep, Thread, Upload, UploadPart, VectorStore, VectorStoreFile,
    VectorStoreFileBatch,
};
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

use super::{Document, Kind, StorageError, Transaction};

/// An object that is stored under its id.
pub(crate) trait Stored: Complete + DeserializeOwned {
    const KIND: Kind;

    fn id(&self) -> &str;
    fn created_at(&self) -> Option<OffsetDateTime>;

    /// The id under which the object is stored.
    fn key(&self) -> String {
        self.id().to_owned()
    }
}

macro_rules! stored {
    ($($type:ident)+) => {
        $(impl Stored for $type {
            const KIND: Kind = Kind::$type;

            fn id(&self) -> &str {
                &self.id
            }

            fn created_at(&self) -> Option<OffsetDateTime> {
                self.created_at
            }
        })+
    };
}

stored!(Assistant File Thread Message Run RunStep VectorStore VectorStoreFileBatch Upload UploadPart);

/// A file can be in several vector stores, so it is stored under both ids.
impl Stored for VectorStoreFile {
    const KIND: Kind = Kind::VectorStoreFile;

    fn id(&self) -> &str {
        &self.id
    }

    fn created_at(&self) -> Option<OffsetDateTime> {
        self.created_at
    }

    fn key(&self) -> String {
        file_key(&self.vector_store_id, &self.id)
    }
}

/// An object together with its document.
#[derive(Debug)]
pub(crate) struct Loaded<T> {
    pub(crate) object: T,
    pub(crate) document: Document,
}

impl<T: Stored> Loaded<T> {
    /// Parses the body of a document.
    pub(crate) fn parse(document: Document) -> Result<Self, StorageError> {
        match serde_json::from_str(&document.body) {
            Ok(object) => Ok(Self { object, document }),
            Err(error) => {
                let action = format!(
                    "reading the {} {}: the stored data is damaged",
                    T::KIND.noun(),
                    document.id
                );
                Err(StorageError {
                    action,
                    source: Some(Box::new(error)),
                })
            }
        }
    }

    /// Stores the object in its current state, with the tag and notes of its document.
    pub(crate) fn save(&mut self, transaction: &dyn Transaction) -> Result<(), StorageError> {
        self.document.body = to_json(&self.object);
        transaction.update(&self.document)
    }
}

/// Returns the object with this id.
pub(crate) fn load<T: Stored>(transaction: &dyn Transaction, id: &str) -> Result<Option<Loaded<T>>, StorageError> {
    transaction.get(T::KIND, id)?.map(Loaded::parse).transpose()
}

/// Stores a new object.
pub(crate) fn insert<T: Stored>(
    transaction: &dyn Transaction,
    object: &T,
    parent: Option<&str>,
    tag: Option<&str>,
) -> Result<(), StorageError> {
    insert_with_notes(transaction, object, parent, tag, None)
}

/// Stores a new object with notes.
pub(crate) fn insert_with_notes<T: Stored>(
    transaction: &dyn Transaction,
    object: &T,
    parent: Option<&str>,
    tag: Option<&str>,
    notes: Option<String>,
) -> Result<(), StorageError> {
    transaction.insert(&document(object, parent, tag, notes))
}

/// Creates the document of a new object.
pub(crate) fn document<T: Stored>(
    object: &T,
    parent: Option<&str>,
    tag: Option<&str>,
    notes: Option<String>,
) -> Document {
    Document {
        kind: T::KIND,
        id: object.key(),
        parent: parent.map(str::to_owned),
        tag: tag.map(str::to_owned),
        created_at: object.created_at().map_or(0, OffsetDateTime::unix_timestamp),
        body: to_json(object),
        notes,
    }
}

/// The JSON of an object, complete with its nulls.
pub(crate) fn to_json(object: &impl Complete) -> String {
    object
        .to_complete_json()
        .expect("an object of the protocol has a JSON form")
}

/// Returns the id under which a file of a vector store is stored.
pub(crate) fn file_key(store_id: &str, file_id: &str) -> String {
    format!("{store_id}/{file_id}")
}
