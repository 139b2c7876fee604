//! An answer as the upstream server gave it, with everything that it wants to see again.
//!
//! Reasoning, signatures of thoughts and call ids have to be sent back as they came, together with the outputs of calls.
//! They are stored with the calls, because the outputs can come after a restart or arrive at another process.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::failure;
use crate::model::{CompletedCall, Failure};

/// A message or item of a conversation, in the form of a dialect.
pub(super) trait Item: Clone + Serialize + DeserializeOwned {
    /// Names the dialect in stored data.
    const DIALECT: &'static str;

    /// Creates the output of a call.
    fn output(call_id: &str, output: &str) -> Self;

    /// Returns the ids of the calls that the item makes.
    fn calls(&self) -> Vec<&str>;

    /// Returns the id of the call whose output the item is.
    fn output_of(&self) -> Option<&str>;
}

/// The items of an answer: of the assistant, and outputs of tools of this server.
#[derive(Debug)]
pub(super) struct State<I> {
    items: Vec<I>,
}

impl<I> Default for State<I> {
    fn default() -> Self {
        Self { items: Vec::new() }
    }
}

impl<I: Item> State<I> {
    /// Reads what [`to_value`](Self::to_value) wrote. `None` if it is from another server, model or dialect: its contents
    /// are then not understood, and the answer is sent without them.
    pub(super) fn of(stored: &Value, upstream: &str, model: &str) -> Option<Self> {
        if !Self::is_from(stored, upstream, model) {
            return None;
        }
        match serde_json::from_value(stored.get("items")?.clone()) {
            Ok(items) => Some(Self { items }),
            Err(error) => {
                log::error!(
                    "the stored answer of the upstream server '{upstream}' is damaged, and sent without it: {error}"
                );
                None
            }
        }
    }

    /// Returns whether [`to_value`](Self::to_value) wrote this for the same server, model and dialect.
    pub(super) fn is_from(stored: &Value, upstream: &str, model: &str) -> bool {
        let is = |name: &str, value: &str| stored.get(name).and_then(Value::as_str) == Some(value);
        is("dialect", I::DIALECT) && is("upstream", upstream) && is("model", model)
    }

    pub(super) fn to_value(&self, upstream: &str, model: &str) -> Value {
        json!({"dialect": I::DIALECT, "upstream": upstream, "model": model, "items": self.items})
    }

    pub(super) fn items(&self) -> &[I] {
        &self.items
    }

    /// Adds an answer of the model.
    pub(super) fn push_answer(&mut self, items: Vec<I>) {
        self.items.extend(items);
    }

    /// Adds the output of a call.
    pub(super) fn push_output(&mut self, call_id: &str, output: &str) {
        self.items.push(I::output(call_id, output));
    }

    /// Returns the items, with the outputs that the client submitted for `calls`.
    pub(super) fn with_outputs(mut self, calls: &[CompletedCall]) -> Result<Vec<I>, Failure> {
        let open = self.open_calls();
        if open.len() != calls.len() {
            let words = format!("{} outputs were submitted for {} calls", calls.len(), open.len());
            return Err(failure::server_error("stored answer", &words));
        }
        for (id, call) in open.iter().zip(calls) {
            self.push_output(id, output(call));
        }
        Ok(self.items)
    }

    /// Returns the ids of the calls that have no output. Ids can occur in several answers, since some servers number the
    /// calls of each.
    fn open_calls(&self) -> Vec<String> {
        let mut open: Vec<String> = Vec::new();
        for item in &self.items {
            open.extend(item.calls().into_iter().map(str::to_owned));
            if let Some(at) = open.iter().position(|id| item.output_of() == Some(id)) {
                open.remove(at);
            }
        }
        open
    }
}

/// Returns the output of a call, as it is sent: some servers reject an empty one.
pub(super) fn output(call: &CompletedCall) -> &str {
    if call.output.is_empty() {
        "(no output)"
    } else {
        &call.output
    }
}
