//! The texts of passages found by file search, which run steps include on request only.

use assistants_types::openai::RunInclude;
use serde_json::Value;

use crate::openai::request_schema::Violation;
use crate::openai::{ApiError, Call};

/// Returns whether `include[]` requests the texts of passages. Fails if it names something that does not exist.
pub(super) fn includes_content(call: &Call) -> Result<bool, ApiError> {
    let asked = call
        .query
        .iter()
        .filter(|(name, _)| name == "include[]" || name == "include");
    let mut included = false;
    for (_, part) in asked {
        included = true;
        if !RunInclude::KNOWN.iter().any(|known| known.as_str() == part) {
            let known = RunInclude::KNOWN.iter().map(RunInclude::as_str);
            return Err(Violation::invalid_value("include[]", part, known).into());
        }
    }
    Ok(included)
}

/// Removes the texts of passages found by file search from a run step.
pub(super) fn without_content(step: &str) -> String {
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
