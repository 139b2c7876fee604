//! What differs between chats with models of OpenAI and of Yandex.

use serde_json::Value;

use crate::ids;
use crate::openai::model_uri::is_uri;

/// The conventions of one provider.
#[derive(Debug)]
pub(super) struct Conventions {
    /// Creates the id of a completion.
    pub(super) completion_id: fn() -> String,
    /// Creates the id of a call of the function with this name.
    pub(super) call_id: fn(&str) -> String,
    /// Whether members that are null are present.
    pub(super) writes_nulls: bool,
    /// Whether a message that consists of calls only has a content, which is empty.
    pub(super) content_beside_calls: bool,
    /// Whether the calls of a message have an index even if it is not streamed.
    pub(super) indexed_calls: bool,
    /// Whether the first chunk of a text has a content, which is empty, beside the role.
    pub(super) content_beside_role: bool,
    /// Whether calls are streamed in pieces. Otherwise they are sent whole, together with the finish reason.
    pub(super) calls_in_pieces: bool,
    /// Whether the last chunk of a stream has the usage even if the client has not requested it.
    pub(super) always_reports_usage: bool,
}

const OPENAI: Conventions = Conventions {
    completion_id: || ids::new("chatcmpl-"),
    call_id: |_| ids::new("call_"),
    writes_nulls: true,
    content_beside_calls: false,
    indexed_calls: false,
    content_beside_role: true,
    calls_in_pieces: true,
    always_reports_usage: false,
};

const YANDEX: Conventions = Conventions {
    completion_id: ids::uuid,
    call_id: str::to_owned,
    writes_nulls: false,
    content_beside_calls: true,
    indexed_calls: true,
    content_beside_role: false,
    calls_in_pieces: false,
    always_reports_usage: true,
};

impl Conventions {
    /// Returns the conventions of the provider that uses model names of this form.
    pub(super) fn of(model: &str) -> &'static Self {
        if is_uri(model) { &YANDEX } else { &OPENAI }
    }
}

/// Normalizes a request: the client of Yandex sends the tool choice in whatever case its user wrote it.
pub(super) fn normalize(body: &mut Value) {
    let is_yandex = body.get("model").and_then(Value::as_str).is_some_and(is_uri);
    if is_yandex && let Some(Value::String(choice)) = body.get_mut("tool_choice") {
        choice.make_ascii_lowercase();
    }
}
