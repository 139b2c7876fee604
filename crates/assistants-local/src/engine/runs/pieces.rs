//! Adds the pieces of an answer to the state of a live run, and publishes their events.

use std::sync::Arc;

use assistants_types::openai::{ToolCall, ToolCallFunction};

use serde_json::Value;

use super::code_links::{annotate, divide};
use super::deltas::call_delta;
use super::event_log::Entry;
use super::file_search::citation;
use super::live_run::LiveState;
use crate::ids;
use crate::model::Passage;

/// Each method adds to a message or to calls that the caller has opened, and does nothing if there are none.
impl LiveState {
    pub(super) fn push_text(&mut self, text: &str) {
        if let Some(history) = &self.history {
            history.push(text);
        }
        let Some(turn) = &mut self.turn else { return };
        let Some(message) = &mut turn.message else { return };
        message.text.push_str(text);
        if !turn.generated.is_empty() {
            return self.publish_text(false);
        }
        let (message_id, part) = (Arc::clone(&message.id), message.images.len());
        let first = part == 0 && message.published == 0;
        message.published = message.text.len();
        self.publish_piece(|| Entry::Text {
            message_id,
            part,
            first,
            text: text.into(),
        });
    }

    /// Publishes the new text of the message, with annotations for links to files that code has created. The end of the text is
    /// held back while it can become such a link, unless it has `ended`.
    pub(super) fn publish_text(&mut self, ended: bool) {
        let Some(turn) = &mut self.turn else { return };
        let Some(message) = &mut turn.message else { return };
        let mut entries = Vec::new();
        for segment in divide(&message.text, message.published, &turn.generated, ended) {
            let part = message.images.len();
            let first = part == 0 && message.published == 0;
            message.published = segment.range.end;
            entries.push(match segment.file_id {
                Some(file_id) => annotate(message, segment.range, file_id).into(),
                None => Entry::Text {
                    message_id: Arc::clone(&message.id),
                    part,
                    first,
                    text: message.text[segment.range].into(),
                },
            });
        }
        for entry in entries {
            self.publish_piece(|| entry);
        }
    }

    pub(super) fn push_citation(&mut self, passage: &Passage) {
        self.publish_text(true);
        if let Some(turn) = &mut self.turn
            && let Some(message) = &mut turn.message
        {
            let event = citation(message, passage);
            message.published = message.text.len();
            self.publish(&[event]);
        }
    }

    /// Adds a call without arguments.
    pub(super) fn push_call(&mut self, name: &str) {
        let Some(open) = self.turn.as_mut().and_then(|turn| turn.calls.as_mut()) else {
            return;
        };
        let function = ToolCallFunction {
            name: name.to_owned(),
            ..ToolCallFunction::default()
        };
        let call = ToolCall {
            id: ids::new("call_"),
            function,
            ..ToolCall::default()
        };
        let event = call_delta(&open.step_id, open.calls.len(), &call);
        open.calls.push(call);
        self.publish(&[event]);
    }

    /// Sets what the model wants to see again with the outputs of the calls.
    pub(super) fn set_state(&mut self, state: Value) {
        if let Some(open) = self.turn.as_mut().and_then(|turn| turn.calls.as_mut()) {
            open.state = Some(state);
        }
    }

    /// Adds to the arguments of the call at `index`.
    pub(super) fn push_arguments(&mut self, index: usize, text: &str) {
        if let Some(open) = self.turn.as_mut().and_then(|turn| turn.calls.as_mut())
            && let Some(call) = open.calls.get_mut(index)
        {
            call.function.arguments.push_str(text);
            let step_id = Arc::clone(&open.step_id);
            self.publish_piece(|| Entry::Arguments {
                step_id,
                index,
                text: text.into(),
            });
        }
    }
}
