//! Calls and their outputs, in the form that servers accept when they are sent back.

use assistants_blocking::chat::{ChatAssistantMessage, ChatMessage, ChatToolCall};

use crate::model::upstream::flags::Flags;
use crate::model::upstream::request::{call_id, has_valid_arguments};
use crate::model::upstream::state::Item;

/// The members of an answer that contain its reasoning.
pub(super) const REASONING: [&str; 4] = ["reasoning_content", "reasoning", "reasoning_text", "reasoning_details"];

impl Item for ChatMessage {
    const DIALECT: &'static str = "chat";

    fn output(call_id: &str, output: &str) -> Self {
        Self::tool(call_id, output)
    }

    fn calls(&self) -> Vec<&str> {
        let Self::Assistant(answer) = self else {
            return Vec::new();
        };
        let calls = answer.tool_calls.iter().flatten().filter_map(ChatToolCall::as_function);
        calls.map(|call| call.id.as_str()).collect()
    }

    fn output_of(&self) -> Option<&str> {
        match self {
            Self::Tool(output) => Some(&output.tool_call_id),
            _ => None,
        }
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
            if !has_valid_arguments(&call.function.arguments) {
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
