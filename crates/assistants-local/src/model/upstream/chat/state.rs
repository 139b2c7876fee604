//! An answer as the upstream server gave it, with everything that it wants to see again.
//!
//! Reasoning, signatures of thoughts and call ids have to be sent back as they came, together with the outputs of calls.
//! They are stored with the calls, because the outputs can come after a restart or arrive at another process.

use assistants_blocking::chat::{ChatCompletionMessage, ChatMessage, ChatToolCall};
use serde_json::{Value, json};

use super::calls::{REASONING, output};
use crate::model::upstream::failure;
use crate::model::{CompletedCall, Failure};

/// Names this dialect in stored data.
const DIALECT: &str = "chat";

/// The messages of an answer: of the assistant, and outputs of searches.
#[derive(Debug, Default)]
pub(super) struct State {
    messages: Vec<ChatMessage>,
}

impl State {
    /// Reads what [`to_value`](Self::to_value) wrote. `None` if it is from another server, model or dialect: its contents
    /// are then not understood, and the answer is sent without them.
    pub(super) fn of(stored: &Value, upstream: &str, model: &str) -> Option<Self> {
        let is = |name: &str, value: &str| stored.get(name).and_then(Value::as_str) == Some(value);
        if !is("dialect", DIALECT) || !is("upstream", upstream) || !is("model", model) {
            return None;
        }
        let messages = serde_json::from_value(stored.get("messages")?.clone());
        Some(Self {
            messages: messages.ok()?,
        })
    }

    pub(super) fn to_value(&self, upstream: &str, model: &str) -> Value {
        json!({"dialect": DIALECT, "upstream": upstream, "model": model, "messages": self.messages})
    }

    pub(super) fn messages(&self) -> &[ChatMessage] {
        &self.messages
    }

    /// Adds an answer of the model.
    pub(super) fn push_answer(&mut self, mut message: ChatCompletionMessage) {
        let extra = std::mem::take(&mut message.extra);
        message.content = message.content.filter(|text| !text.is_empty());
        message.refusal = None;
        let mut answer = ChatMessage::from(message);
        if let ChatMessage::Assistant(answer) = &mut answer {
            for name in REASONING {
                if let Some(value) = extra.get(name).filter(|value| !value.is_null()) {
                    answer.extra.insert(name.to_owned(), value.clone());
                }
            }
        }
        self.messages.push(answer);
    }

    /// Adds the output of a call.
    pub(super) fn push_output(&mut self, call_id: &str, output: &str) {
        self.messages.push(ChatMessage::tool(call_id, output));
    }

    /// Returns the messages, with the outputs that the client submitted for `calls`.
    pub(super) fn with_outputs(mut self, calls: &[CompletedCall]) -> Result<Vec<ChatMessage>, Failure> {
        let open = self.open_calls();
        if open.len() != calls.len() {
            let words = format!("{} outputs were submitted for {} calls", calls.len(), open.len());
            return Err(failure::server_error("stored answer", &words));
        }
        for (id, call) in open.iter().zip(calls) {
            self.push_output(id, output(call));
        }
        Ok(self.messages)
    }

    /// Returns the ids of the calls that have no output. Ids can occur in several answers, since some servers number the
    /// calls of each.
    fn open_calls(&self) -> Vec<String> {
        let mut open = Vec::new();
        for message in &self.messages {
            match message {
                ChatMessage::Assistant(answer) => {
                    let calls = answer.tool_calls.iter().flatten().filter_map(ChatToolCall::as_function);
                    open.extend(calls.map(|call| call.id.clone()));
                }
                ChatMessage::Tool(output) => {
                    if let Some(at) = open.iter().position(|id| *id == output.tool_call_id) {
                        open.remove(at);
                    }
                }
                _ => {}
            }
        }
        open
    }
}
