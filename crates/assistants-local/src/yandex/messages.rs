//! Messages of threads.

use std::convert::Infallible;

use assistants_types::openai::{
    CreateMessage as OpenAiCreate, Message as OpenAiMessage, MessageIncompleteReason, MessageStatus as OpenAiStatus,
    Role,
};
use assistants_types::yandex::{
    Author, ContentPart, CreateMessage, Message, MessageContent, MessageData, MessageStatus, Thread,
};
use axum::body::Bytes;

use super::call::to_json;
use super::resource::{SUBJECT, noted, to_text};
use super::{Answer, ApiError, Call, threads};
use crate::engine::{Refusal, add_message_with_notes};
use crate::object::Loaded;
use crate::storage::{Document, Kind, List, Order, StorageError, Transaction};

/// How many messages a thread may have.
const MOST: usize = 10_000;

pub(super) fn create(call: &Call) -> Result<Answer, ApiError> {
    let params: CreateMessage = call.body()?;
    let message = call.transact(|transaction| {
        let thread = threads::view(threads::find(transaction, &params.thread_id)?)?;
        let data = MessageData {
            author: params.author.clone(),
            labels: params.labels.clone(),
            content: Some(params.content.clone()),
            ..MessageData::default()
        };
        add(transaction, &thread, data)
    })?;
    call.answer(&message)
}

/// All messages of a thread, newest first, each on a line of its own.
pub(super) fn list(call: &Call) -> Result<Answer, ApiError> {
    let thread_id = call.required("threadId")?;
    let documents = call.transact(|transaction| {
        threads::find(transaction, thread_id)?;
        Ok(transaction.list(&newest(thread_id, usize::MAX))?.documents)
    })?;
    let dialect = call.dialect;
    let mut documents = documents.into_iter();
    // Once the answer has begun, a failure is a line too, and the last one.
    let lines = std::iter::from_fn(move || {
        loop {
            let line = match of(documents.next()?) {
                Ok(None) => continue,
                Ok(Some(message)) => to_json(dialect, &message).map(|json| format!("{{\"result\":{json}}}\n")),
                Err(error) => Err(error.into()),
            };
            return Some(Ok::<_, Infallible>(Bytes::from(line.unwrap_or_else(|error| {
                documents = Vec::new().into_iter();
                format!("{{\"error\":{}}}\n", error.body())
            }))));
        }
    });
    Ok(Answer::Lines(Box::pin(tokio_stream::iter(lines))))
}

pub(super) fn get(call: &Call) -> Result<Answer, ApiError> {
    let (thread_id, id) = (call.required("threadId")?, call.id("messageId"));
    let document = call.transact(|transaction| {
        threads::find(transaction, thread_id)?;
        let document = transaction.get(Kind::Message, id)?;
        document
            .filter(|document| document.parent.as_deref() == Some(thread_id))
            .ok_or_else(|| ApiError::not_found(Kind::Message, id))
    })?;
    match of(document)? {
        Some(message) => call.answer(&message),
        None => Err(ApiError::not_found(Kind::Message, id)),
    }
}

/// Adds a message to a thread.
pub(super) fn add(transaction: &dyn Transaction, thread: &Thread, mut data: MessageData) -> Result<Message, ApiError> {
    let mut author = data.author.unwrap_or_default();
    if author.id.is_empty() {
        author.id.clone_from(&thread.default_message_author_id);
    }
    let role = match author.role.to_ascii_uppercase().as_str() {
        "" | "USER" => Role::User,
        "ASSISTANT" => Role::Assistant,
        other => return Err(ApiError::invalid(format!("There is no role '{other}'."))),
    };
    role.as_str().to_ascii_uppercase().clone_into(&mut author.role);
    data.author = Some(author);
    let content = data.content.get_or_insert_default();
    if content.content.is_empty() || content.content.iter().any(|part| part.as_text().is_none()) {
        return Err(ApiError::invalid("The `content` of a message is one or more texts."));
    }
    let count = transaction.list(&newest(&thread.id, MOST))?;
    if count.has_more || count.documents.len() == MOST {
        return Err(Refusal::state(format!("The thread {} has {MOST} messages already.", thread.id)).into());
    }
    let params = OpenAiCreate::new(role, content.to_text()).metadata(data.labels.clone());
    let stored = add_message_with_notes(transaction, &thread.id, &params, Some(to_text(&data)?))?;
    Ok(view(&stored, Some(data)))
}

fn newest(thread_id: &str, limit: usize) -> List<'_> {
    List {
        kind: Kind::Message,
        parent: Some(thread_id),
        tag: None,
        order: Order::Descending,
        after: None,
        before: None,
        limit,
    }
}

/// The message of a document; `None` for one that this protocol does not show, because it is being written or was never
/// finished.
fn of(document: Document) -> Result<Option<Message>, StorageError> {
    let noted = noted(&document)?;
    let message = Loaded::<OpenAiMessage>::parse(document)?.object;
    let is_shown = status(&message) != MessageStatus::Unspecified;
    Ok(is_shown.then(|| view(&message, noted)))
}

/// A message with what is noted of it.
pub(super) fn view(message: &OpenAiMessage, noted: Option<MessageData>) -> Message {
    let noted = noted.unwrap_or_default();
    let content = noted.content.unwrap_or_else(|| MessageContent {
        content: message.texts().map(ContentPart::from).collect(),
        ..MessageContent::default()
    });
    let author = noted.author.unwrap_or_else(|| {
        if message.role == Role::Assistant {
            Author::assistant(message.assistant_id.as_deref().unwrap_or(SUBJECT))
        } else {
            Author::user(SUBJECT)
        }
    });
    Message {
        id: message.id.clone(),
        thread_id: message.thread_id.clone(),
        created_by: SUBJECT.to_owned(),
        created_at: message.created_at,
        author: Some(author),
        labels: message.metadata.clone().unwrap_or_default(),
        content: Some(content),
        status: status(message),
        ..Message::default()
    }
}

fn status(message: &OpenAiMessage) -> MessageStatus {
    let reason = message.incomplete_details.as_ref().map(|details| &details.reason);
    match (&message.status, reason) {
        (OpenAiStatus::Completed, _) => MessageStatus::Completed,
        (OpenAiStatus::Incomplete, Some(MessageIncompleteReason::MaxTokens)) => MessageStatus::Truncated,
        (OpenAiStatus::Incomplete, Some(MessageIncompleteReason::ContentFilter)) => MessageStatus::FilteredContent,
        _ => MessageStatus::Unspecified,
    }
}
