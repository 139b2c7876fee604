//! What version 1 of the protocol had and version 2 has no more: `file_ids` of assistants, messages and runs.
//!
//! Answers get them here, after the handlers; version 2 never sees them.

use axum::http::HeaderMap;
use serde_json::{Map, Value, json};

use super::{Answer, ApiError, Call};
use crate::engine::legacy;
use crate::storage::Transaction;

/// How many files a message may have.
const MOST_FILES: usize = 10;

/// Whether the headers ask for version 1.
pub(super) fn asked_for(headers: &HeaderMap) -> bool {
    let values = headers.get_all("openai-beta").into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim() == "assistants=v1")
}

/// Makes the `file_ids` of a message attachments that are searched. `place` is where the message stands in the body.
pub(super) fn put_right(call: &Call, message: &mut Value, place: &str) -> Result<(), ApiError> {
    let Value::Object(members) = message else { return Ok(()) };
    if !call.legacy && call.schemas.is_strict() {
        return Ok(());
    }
    let file_ids = members.remove("file_ids").filter(|_| call.legacy);
    let Some(file_ids) = file_ids.filter(|file_ids| !file_ids.is_null()) else {
        return Ok(());
    };
    let place = format!("{place}file_ids");
    let refused = |code: &'static str, message: String| Err(ApiError::invalid(message).param(&place).code(code));
    let attachments = match file_ids {
        Value::Array(file_ids) if file_ids.len() > MOST_FILES => {
            let count = file_ids.len();
            let message = format!(
                "Invalid '{place}': array too long. Expected an array with maximum length {MOST_FILES}, \
                 but got an array with length {count} instead."
            );
            return refused("array_above_max_length", message);
        }
        Value::Array(file_ids) if file_ids.iter().all(Value::is_string) => file_ids.into_iter().map(attachment),
        _ => {
            let message = format!("Invalid type for '{place}': expected a list of strings.");
            return refused("invalid_type", message);
        }
    };
    match members.entry("attachments").or_insert(Value::Null) {
        Value::Array(others) => others.extend(attachments),
        none @ Value::Null => *none = attachments.collect(),
        // The schema says what is wrong with it.
        _ => {}
    }
    Ok(())
}

fn attachment(file_id: Value) -> Value {
    json!({"file_id": file_id, "tools": [{"type": "file_search"}]})
}

/// As [`put_right`], for all messages of a list in the body.
pub(super) fn put_all_right(call: &Call, messages: Option<&mut Value>, place: &str) -> Result<(), ApiError> {
    let messages = messages.and_then(Value::as_array_mut).into_iter().flatten();
    let mut messages = messages.enumerate();
    messages.try_for_each(|(index, message)| put_right(call, message, &format!("{place}[{index}].")))
}

/// Lets the objects of an answer show their files to a client of version 1.
pub(super) fn show(call: &Call, answer: Answer) -> Result<Answer, ApiError> {
    match answer {
        Answer::Json(json) if call.legacy => completed(call, &json).map(Answer::Json),
        Answer::Run(json) if call.legacy => completed(call, &json).map(Answer::Run),
        other => Ok(other),
    }
}

fn completed(call: &Call, json: &str) -> Result<String, ApiError> {
    // An answer of the server itself: what it cannot read is shown as it is.
    let Ok(mut value) = serde_json::from_str::<Value>(json) else {
        return Ok(json.to_owned());
    };
    call.transact(|transaction| {
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
    let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default();
    let file_ids: Value = if is(members, "assistant") {
        legacy::file_ids(transaction, text("id"))?.into()
    } else if is(members, "thread.run") {
        // Those that its assistant has now.
        legacy::file_ids(transaction, text("assistant_id"))?.into()
    } else if is(members, "thread.message") {
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
