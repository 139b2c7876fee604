//! Stores the protocol's objects as documents.
//!
//! The stored JSON is what clients receive, so a read needs no parsing.

use assistants_types::openai::{
    Assistant, File, Message, Run, RunStep, StreamEvent, Thread, Upload, UploadPart, VectorStore, VectorStoreFile,
    VectorStoreFileBatch,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use time::OffsetDateTime;

use crate::engine::vector_stores::file_key;
use crate::storage::{Document, Kind, StorageError, Transaction};

/// An object that is stored under its id.
pub(crate) trait Stored: Serialize + DeserializeOwned {
    const KIND: Kind;
    /// Members that are always sent, as `null` if the object has no value for them. The types omit them, which means
    /// the same, but clients in statically typed languages rely on them. A path leads through members and, with `*`,
    /// through all items of a list.
    const NULLABLE: &'static [&'static str];

    fn id(&self) -> &str;
    fn created_at(&self) -> Option<OffsetDateTime>;

    /// The id under which the object is stored.
    fn key(&self) -> String {
        self.id().to_owned()
    }
}

macro_rules! stored {
    ($($type:ident: $($nullable:literal)*;)+) => {
        $(impl Stored for $type {
            const KIND: Kind = Kind::$type;
            const NULLABLE: &'static [&'static str] = &[$($nullable),*];

            fn id(&self) -> &str {
                &self.id
            }

            fn created_at(&self) -> Option<OffsetDateTime> {
                self.created_at
            }
        })+
    };
}

stored! {
    Assistant: "name" "description" "instructions" "tool_resources" "metadata" "temperature" "top_p" "response_format";
    File:;
    Thread: "tool_resources" "metadata";
    Message: "incomplete_details" "completed_at" "incomplete_at" "assistant_id" "run_id" "attachments" "metadata";
    Run: "required_action" "last_error" "expires_at" "started_at" "cancelled_at" "failed_at" "completed_at"
        "metadata" "usage" "incomplete_details" "temperature" "top_p" "max_prompt_tokens" "max_completion_tokens"
        "truncation_strategy" "tool_choice" "response_format";
    VectorStore: "expires_at" "last_active_at" "metadata";
    VectorStoreFileBatch:;
    Upload: "file";
    UploadPart:;
    RunStep: "last_error" "expired_at" "cancelled_at" "failed_at" "completed_at" "metadata" "usage"
        "step_details/tool_calls/*/function/output";
}

/// A file can be in several vector stores, so it is stored under both ids.
impl Stored for VectorStoreFile {
    const KIND: Kind = Kind::VectorStoreFile;
    const NULLABLE: &'static [&'static str] = &["last_error"];

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
                    "reading the {} {}: what is stored is damaged",
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

/// Serializes an object, including its nulls.
pub(crate) fn to_json<T: Stored>(object: &T) -> String {
    complete(object, T::NULLABLE)
}

/// Serializes any value, and adds `null` for missing members at these paths.
pub(crate) fn complete(object: &impl Serialize, nullable: &[&str]) -> String {
    let mut value = serde_json::to_value(object).expect("an object of the protocol has a JSON form");
    for path in nullable {
        complete_at(&mut value, path);
    }
    value.to_string()
}

fn complete_at(value: &mut Value, path: &str) {
    match (path.split_once('/'), value) {
        (Some(("*", rest)), Value::Array(items)) => items.iter_mut().for_each(|item| complete_at(item, rest)),
        (Some((name, rest)), Value::Object(members)) => {
            if let Some(member) = members.get_mut(name) {
                complete_at(member, rest);
            }
        }
        (None, Value::Object(members)) => {
            members.entry(path).or_insert(Value::Null);
        }
        _ => {}
    }
}

/// Removes the texts of passages found by file search from a run step; they are only sent on request.
pub(crate) fn without_content(step: &str) -> String {
    if !step.contains("file_search") {
        return step.to_owned();
    }
    let Ok(mut value) = serde_json::from_str::<Value>(step) else {
        return step.to_owned();
    };
    let calls = value
        .pointer_mut("/step_details/tool_calls")
        .and_then(Value::as_array_mut);
    for call in calls.into_iter().flatten() {
        let results = call.pointer_mut("/file_search/results").and_then(Value::as_array_mut);
        for result in results.into_iter().flatten().filter_map(Value::as_object_mut) {
            result.remove("content");
        }
    }
    value.to_string()
}

/// Serializes the data of an event, including the nulls of its objects.
pub(crate) fn event_data(event: &StreamEvent) -> String {
    use StreamEvent as E;
    match event {
        E::ThreadCreated(created) => to_json(&created.data),
        E::RunCreated(run)
        | E::RunQueued(run)
        | E::RunInProgress(run)
        | E::RunRequiresAction(run)
        | E::RunCompleted(run)
        | E::RunIncomplete(run)
        | E::RunFailed(run)
        | E::RunCancelling(run)
        | E::RunCancelled(run)
        | E::RunExpired(run) => to_json(&**run),
        E::RunStepCreated(step)
        | E::RunStepInProgress(step)
        | E::RunStepCompleted(step)
        | E::RunStepFailed(step)
        | E::RunStepCancelled(step)
        | E::RunStepExpired(step) => to_json(&**step),
        E::MessageCreated(message)
        | E::MessageInProgress(message)
        | E::MessageCompleted(message)
        | E::MessageIncomplete(message) => to_json(&**message),
        other => other.data().expect("an object of the protocol has a JSON form"),
    }
}

/// Returns the current time, truncated to whole seconds as in the protocol.
pub(crate) fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now)
}
