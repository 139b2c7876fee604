//! Messages that users add to threads.

use assistants_types::openai::{CreateMessage, Message, MessageStatus};

use super::Refusal;
use crate::ids;
use crate::object::{insert_with_notes, now};
use crate::storage::{ACTIVE, Kind, List, Order, Transaction};

/// Adds a message at the end of an existing thread that no run is at work on.
pub(crate) fn add_message(
    transaction: &dyn Transaction,
    thread_id: &str,
    params: &CreateMessage,
) -> Result<Message, Refusal> {
    add_message_with_notes(transaction, thread_id, params, None)
}

/// Adds a message, with what the protocol that brings it notes about it.
pub(crate) fn add_message_with_notes(
    transaction: &dyn Transaction,
    thread_id: &str,
    params: &CreateMessage,
    notes: Option<String>,
) -> Result<Message, Refusal> {
    if let Some(run_id) = active_run(transaction, thread_id)? {
        return Err(Refusal::state(format!(
            "Messages cannot be added to the thread {thread_id} while its run {run_id} is active."
        )));
    }
    let now = Some(now());
    let message = Message {
        id: ids::new("msg_"),
        created_at: now,
        thread_id: thread_id.to_owned(),
        status: MessageStatus::Completed,
        completed_at: now,
        role: params.role.clone(),
        content: params.content.clone().into_content(),
        attachments: Some(params.attachments.as_ref().cloned().unwrap_or_default()),
        metadata: Some(params.metadata.as_ref().cloned().unwrap_or_default()),
        ..Message::default()
    };
    insert_with_notes(transaction, &message, Some(thread_id), None, notes)?;
    Ok(message)
}

/// The run that is not over on a thread; there is at most one.
pub(super) fn active_run(transaction: &dyn Transaction, thread_id: &str) -> Result<Option<String>, Refusal> {
    let list = List {
        kind: Kind::Run,
        parent: Some(thread_id),
        tag: Some(ACTIVE),
        order: Order::Ascending,
        after: None,
        before: None,
        limit: 1,
    };
    Ok(transaction
        .list(&list)?
        .documents
        .into_iter()
        .next()
        .map(|document| document.id))
}
