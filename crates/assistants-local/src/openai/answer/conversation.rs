//! Conversations that the client keeps.

use crate::model::{CompletedCall, ModelMessage, ModelRequest, Role};

/// An answer in a conversation, to whose calls there may be outputs to come.
#[derive(Debug, Default)]
pub(in crate::openai) struct OpenAnswer {
    /// The text before the calls.
    pub(in crate::openai) text: String,
    /// The calls, and whether each has an output.
    calls: Vec<(CompletedCall, bool)>,
}

impl OpenAnswer {
    pub(in crate::openai) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            calls: Vec::new(),
        }
    }

    pub(in crate::openai) fn push_call(&mut self, id: &str, name: &str, arguments: &str) {
        self.calls.push((CompletedCall::new(id, name, arguments, ""), false));
    }

    /// Returns whether a call has an output already.
    pub(in crate::openai) fn has_outputs(&self) -> bool {
        self.calls.iter().any(|(_, has_output)| *has_output)
    }

    /// Adds the output of a call. Returns whether there is such a call without an output: two calls of the same function
    /// may share an id, and each output belongs to the first call that has none.
    pub(in crate::openai) fn set_output(&mut self, id: &str, output: String) -> bool {
        let mut calls = self.calls.iter_mut();
        match calls.find(|(call, has_output)| !has_output && call.id == id) {
            Some((call, has_output)) => {
                call.output = output;
                *has_output = true;
                true
            }
            None => false,
        }
    }

    /// Returns the ids of the calls that have no output.
    pub(in crate::openai) fn calls_without_output(&self) -> Vec<&str> {
        let open = self.calls.iter().filter(|(_, has_output)| !has_output);
        open.map(|(call, _)| call.id.as_str()).collect()
    }

    /// Adds the answer to those that follow the last user message.
    pub(in crate::openai) fn add_to(self, request: &mut ModelRequest) {
        if self.text.is_empty() && self.calls.is_empty() {
            return;
        }
        let mut answer = ModelMessage::new(Role::Assistant, self.text);
        answer.calls = self.calls.into_iter().map(|(call, _)| call).collect();
        request.rounds.push(answer);
    }
}

/// Adds a user message. The answers before it belong to the conversation; only those after the last one are the rounds of the
/// answer that is requested.
pub(in crate::openai) fn push_user_message(request: &mut ModelRequest, message: ModelMessage) {
    let earlier = std::mem::take(&mut request.rounds);
    request.messages.extend(earlier);
    request.messages.push(message);
}
