//! Threads.

use assistants_types::openai::Thread as OpenAiThread;
use assistants_types::yandex::{CreateThread, DeleteThreadResponse, ListThreadsResponse, Thread, UpdateThread};

use super::resource::{self, SUBJECT, noted, to_text, whole_seconds};
use super::{ApiError, ApiResponse, Call, messages, page, tools};
use crate::engine::Engine;
use crate::http;
use crate::ids;
use crate::storage::document::{Loaded, insert_with_notes, to_json};
use crate::storage::{Document, Kind, StorageError, Transaction};

pub(super) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CreateThread = call.body()?;
    http::check_count("messages", params.messages.len(), messages::MAX_AT_ONCE)?;
    tools::check(&params.tools)?;
    let mut thread = Thread {
        folder_id: params.folder_id,
        name: params.name,
        description: params.description,
        default_message_author_id: params.default_message_author_id,
        expiration_config: params.expiration_config,
        labels: params.labels,
        tools: params.tools,
        ..Thread::default()
    };
    if thread.default_message_author_id.is_empty() {
        thread.default_message_author_id = ids::new("user_");
    }
    resource::set_created(&mut thread, ids::new("thread_"))?;
    let notes = to_text(&thread)?;
    call.respond_once(|transaction| {
        insert_with_notes(transaction, &project(&thread), None, None, Some(notes.clone()))?;
        transaction.put_in_folder(Kind::Thread, &thread.id, &thread.folder_id)?;
        resource::expire(&call.engine, transaction, &thread)?;
        for message in &params.messages {
            messages::add(transaction, &thread, message.clone())?;
        }
        Ok(thread.clone())
    })
}

pub(super) fn list(call: &Call) -> Result<ApiResponse, ApiError> {
    let page = call.read(|transaction| page::of_folder(call, transaction, Kind::Thread))?;
    call.respond(&ListThreadsResponse {
        threads: page.documents.into_iter().map(view).collect::<Result<_, _>>()?,
        next_page_token: page.next,
        ..ListThreadsResponse::default()
    })
}

pub(super) fn get(call: &Call) -> Result<ApiResponse, ApiError> {
    let document = call.read(|transaction| find(transaction, call.id("threadId")))?;
    call.respond(&view(document)?)
}

pub(super) fn update(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: UpdateThread = call.body()?;
    tools::check(&params.tools)?;
    call.respond_once(|transaction| {
        let document = find(transaction, call.id("threadId"))?;
        let thread = resource::update(&view(document.clone())?, &params, &params.update_mask)?;
        save(transaction, document, &thread)?;
        resource::expire(&call.engine, transaction, &thread)?;
        Ok(thread)
    })
}

/// Deletes a thread with its messages and runs. A run in progress ends.
pub(super) fn delete(call: &Call) -> Result<ApiResponse, ApiError> {
    call.engine.delete_thread(call.id("threadId"))?;
    call.respond(&DeleteThreadResponse::default())
}

pub(super) fn find(transaction: &dyn Transaction, id: &str) -> Result<Document, ApiError> {
    transaction
        .get(Kind::Thread, id)?
        .ok_or_else(|| ApiError::not_found(Kind::Thread, id))
}

/// Records that a thread was used.
pub(super) fn touch(
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
fn project(thread: &Thread) -> OpenAiThread {
    OpenAiThread {
        id: thread.id.clone(),
        created_at: whole_seconds(thread.created_at),
        tool_resources: Some(tools::to_openai(&thread.tools).1),
        metadata: Some(thread.labels.clone()),
        ..OpenAiThread::default()
    }
}

/// Returns the thread of a document: its notes, updated with what the OpenAI protocol has changed since.
pub(super) fn view(document: Document) -> Result<Thread, StorageError> {
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
