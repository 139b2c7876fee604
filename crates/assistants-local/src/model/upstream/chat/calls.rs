//! Calls and their outputs, in the form that servers accept when they are sent back.

use assistants_blocking::chat::{ChatAssistantMessage, ChatMessage, ChatToolCall};
use serde_json::Value;

use crate::model::CompletedCall;
use crate::model::upstream::flags::{CallIds, Flags};

/// The members of an answer that contain its reasoning.
pub(super) const REASONING: [&str; 4] = ["reasoning_content", "reasoning", "reasoning_text", "reasoning_details"];

/// Some servers reject an empty output.
pub(super) fn output(call: &CompletedCall) -> &str {
    if call.output.is_empty() {
        "(no output)"
    } else {
        &call.output
    }
}

/// Changes an answer, or the output of a call, to what the server accepts. What is stored is not changed, because it can
/// turn out later what that is.
pub(super) fn adapt(message: &mut ChatMessage, flags: &Flags) {
    match message {
        ChatMessage::Assistant(answer) => adapt_answer(answer, flags),
        ChatMessage::Tool(output) => output.tool_call_id = call_id(&output.tool_call_id, flags),
        _ => {}
    }
}

fn adapt_answer(answer: &mut ChatAssistantMessage, flags: &Flags) {
    for call in answer.tool_calls.iter_mut().flatten() {
        if let ChatToolCall::Function(call) = call {
            call.id = call_id(&call.id, flags);
            // Servers that parse the arguments reject a conversation in which a model once wrote bad ones.
            if serde_json::from_str::<Value>(&call.function.arguments).is_err() {
                call.function.arguments = "{}".to_owned();
            }
        }
    }
    let has_reasoning = REASONING.iter().any(|name| answer.extra.contains_key(*name));
    if has_reasoning && !flags.reasoning_back {
        for name in REASONING {
            answer.extra.remove(name);
        }
    }
    if flags.reasoning_required && !has_reasoning && answer.tool_calls.is_some() {
        answer.extra.insert("reasoning_content".to_owned(), "".into());
    }
}

/// Returns an id in the form that the server accepts; the same for the same id.
fn call_id(id: &str, flags: &Flags) -> String {
    match flags.call_ids {
        CallIds::Any => id.to_owned(),
        CallIds::NineAlphanumerics => {
            let characters: Vec<char> = id.chars().filter(char::is_ascii_alphanumeric).collect();
            let last = &characters[characters.len().saturating_sub(9)..];
            format!("{:0>9}", last.iter().collect::<String>())
        }
    }
}
