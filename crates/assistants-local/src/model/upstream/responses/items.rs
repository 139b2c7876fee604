//! The items of a conversation, in the form that servers accept when they are sent back.

use assistants_blocking::responses::ResponseItem;

use crate::model::upstream::flags::Flags;
use crate::model::upstream::request::{call_id, has_valid_arguments};
use crate::model::upstream::state::Item;

impl Item for ResponseItem {
    const DIALECT: &'static str = "responses";

    fn output(call_id: &str, output: &str) -> Self {
        Self::function_output(call_id, output)
    }

    fn calls(&self) -> Vec<&str> {
        match self {
            Self::FunctionCall(call) => vec![&call.call_id],
            _ => Vec::new(),
        }
    }

    fn output_of(&self) -> Option<&str> {
        match self {
            Self::FunctionCallOutput(output) => Some(&output.call_id),
            _ => None,
        }
    }
}

/// Changes items to what the server accepts. What is stored is not changed, because it can turn out later what that is.
pub(super) fn adapt(items: &mut Vec<ResponseItem>, flags: &Flags) {
    if !flags.reasoning_back {
        items.retain(|item| !matches!(item, ResponseItem::Reasoning(_)));
    }
    for item in items {
        match item {
            ResponseItem::Message(message) if !flags.reasoning_back => message.id = None,
            ResponseItem::FunctionCall(call) => {
                if !flags.reasoning_back {
                    // By its id, a server finds out that the reasoning before the call is missing.
                    call.id = None;
                }
                call.call_id = call_id(&call.call_id, flags);
                if !has_valid_arguments(&call.arguments) {
                    call.arguments = "{}".to_owned();
                }
            }
            ResponseItem::FunctionCallOutput(output) => output.call_id = call_id(&output.call_id, flags),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn adapted(flags: &Flags) -> Value {
        let mut items: Vec<ResponseItem> = serde_json::from_value(json!([
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "abc"},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{\"a\""},
            {"type": "function_call_output", "call_id": "call_1", "output": "1"},
        ]))
        .unwrap();
        adapt(&mut items, flags);
        json!(items)
    }

    #[test]
    fn items_are_sent_back_as_they_came_but_for_what_no_server_reads() {
        assert_eq!(
            adapted(&Flags::default()),
            json!([
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "abc"},
                {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "call_1", "output": "1"},
            ])
        );
    }

    #[test]
    fn without_reasoning_calls_have_no_ids_that_belong_to_it() {
        let flags = Flags {
            reasoning_back: false,
            ..Flags::default()
        };
        assert_eq!(
            adapted(&flags),
            json!([
                {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "call_1", "output": "1"},
            ])
        );
    }
}
