//! What is known of a run only while it lives: who follows it, and the answer that is being written.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use assistants_types::openai::{Annotation, ErrorObject, StreamEvent, ToolCall};

use super::history::{Gone, History};
use crate::model::Stop;
use crate::stream::Room;

/// Follows the events of a run in the form of its protocol.
pub(crate) trait Subscriber: fmt::Debug + Send {
    /// Takes an event without waiting.
    fn event(&mut self, event: &StreamEvent);

    /// Where the run waits when this reader is behind.
    fn room(&self) -> Room;
}

/// The place of one run.
#[derive(Debug, Default)]
pub(super) struct Slot(Mutex<Live>);

impl Slot {
    pub(super) fn lock(&self) -> MutexGuard<'_, Live> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is behind the lock of a slot.
#[derive(Debug, Default)]
pub(super) struct Live {
    subscribers: Vec<Box<dyn Subscriber>>,
    /// There is one while the model answers.
    pub(super) turn: Option<Turn>,
    /// What has happened, if it is kept or somebody has asked for it.
    pub(super) history: Option<Arc<History>>,
}

/// One answer of the model, being written.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pub(super) stop: Arc<Stop>,
    pub(super) message: Option<OpenMessage>,
    pub(super) calls: Option<OpenCalls>,
    /// How many searches there were.
    pub(super) searches: usize,
}

/// The message that is being written.
#[derive(Debug)]
pub(super) struct OpenMessage {
    pub(super) id: String,
    pub(super) step_id: String,
    pub(super) text: String,
    pub(super) annotations: Vec<Annotation>,
}

/// The calls that are being written.
#[derive(Debug)]
pub(super) struct OpenCalls {
    pub(super) step_id: String,
    pub(super) calls: Vec<ToolCall>,
}

impl Live {
    /// The text written so far of a message that is still open.
    pub(super) fn text_of(&self, message_id: &str) -> Option<&str> {
        let message = self.turn.as_ref()?.message.as_ref()?;
        (message.id == message_id).then_some(&message.text)
    }

    /// The annotations so far of a message that is still open.
    pub(super) fn annotations_of(&self, message_id: &str) -> Option<&[Annotation]> {
        let message = self.turn.as_ref()?.message.as_ref()?;
        (message.id == message_id).then_some(&message.annotations)
    }

    pub(super) fn subscribe(&mut self, subscriber: Option<Box<dyn Subscriber>>) {
        self.subscribers.extend(subscriber);
    }

    pub(super) fn publish<'a>(&mut self, events: impl IntoIterator<Item = &'a StreamEvent>) {
        if self.subscribers.is_empty() {
            return;
        }
        for event in events {
            for subscriber in &mut self.subscribers {
                subscriber.event(event);
            }
        }
    }

    /// Ends the streams and the answer: the run is over, or waits for outputs.
    pub(super) fn end_turn(&mut self) {
        self.publish(&[StreamEvent::Done]);
        self.subscribers.clear();
        if let Some(turn) = self.turn.take() {
            turn.stop.set();
        }
    }

    /// Ends the streams of a run that was deleted with its thread.
    pub(super) fn end_deleted(&mut self) {
        const MESSAGE: &str = "The thread was deleted.";
        self.break_history(Gone::Deleted(MESSAGE.to_owned()));
        self.publish(&[StreamEvent::Error(ErrorObject {
            message: MESSAGE.to_owned(),
            type_: "invalid_request_error".to_owned(),
            ..ErrorObject::default()
        })]);
        self.end_turn();
    }

    /// The model is asked. `loaded` is the history before that, if it was not here yet.
    pub(super) fn begin_history(&mut self, loaded: Option<History>) {
        if let Some(loaded) = loaded {
            self.history = Some(Arc::new(loaded));
        }
        if let Some(history) = &self.history {
            history.begin();
        }
    }

    /// The run has got its outputs.
    pub(super) fn resume_history(&self) {
        if let Some(history) = &self.history {
            history.resume();
        }
    }

    /// The run is over or waits for outputs, as the events say.
    pub(super) fn end_history(&self, events: &[StreamEvent]) {
        if let Some(history) = &self.history {
            history.end(events);
        }
    }

    /// There will be no end.
    pub(super) fn break_history(&self, gone: Gone) {
        if let Some(history) = &self.history {
            history.break_off(gone);
        }
    }

    /// The server stops.
    pub(super) fn leave_history(&self) {
        self.break_history(Gone::Stopped);
    }

    /// Where to wait, without the lock, before the next piece.
    pub(super) fn rooms(&self) -> Vec<Room> {
        self.subscribers.iter().map(|subscriber| subscriber.room()).collect()
    }
}
