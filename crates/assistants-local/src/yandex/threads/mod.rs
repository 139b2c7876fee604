//! Threads.

mod stored;

use assistants_types::yandex::{CreateThread, DeleteThreadResponse, ListThreadsResponse, Thread, UpdateThread};

pub(super) use self::stored::{find, touch, view};

use self::stored::{project, save};
use super::resource::{self, to_text};
use super::{ApiError, ApiResponse, Call, messages, page, tools};
use crate::http;
use crate::ids;
use crate::storage::Kind;
use crate::storage::object::insert_with_notes;

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
