//! Messages of threads.

use assistants_types::openai::{CreateMessage, Message, MessageDeleted, UpdateMessage};

use super::page::page;
use super::request::{find, require_thread};
use super::{ApiError, ApiResponse, Call, v1};
use crate::engine::{add_message, delete_message};
use crate::storage::object::Loaded;
use crate::storage::{Kind, Transaction};

pub(super) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CreateMessage = call.body_with("CreateMessage", |body| v1::normalize(call, body, ""))?;
    let thread_id = call.id("thread_id");
    call.object(|transaction| {
        require_thread(transaction, thread_id)?;
        Ok(add_message(transaction, thread_id, &params)?)
    })
}

/// Lists the messages of a thread, or with `run_id` those written by that run.
pub(super) fn list(call: &Call) -> Result<ApiResponse, ApiError> {
    let thread_id = call.id("thread_id");
    let check = |transaction: &dyn Transaction| require_thread(transaction, thread_id);
    page(call, Kind::Message, Some(thread_id), call.query("run_id"), check)
}

pub(super) fn retrieve(call: &Call) -> Result<ApiResponse, ApiError> {
    call.stored(Kind::Message, call.id("message_id"), Some(call.id("thread_id")))
}

pub(super) fn update(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: UpdateMessage = call.body("UpdateMessage")?;
    let (thread_id, id) = (call.id("thread_id"), call.id("message_id"));
    call.object(|transaction| {
        let mut message = Loaded::<Message>::parse(find(transaction, Kind::Message, id, Some(thread_id))?)?;
        params.metadata.clone().apply_to(&mut message.object.metadata);
        message.object.metadata.get_or_insert_default();
        message.save(transaction)?;
        Ok(message.object)
    })
}

pub(super) fn delete(call: &Call) -> Result<ApiResponse, ApiError> {
    let (thread_id, id) = (call.id("thread_id"), call.id("message_id"));
    call.transact(|transaction| {
        find(transaction, Kind::Message, id, Some(thread_id))?;
        Ok(delete_message(transaction, id)?)
    })?;
    let deleted = MessageDeleted {
        id: id.to_owned(),
        deleted: true,
        ..MessageDeleted::default()
    };
    Ok(ApiResponse::json(&deleted))
}
