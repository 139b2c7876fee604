//! Messages of threads.

use std::convert::Infallible;

use assistants_types::openai::{
    Annotation, CreateMessage as OpenAiCreate, FileSearchResult, Message as OpenAiMessage, MessageIncompleteReason,
    MessageStatus as OpenAiStatus, Role, StepToolCall,
};
use assistants_types::yandex::{
    Author, ChunkContent, Citation, ContentPart, CreateMessage, File, FileChunk, Message, MessageContent, MessageData,
    MessageStatus, SearchIndex, Thread,
};
use axum::body::Bytes;

use super::resource::{SUBJECT, noted, to_text};
use super::{ApiError, ApiResponse, Call, files, lines, search_indexes, threads};
use crate::engine::{EngineError, RunNotes, add_message_with_notes, steps, vector_stores};
use crate::storage::object::Loaded;
use crate::storage::{Document, Kind, List, Order, StorageError, Transaction};

/// The maximum number of messages in a thread.
const MAX_PER_THREAD: u64 = 10_000;

/// The maximum number of messages in a request.
pub(super) const MAX_AT_ONCE: usize = 512;

pub(super) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CreateMessage = call.body()?;
    call.respond_once(|transaction| {
        let document = threads::find(transaction, &params.thread_id)?;
        let thread = threads::view(document.clone())?;
        threads::touch(&call.engine, transaction, document, thread.clone())?;
        let data = MessageData {
            author: params.author.clone(),
            labels: params.labels.clone(),
            content: Some(params.content.clone()),
            ..MessageData::default()
        };
        add(transaction, &thread, data)
    })
}

/// Lists all messages of a thread, newest first, one per line.
pub(super) fn list(call: &Call) -> Result<ApiResponse, ApiError> {
    let thread_id = call.required("threadId")?;
    let messages = call.read(|transaction| {
        threads::find(transaction, thread_id)?;
        let listing = transaction.list(&List {
            kind: Kind::Message,
            parent: Some(thread_id),
            tag: None,
            order: Order::Descending,
            after: None,
            before: None,
            limit: usize::MAX,
        })?;
        let messages = listing.documents.into_iter().map(|document| of(transaction, document));
        Ok(messages.collect::<Result<Vec<_>, StorageError>>()?)
    })?;
    let dialect = call.dialect;
    let messages = messages.into_iter().flatten();
    let lines = messages.map(move |message| Ok::<_, Infallible>(Bytes::from(lines::result(dialect, &message))));
    Ok(ApiResponse::Lines(Box::pin(tokio_stream::iter(lines))))
}

pub(super) fn get(call: &Call) -> Result<ApiResponse, ApiError> {
    let (thread_id, id) = (call.required("threadId")?, call.id("messageId"));
    let message = call.read(|transaction| {
        threads::find(transaction, thread_id)?;
        let document = transaction.get(Kind::Message, id)?;
        let document = document.filter(|document| document.parent.as_deref() == Some(thread_id));
        let message = document.map(|document| of(transaction, document)).transpose()?;
        message.flatten().ok_or_else(|| ApiError::not_found(Kind::Message, id))
    })?;
    call.respond(&message)
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
        other => return Err(ApiError::invalid(format!("Unknown role '{other}'."))),
    };
    role.as_str().to_ascii_uppercase().clone_into(&mut author.role);
    data.author = Some(author);
    let content = data.content.get_or_insert_default();
    if content.content.is_empty() || content.content.iter().any(|part| part.as_text().is_none()) {
        return Err(ApiError::invalid(
            "The `content` of a message must be one or more texts.",
        ));
    }
    if transaction.count(Kind::Message, &thread.id)? >= MAX_PER_THREAD {
        return Err(EngineError::state(format!(
            "The thread {} already has {MAX_PER_THREAD} messages, which is the maximum.",
            thread.id
        ))
        .into());
    }
    let params = OpenAiCreate::new(role, content.to_text()).metadata(data.labels.clone());
    let stored = add_message_with_notes(transaction, &thread.id, &params, Some(to_text(&data)?))?;
    Ok(view(&stored, Some(data)))
}

/// Returns the message of a document; `None` if this protocol does not show it, because it is still being written or
/// was never completed.
fn of(transaction: &dyn Transaction, document: Document) -> Result<Option<Message>, StorageError> {
    let noted = noted(&document)?;
    let message = Loaded::<OpenAiMessage>::parse(document)?.object;
    if status(&message) == MessageStatus::Unspecified {
        return Ok(None);
    }
    let citations = citations(transaction, &message)?;
    Ok(Some(Message {
        citations,
        ..view(&message, noted)
    }))
}

/// Returns a message that a run has written.
pub(super) fn written(transaction: &dyn Transaction, message: &OpenAiMessage) -> Result<Message, StorageError> {
    Ok(Message {
        citations: citations(transaction, message)?,
        ..view(message, None)
    })
}

/// Returns the citations of a message: the passages that its run found and that it refers to.
fn citations(transaction: &dyn Transaction, message: &OpenAiMessage) -> Result<Vec<Citation>, StorageError> {
    let cited: Vec<&str> = message
        .annotations()
        .filter_map(|annotation| match annotation {
            Annotation::FileCitation(citation) => Some(citation.file_citation.file_id.as_str()),
            _ => None,
        })
        .collect();
    let Some(run_id) = message.run_id.as_deref().filter(|_| !cited.is_empty()) else {
        return Ok(Vec::new());
    };
    let steps = steps(transaction, run_id, None)?;
    let searches = steps
        .iter()
        .flat_map(|step| step.object.tool_calls())
        .filter_map(|call| match call {
            StepToolCall::FileSearch(call) => call.file_search.results.as_ref(),
            _ => None,
        });
    let mut found: Vec<&FileSearchResult> = searches.flatten().collect();
    let mut citations = Vec::new();
    for file_id in cited {
        // Each further citation of a file refers to the next of its passages.
        let passage = found.iter().position(|result| result.file_id == file_id);
        let passage = passage.map(|index| found.remove(index));
        let texts = passage
            .and_then(|passage| passage.content.as_ref())
            .into_iter()
            .flatten();
        let texts = texts.filter_map(|content| content.text.as_deref());
        let chunk = FileChunk {
            search_index: index_of(transaction, run_id, file_id)?,
            // If the file was deleted, it has no id.
            source_file: Some(match transaction.get(Kind::File, file_id)? {
                Some(document) => files::view(document)?,
                None => File::default(),
            }),
            content: Some(ChunkContent {
                content: texts.map(ContentPart::from).collect(),
                ..ChunkContent::default()
            }),
            ..FileChunk::default()
        };
        citations.push(Citation {
            sources: vec![chunk.into()],
            ..Citation::default()
        });
    }
    Ok(citations)
}

/// Returns the index that contains the file, among those that the run searches.
fn index_of(transaction: &dyn Transaction, run_id: &str, file_id: &str) -> Result<Option<SearchIndex>, StorageError> {
    let searched = match transaction.get(Kind::Run, run_id)? {
        Some(run) => RunNotes::of(&run)?.stores,
        None => None,
    };
    for file in transaction.ending(Kind::VectorStoreFile, file_id)? {
        let Some(store_id) = file.parent else { continue };
        if searched.as_ref().is_none_or(|searched| searched.contains(&store_id))
            && let Some(store) = vector_stores::find(transaction, &store_id)?
        {
            return search_indexes::view(store).map(Some);
        }
    }
    Ok(None)
}

/// Combines a message with its notes.
pub(super) fn view(message: &OpenAiMessage, noted: Option<MessageData>) -> Message {
    let noted = noted.unwrap_or_default();
    let content = noted.content.unwrap_or_else(|| MessageContent {
        content: texts(message).into_iter().map(ContentPart::from).collect(),
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

/// Returns the texts of a message without the marks of citations, which this protocol does not have.
fn texts(message: &OpenAiMessage) -> Vec<String> {
    let mut texts: Vec<String> = message.texts().map(str::to_owned).collect();
    for annotation in message.annotations() {
        if let Annotation::FileCitation(citation) = annotation {
            for text in &mut texts {
                *text = text.replace(&citation.text, "");
            }
        }
    }
    texts
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
