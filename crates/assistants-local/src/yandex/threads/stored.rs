//! Threads in the storage: the object of the OpenAI protocol, and in its notes that of this protocol.

use assistants_types::openai::Thread as OpenAiThread;
use assistants_types::yandex::Thread;

use crate::engine::Engine;
use crate::storage::object::{Loaded, to_json};
use crate::storage::{Document, Kind, StorageError, Transaction};
use crate::yandex::ApiError;
use crate::yandex::resource::{self, SUBJECT, noted, to_text, whole_seconds};
use crate::yandex::tools;

pub(crate) fn find(transaction: &dyn Transaction, id: &str) -> Result<Document, ApiError> {
    transaction
        .get(Kind::Thread, id)?
        .ok_or_else(|| ApiError::not_found(Kind::Thread, id))
}

/// Records that a thread was used.
pub(crate) fn touch(
    engine: &Engine,
    transaction: &dyn Transaction,
    document: Document,
    mut thread: Thread,
) -> Result<(), ApiError> {
    if resource::touch(&mut thread) {
        save(transaction, document, &thread)?;
        resource::expire(engine, transaction, &thread)?;
    }
    Ok(())
}

/// Stores the new state of a thread.
pub(super) fn save(transaction: &dyn Transaction, mut document: Document, thread: &Thread) -> Result<(), ApiError> {
    document.body = to_json(&project(thread));
    document.notes = Some(to_text(thread)?);
    Ok(transaction.update(&document)?)
}

/// Converts a thread to the OpenAI protocol.
pub(super) fn project(thread: &Thread) -> OpenAiThread {
    OpenAiThread {
        id: thread.id.clone(),
        created_at: whole_seconds(thread.created_at),
        tool_resources: Some(tools::to_openai(&thread.tools).1),
        metadata: Some(thread.labels.clone()),
        ..OpenAiThread::default()
    }
}

/// Returns the thread of a document: its notes, updated with what the OpenAI protocol has changed since.
pub(crate) fn view(document: Document) -> Result<Thread, StorageError> {
    let noted = noted::<Thread>(&document)?;
    let now = Loaded::<OpenAiThread>::parse(document)?.object;
    let mut thread = noted.unwrap_or_else(|| Thread {
        id: now.id,
        default_message_author_id: SUBJECT.to_owned(),
        created_by: SUBJECT.to_owned(),
        created_at: now.created_at,
        updated_by: SUBJECT.to_owned(),
        updated_at: now.created_at,
        ..Thread::default()
    });
    thread.labels = now.metadata.unwrap_or_default();
    Ok(thread)
}
