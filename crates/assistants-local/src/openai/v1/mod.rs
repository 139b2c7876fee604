//! Version 1 of the protocol: `file_ids` of assistants, messages and runs, the `quote` of citations, and the name
//! `retrieval` for file search in run steps.
//!
//! These are added to responses after the handlers, and clients of version 2 never see them. Streams use the name
//! `retrieval` as well, but contain no quotes.

pub(crate) mod assistant_files;

use assistants_types::openai::StepToolCall;
use axum::http::HeaderMap;
use serde_json::{Map, Value, json};

use super::{ApiError, ApiResponse, Call};
use crate::engine::steps;
use crate::engine::vector_stores;
use crate::storage::{StorageError, Transaction};

/// The maximum number of files of a message.
const MAX_FILES: usize = 10;

/// Returns whether the headers request version 1.
pub(super) fn asked_for(headers: &HeaderMap) -> bool {
    let values = headers.get_all("openai-beta").into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim() == "assistants=v1")
}

/// Converts the `file_ids` of a message to attachments for file search. `path` is the path of the message in the body.
pub(super) fn normalize(call: &Call, message: &mut Value, path: &str) -> Result<(), ApiError> {
    let Value::Object(members) = message else { return Ok(()) };
    if !call.legacy && call.schemas.is_strict() {
        return Ok(());
    }
    let file_ids = members.remove("file_ids").filter(|_| call.legacy);
    let Some(file_ids) = file_ids.filter(|file_ids| !file_ids.is_null()) else {
        return Ok(());
    };
    let path = format!("{path}file_ids");
    let refused = |code: &'static str, message: String| Err(ApiError::invalid(message).param(&path).code(code));
    let attachments = match file_ids {
        Value::Array(file_ids) if file_ids.len() > MAX_FILES => {
            let count = file_ids.len();
            let message = format!(
                "Invalid '{path}': array too long. Expected an array with maximum length {MAX_FILES}, \
                 but got an array with length {count} instead."
            );
            return refused("array_above_max_length", message);
        }
        Value::Array(file_ids) if file_ids.iter().all(Value::is_string) => file_ids.into_iter().map(attachment),
        _ => {
            let message = format!("Invalid type for '{path}': expected a list of strings.");
            return refused("invalid_type", message);
        }
    };
    match members.entry("attachments").or_insert(Value::Null) {
        Value::Array(others) => others.extend(attachments),
        none @ Value::Null => *none = attachments.collect(),
        // The check against the schema reports what is wrong with it.
        _ => {}
    }
    Ok(())
}

fn attachment(file_id: Value) -> Value {
    json!({"file_id": file_id, "tools": [{"type": "file_search"}]})
}

/// Converts all messages of a list in the body.
pub(super) fn normalize_all(call: &Call, messages: Option<&mut Value>, path: &str) -> Result<(), ApiError> {
    let messages = messages.and_then(Value::as_array_mut).into_iter().flatten();
    let mut messages = messages.enumerate();
    messages.try_for_each(|(index, message)| normalize(call, message, &format!("{path}[{index}].")))
}

/// Converts a response for a client of version 1.
pub(super) fn show(call: &Call, response: ApiResponse) -> Result<ApiResponse, ApiError> {
    match response {
        ApiResponse::Json(json) if call.legacy => completed(call, &json).map(ApiResponse::Json),
        ApiResponse::Run(json) if call.legacy => completed(call, &json).map(ApiResponse::Run),
        other => Ok(other),
    }
}

fn completed(call: &Call, json: &str) -> Result<String, ApiError> {
    // Responses are the server's own. One that is not an object or list is returned unchanged.
    let Ok(mut value) = serde_json::from_str::<Value>(json) else {
        return Ok(json.to_owned());
    };
    call.read(|transaction| {
        let objects = match &mut value {
            Value::Object(members) if is(members, "list") => members.get_mut("data").and_then(Value::as_array_mut),
            _ => None,
        };
        match objects {
            Some(objects) => objects.iter_mut().try_for_each(|object| complete(transaction, object)),
            None => complete(transaction, &mut value),
        }
    })?;
    Ok(value.to_string())
}

fn is(members: &Map<String, Value>, kind: &str) -> bool {
    members.get("object").is_some_and(|known| known == kind)
}

fn complete(transaction: &dyn Transaction, object: &mut Value) -> Result<(), ApiError> {
    let Value::Object(members) = object else { return Ok(()) };
    let file_ids: Value = if is(members, "assistant") {
        vector_stores::assistant_files::file_ids(transaction, text(members, "id"))?.into()
    } else if is(members, "thread.run") {
        // The files that the assistant has now; runs do not record them.
        vector_stores::assistant_files::file_ids(transaction, text(members, "assistant_id"))?.into()
    } else if is(members, "thread.run.step") {
        show_retrieval(members);
        return Ok(());
    } else if is(members, "thread.message") {
        show_quotes(transaction, members)?;
        let attachments = members.get("attachments").and_then(Value::as_array);
        let attached = attachments.into_iter().flatten();
        attached
            .filter_map(|attached| attached.get("file_id").cloned())
            .collect()
    } else {
        return Ok(());
    };
    members.insert("file_ids".to_owned(), file_ids);
    Ok(())
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> &'a str {
    members.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Renames file search in a run step or its delta. Version 1 did not show the results.
pub(super) fn show_retrieval(step: &mut Map<String, Value>) {
    let details = step
        .get_mut("step_details")
        .and_then(|details| details.get_mut("tool_calls"));
    for call in details.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Value::Object(call) = call
            && call.remove("file_search").is_some()
        {
            call.insert("type".to_owned(), "retrieval".into());
            call.insert("retrieval".to_owned(), json!({}));
        }
    }
}

/// Adds quotes to the citations of a message: the passages found by its run, in the order of the citations.
fn show_quotes(transaction: &dyn Transaction, message: &mut Map<String, Value>) -> Result<(), ApiError> {
    let run_id = text(message, "run_id").to_owned();
    let parts = message.get_mut("content").and_then(Value::as_array_mut);
    let citations = parts
        .into_iter()
        .flatten()
        .filter_map(|part| part.pointer_mut("/text/annotations")?.as_array_mut())
        .flatten();
    let mut citations = citations
        .filter_map(|annotation| annotation.get_mut("file_citation")?.as_object_mut())
        .peekable();
    if citations.peek().is_none() {
        return Ok(());
    }
    let mut found = passages(transaction, &run_id)?;
    for citation in citations {
        let file_id = text(citation, "file_id");
        // Empty if the passage is cited a second time, or its run was deleted.
        let quote = found.iter().position(|(found, _)| found == file_id);
        let quote = quote.map(|at| found.remove(at).1).unwrap_or_default();
        citation.insert("quote".to_owned(), quote.into());
    }
    Ok(())
}

/// Returns the passages that a run found, with the ids of their files.
fn passages(transaction: &dyn Transaction, run_id: &str) -> Result<Vec<(String, String)>, StorageError> {
    let steps = steps(transaction, run_id, None)?;
    let calls = steps.iter().flat_map(|step| step.object.tool_calls());
    let results = calls.filter_map(|call| match call {
        StepToolCall::FileSearch(call) => call.file_search.results.as_ref(),
        _ => None,
    });
    let passages = results.flatten().map(|result| {
        let content = result.content.iter().flatten().filter_map(|part| part.text.as_deref());
        (result.file_id.clone(), content.collect())
    });
    Ok(passages.collect())
}
