//! Search indexes in the storage: the vector store of the OpenAI protocol, and in its notes the index.

use assistants_types::openai::{VectorStore, VectorStoreFile};
use assistants_types::yandex::{SearchIndex, SearchIndexFile, SearchIndexKind, TextSearchIndex};

use super::kinds::text_index;
use crate::engine::{Engine, vector_stores};
use crate::storage::object::Loaded;
use crate::storage::{Document, StorageError, Transaction};
use crate::yandex::ApiError;
use crate::yandex::error::Code;
use crate::yandex::resource::{self, SUBJECT, noted, to_text};

pub(super) fn find(transaction: &dyn Transaction, id: &str) -> Result<Document, ApiError> {
    let not_found = || {
        let message = format!("No search index found with id '{id}'.");
        ApiError::new(Code::NotFound, message)
    };
    vector_stores::find(transaction, id)?.ok_or_else(not_found)
}

/// Records that an index was used.
pub(crate) fn touch(engine: &Engine, transaction: &dyn Transaction, mut index: SearchIndex) -> Result<(), ApiError> {
    if resource::touch(&mut index) {
        save(transaction, &index)?;
        resource::expire(engine, transaction, &index)?;
    }
    Ok(())
}

/// Stores the new state of an index.
pub(super) fn save(transaction: &dyn Transaction, index: &SearchIndex) -> Result<(), ApiError> {
    let mut store = vector_stores::load_store(transaction, &index.id)?;
    store.object.name.clone_from(&index.name);
    store.object.metadata = Some(index.labels.clone());
    store.document.notes = Some(to_text(index)?);
    Ok(store.save(transaction)?)
}

/// Returns the index of a document: its notes, updated with what the OpenAI protocol has changed since.
pub(crate) fn view(document: Document) -> Result<SearchIndex, StorageError> {
    let noted = noted::<SearchIndex>(&document)?;
    let store = Loaded::<VectorStore>::parse(document)?.object;
    let mut index = noted.unwrap_or_else(|| SearchIndex {
        id: store.id,
        created_by: SUBJECT.to_owned(),
        created_at: store.created_at,
        updated_by: SUBJECT.to_owned(),
        updated_at: store.created_at,
        kind: Some(SearchIndexKind::TextSearchIndex(text_index(TextSearchIndex::default()))),
        ..SearchIndex::default()
    });
    index.name = store.name;
    index.labels = store.metadata.unwrap_or_default();
    Ok(index)
}

/// Returns a file of an index.
pub(super) fn file_view(file: &VectorStoreFile) -> SearchIndexFile {
    SearchIndexFile {
        id: file.id.clone(),
        search_index_id: file.vector_store_id.clone(),
        created_by: SUBJECT.to_owned(),
        created_at: file.created_at,
        ..SearchIndexFile::default()
    }
}
