//! What is known of a run only while it lives: who follows it, and the answer that is being written.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use assistants_types::openai::{Annotation, ErrorObject, StreamEvent, ToolCall};

use super::event_log::{Entry, Follower, LogWriter, server_error};
use super::history::{End, Gone, History};
use super::runs::Ending;
use crate::model::Stop;

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
    /// The events until the run ends or waits for outputs.
    log: LogWriter,
    /// There is one while the model answers, and until the end of the run is stored.
    pub(super) turn: Option<Turn>,
    /// What has happened, if it is kept or somebody has asked for it.
    pub(super) history: Option<Arc<History>>,
    /// How the run has ended, while the storage does not take it.
    pub(super) unstored_end: Option<UnstoredEnd>,
    /// The engine does not know this slot any more. Whoever finds this under the lock takes the run's new slot: what
    /// was left here would never be seen.
    pub(super) forgotten: bool,
}

/// An end that could not be stored.
#[derive(Clone, Debug)]
pub(super) struct UnstoredEnd {
    pub(super) ending: Ending,
    /// How long to wait before it is stored again.
    pub(super) wait: Duration,
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
    pub(super) id: Arc<str>,
    pub(super) step_id: String,
    pub(super) text: String,
    pub(super) annotations: Vec<Annotation>,
}

/// The calls that are being written.
#[derive(Debug)]
pub(super) struct OpenCalls {
    pub(super) step_id: Arc<str>,
    pub(super) calls: Vec<ToolCall>,
}

impl Live {
    /// The text written so far of a message that is still open.
    pub(super) fn text_of(&self, message_id: &str) -> Option<&str> {
        let message = self.turn.as_ref()?.message.as_ref()?;
        (*message.id == *message_id).then_some(&message.text)
    }

    /// The annotations so far of a message that is still open.
    pub(super) fn annotations_of(&self, message_id: &str) -> Option<&[Annotation]> {
        let message = self.turn.as_ref()?.message.as_ref()?;
        (*message.id == *message_id).then_some(&message.annotations)
    }

    /// Follows the run from here on, after `ahead`.
    pub(super) fn follow(&self, ahead: impl IntoIterator<Item = StreamEvent>) -> Follower {
        self.log.follow(ahead)
    }

    pub(super) fn publish<'a>(&self, events: impl IntoIterator<Item = &'a StreamEvent>) {
        if self.log.is_followed() {
            self.log.add(events.into_iter().cloned().map(Entry::from));
        }
    }

    /// Publishes a piece of an answer, of which there are many. `entry` is called if anybody follows.
    pub(super) fn publish_piece(&self, entry: impl FnOnce() -> Entry) {
        if self.log.is_followed() {
            self.log.add([entry()]);
        }
    }

    /// Ends the streams and the answer with the events that say how the run ended or what it waits for. Without such an
    /// event the run is gone, which the streams say.
    pub(super) fn end(&mut self, events: &[StreamEvent]) {
        log_failure(events);
        if !self.end_history(events) {
            return self.end_deleted();
        }
        self.publish(events);
        std::mem::take(&mut self.log).end();
        if let Some(turn) = self.turn.take() {
            turn.stop.set();
        }
    }

    /// Ends the streams of a run whose end is not known, and its answer. What was written stays until the end is stored.
    pub(super) fn break_off(&mut self, gone: Gone, error: ErrorObject) {
        self.break_history(gone);
        std::mem::take(&mut self.log).break_off(error);
        if let Some(turn) = &self.turn {
            turn.stop.set();
        }
    }

    /// Ends the streams of a run that was deleted with its thread.
    pub(super) fn end_deleted(&mut self) {
        const MESSAGE: &str = "The thread was deleted.";
        let error = ErrorObject {
            message: MESSAGE.to_owned(),
            type_: "invalid_request_error".to_owned(),
            ..ErrorObject::default()
        };
        self.break_off(Gone::Deleted(MESSAGE.to_owned()), error);
        self.turn = None;
    }

    /// The server stops, and the run goes on with the next one.
    pub(super) fn leave(&mut self) {
        self.break_off(Gone::Stopped, server_error("The server is being stopped."));
    }

    /// Whether everything in it could be made anew.
    pub(super) fn is_unused(&self) -> bool {
        self.turn.is_none() && self.history.is_none() && self.unstored_end.is_none() && !self.log.is_followed()
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

    /// Whether the events say that the run has ended or waits for outputs. Then its history ends too.
    fn end_history(&self, events: &[StreamEvent]) -> bool {
        match (End::of(events), &self.history) {
            (None, _) => return false,
            (Some(end), Some(history)) => history.end(end),
            (Some(_), None) => {}
        }
        true
    }

    /// There will be no end.
    fn break_history(&self, gone: Gone) {
        if let Some(history) = &self.history {
            history.break_off(gone);
        }
    }
}

/// Logs that a run failed, without what its messages and its error say.
fn log_failure(events: &[StreamEvent]) {
    for event in events {
        if let StreamEvent::RunFailed(run) = event {
            let code = run.last_error.as_ref().map_or("no code", |error| error.code.as_str());
            log::warn!("run {} of {} failed: {code:?}", run.id, run.thread_id);
        }
    }
}
