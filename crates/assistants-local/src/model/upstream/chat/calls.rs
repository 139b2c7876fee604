//! Calls and their outputs, in the form that servers accept when they are sent back.

use serde_json::Value;

use crate::model::CompletedCall;
use crate::model::upstream::flags::{CallIds, Flags};

/// Some servers reject an empty output.
pub(super) fn output(call: &CompletedCall) -> &str {
    if call.output.is_empty() {
        "(no output)"
    } else {
        &call.output
    }
}

/// Servers that parse the arguments reject a conversation in which a model once wrote bad ones.
pub(super) fn valid_arguments(arguments: &str) -> &str {
    match serde_json::from_str::<Value>(arguments) {
        Ok(_) => arguments,
        Err(_) => "{}",
    }
}

/// Returns an id in the form that the server accepts; the same for the same id.
pub(super) fn call_id(id: &str, flags: &Flags) -> String {
    match flags.call_ids {
        CallIds::Any => id.to_owned(),
        CallIds::NineAlphanumerics => {
            let characters: Vec<char> = id.chars().filter(char::is_ascii_alphanumeric).collect();
            let last = &characters[characters.len().saturating_sub(9)..];
            format!("{:0>9}", last.iter().collect::<String>())
        }
    }
}
