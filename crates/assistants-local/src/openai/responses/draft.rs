//! The output of a response while it is written, and the events for each piece.

use assistants_types::responses::{
    ResponseArgumentsDeltaEvent, ResponseArgumentsDoneEvent, ResponseContent, ResponseEvent, ResponseFunctionCall,
    ResponseItem, ResponseItemAddedEvent, ResponseItemDoneEvent, ResponseItemStatus, ResponseMessage,
    ResponseOutputText, ResponsePartAddedEvent, ResponsePartDoneEvent, ResponseRole, ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
};

use crate::ids;
use crate::model::Piece;

/// The items of an output, in the order in which they begin.
#[derive(Debug, Default)]
pub(super) struct Draft {
    items: Vec<ResponseItem>,
    /// The items that are not complete.
    open: Vec<usize>,
    /// The items that are calls.
    calls: Vec<usize>,
}

impl Draft {
    /// Adds a piece of the answer, and returns its events.
    pub(super) fn add(&mut self, piece: Piece<'_>) -> Vec<ResponseEvent> {
        match piece {
            Piece::Text(text) => self.text(text),
            Piece::Call { name } => self.call(name),
            Piece::Arguments { index, text } => self.arguments(index, text).into_iter().collect(),
            // A response has no files, so nothing can be searched or cited.
            Piece::Search { .. } | Piece::Code { .. } | Piece::Citation(_) | Piece::State(_) => Vec::new(),
        }
    }

    /// Completes the items that are open, and returns their events.
    pub(super) fn complete(&mut self, status: &ResponseItemStatus) -> Vec<ResponseEvent> {
        let open = std::mem::take(&mut self.open);
        open.into_iter().flat_map(|at| self.close(at, status)).collect()
    }

    pub(super) fn into_items(self) -> Vec<ResponseItem> {
        self.items
    }

    fn text(&mut self, text: &str) -> Vec<ResponseEvent> {
        if text.is_empty() {
            return Vec::new();
        }
        let last = self.items.len().checked_sub(1).filter(|at| self.open.contains(at));
        let at = last.filter(|at| matches!(self.items[*at], ResponseItem::Message(_)));
        let (at, mut events) = match at {
            Some(at) => (at, Vec::new()),
            None => self.begin_message(),
        };
        if let ResponseItem::Message(message) = &mut self.items[at]
            && let Some(ResponseContent::OutputText(part)) = message.content.last_mut()
        {
            part.text.push_str(text);
            events.push(ResponseEvent::TextDelta(ResponseTextDeltaEvent {
                item_id: message.id.clone().unwrap_or_default(),
                output_index: index(at),
                delta: text.to_owned(),
                ..ResponseTextDeltaEvent::default()
            }));
        }
        events
    }

    fn begin_message(&mut self) -> (usize, Vec<ResponseEvent>) {
        let id = ids::new("msg_");
        let message = ResponseMessage {
            id: Some(id.clone()),
            role: ResponseRole::Assistant,
            status: Some(ResponseItemStatus::InProgress),
            ..ResponseMessage::default()
        };
        let added = self.begin(message.into());
        let at = self.items.len() - 1;
        let part = ResponseContent::from(ResponseOutputText::new("", Vec::new()));
        if let ResponseItem::Message(message) = &mut self.items[at] {
            message.content.push(part.clone());
        }
        let part = ResponsePartAddedEvent {
            item_id: id,
            output_index: index(at),
            part,
            ..ResponsePartAddedEvent::default()
        };
        (at, vec![added, ResponseEvent::PartAdded(part)])
    }

    fn call(&mut self, name: &str) -> Vec<ResponseEvent> {
        let message = self.open.iter().position(|at| !self.calls.contains(at));
        let mut events = match message {
            Some(position) => {
                let at = self.open.remove(position);
                self.close(at, &ResponseItemStatus::Completed)
            }
            None => Vec::new(),
        };
        let call = ResponseFunctionCall::new(ids::new("call_"), name, "")
            .id(ids::new("fc_"))
            .status(ResponseItemStatus::InProgress);
        self.calls.push(self.items.len());
        events.push(self.begin(call.into()));
        events
    }

    fn arguments(&mut self, call: usize, text: &str) -> Option<ResponseEvent> {
        let at = *self.calls.get(call)?;
        let ResponseItem::FunctionCall(call) = &mut self.items[at] else {
            return None;
        };
        call.arguments.push_str(text);
        Some(ResponseEvent::ArgumentsDelta(ResponseArgumentsDeltaEvent {
            item_id: call.id.clone().unwrap_or_default(),
            output_index: index(at),
            delta: text.to_owned(),
            ..ResponseArgumentsDeltaEvent::default()
        }))
    }

    fn begin(&mut self, item: ResponseItem) -> ResponseEvent {
        let at = self.items.len();
        self.open.push(at);
        self.items.push(item.clone());
        ResponseEvent::ItemAdded(ResponseItemAddedEvent {
            output_index: index(at),
            item,
            ..ResponseItemAddedEvent::default()
        })
    }

    fn close(&mut self, at: usize, status: &ResponseItemStatus) -> Vec<ResponseEvent> {
        let mut events = Vec::new();
        match &mut self.items[at] {
            ResponseItem::Message(message) => {
                message.status = Some(status.clone());
                events.extend(part_done(message, index(at)));
            }
            ResponseItem::FunctionCall(call) => {
                call.status = Some(status.clone());
                events.push(ResponseEvent::ArgumentsDone(ResponseArgumentsDoneEvent {
                    item_id: call.id.clone().unwrap_or_default(),
                    output_index: index(at),
                    name: Some(call.name.clone()),
                    arguments: call.arguments.clone(),
                    ..ResponseArgumentsDoneEvent::default()
                }));
            }
            _ => {}
        }
        events.push(ResponseEvent::ItemDone(ResponseItemDoneEvent {
            output_index: index(at),
            item: self.items[at].clone(),
            ..ResponseItemDoneEvent::default()
        }));
        events
    }
}

/// Returns the events that complete the single part of a message.
fn part_done(message: &ResponseMessage, output_index: i64) -> Vec<ResponseEvent> {
    let Some(part) = message.content.last() else {
        return Vec::new();
    };
    let text = match part {
        ResponseContent::OutputText(part) => part.text.clone(),
        _ => String::new(),
    };
    let item_id = message.id.clone().unwrap_or_default();
    vec![
        ResponseEvent::TextDone(ResponseTextDoneEvent {
            item_id: item_id.clone(),
            output_index,
            text,
            ..ResponseTextDoneEvent::default()
        }),
        ResponseEvent::PartDone(ResponsePartDoneEvent {
            item_id,
            output_index,
            part: part.clone(),
            ..ResponsePartDoneEvent::default()
        }),
    ]
}

/// An index on the wire.
fn index(at: usize) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}
