//! Messages that users add to threads.

use assistants_types::openai::{
    AttachmentTool, CreateMessage, CreateVectorStore, FileSearchResources, Message, MessageInput, MessageStatus,
    Thread, VectorStoreExpiration,
};

use super::EngineError;
use super::runs::history_store;
use super::vector_stores::{NewFile, attach, create_store, load_store, touch};
use crate::clock::now;
use crate::ids;
use crate::storage::object::{insert_with_notes, load};
use crate::storage::{ACTIVE, Kind, List, Order, StorageError, Transaction};

/// Adds a message at the end of an existing thread. Fails if a run is active on the thread.
pub(crate) fn add_message(
    transaction: &dyn Transaction,
    thread_id: &str,
    params: &CreateMessage,
) -> Result<Message, EngineError> {
    if matches!(&params.content, MessageInput::Text(text) if text.is_empty()) {
        return Err(EngineError::invalid_param(
            "content",
            "Message content must be non-empty.",
        ));
    }
    add_message_with_notes(transaction, thread_id, params, None)
}

/// Adds a message, with notes of the protocol that it came over.
pub(crate) fn add_message_with_notes(
    transaction: &dyn Transaction,
    thread_id: &str,
    params: &CreateMessage,
    notes: Option<String>,
) -> Result<Message, EngineError> {
    if let Some(run_id) = active_run(transaction, thread_id)? {
        return Err(EngineError::state(format!(
            "Can't add messages to {thread_id} while a run {run_id} is active."
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
    attach_files(transaction, thread_id, params)?;
    Ok(message)
}

/// Deletes a message of a thread, and its copy in the history of its run. Returns `false` if it does not exist.
pub(crate) fn delete_message(transaction: &dyn Transaction, id: &str) -> Result<bool, StorageError> {
    let Some(message) = transaction.get(Kind::Message, id)? else {
        return Ok(false);
    };
    if let Some(run_id) = &message.tag {
        history_store::forget_message(transaction, run_id, id)?;
    }
    transaction.delete(Kind::Message, id, now().unix_timestamp())
}

/// The lifetime of a vector store created for a thread's attachments, in days, as documented by the provider.
const ATTACHMENTS_KEPT: i64 = 7;

/// Returns the ids of the files that a message attaches for a tool.
fn attached(params: &CreateMessage, is_tool: fn(&AttachmentTool) -> bool) -> Vec<&str> {
    let attachments = params.attachments.as_ref().into_iter().flatten();
    let attachments = attachments.filter(|attachment| attachment.tools.iter().flatten().any(is_tool));
    attachments
        .filter_map(|attachment| attachment.file_id.as_deref())
        .collect()
}

/// Adds files attached for the code interpreter to the resources of the thread, and files attached for file search to the
/// thread's vector store, which is created if there is none.
fn attach_files(transaction: &dyn Transaction, thread_id: &str, params: &CreateMessage) -> Result<(), EngineError> {
    let executed = attached(params, |tool| matches!(tool, AttachmentTool::CodeInterpreter(_)));
    let searched = attached(params, |tool| matches!(tool, AttachmentTool::FileSearch(_)));
    if executed.is_empty() && searched.is_empty() {
        return Ok(());
    }
    let Some(mut thread) = load::<Thread>(transaction, thread_id)? else {
        return Ok(());
    };
    let resources = thread.object.tool_resources.get_or_insert_default();
    if !executed.is_empty() {
        let code_interpreter = resources.code_interpreter.get_or_insert_default();
        let file_ids = code_interpreter.file_ids.get_or_insert_default();
        for file_id in executed {
            if !file_ids.iter().any(|known| known == file_id) {
                file_ids.push(file_id.to_owned());
            }
        }
    }
    if searched.is_empty() {
        return Ok(thread.save(transaction)?);
    }
    let stores = resources.file_search.get_or_insert_with(FileSearchResources::default);
    let store_ids = stores.vector_store_ids.get_or_insert_default();
    if store_ids.is_empty() {
        let params = CreateVectorStore::default().expires_after(VectorStoreExpiration::days(ATTACHMENTS_KEPT));
        let store = create_store(transaction, &params)?;
        // No client asked for this store, so it is deleted with the thread named in its tag.
        if let Some(mut made) = transaction.get(Kind::VectorStore, &store.id)? {
            made.tag = Some(thread_id.to_owned());
            transaction.update(&made)?;
        }
        store_ids.push(store.id);
    }
    let mut store = load_store(transaction, &store_ids[0])?;
    thread.save(transaction)?;
    for file_id in searched {
        let new = NewFile {
            file_id,
            chunking: None,
            attributes: None,
            batch_id: None,
        };
        attach(transaction, &mut store, new).map_err(|refusal| refusal.at("attachments"))?;
    }
    Ok(touch(transaction, &mut store)?)
}

/// Returns the run on a thread that has not ended. There is at most one.
pub(super) fn active_run(transaction: &dyn Transaction, thread_id: &str) -> Result<Option<String>, EngineError> {
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
