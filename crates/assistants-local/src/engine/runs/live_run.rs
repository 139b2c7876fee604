//! What is known of a run only while it lives: who follows it, and the answer that is being written.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use assistants_types::openai::{
    Annotation, ErrorObject, RunError, RunErrorCode, RunIncompleteReason, StreamEvent, ToolCall,
};

use super::event_log::{Entry, Follower, LogWriter, server_error};
use super::history::{History, Interruption};
use super::turn_end::TurnEnd;
use crate::model::Stop;

/// How a run ends before its answer is complete.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    Failed(RunError),
    Cancelled,
    Expired,
    Incomplete(RunIncompleteReason),
}

impl Ending {
    /// A failure of the server itself. The message begins with the provider's words, by which programs decide to try
    /// again.
    pub(crate) fn server_error(message: &str) -> Self {
        Self::Failed(RunError {
            code: RunErrorCode::ServerError,
            message: format!("Sorry, something went wrong. {message}"),
            ..RunError::default()
        })
    }
}

/// One run, while somebody works on it or follows it.
#[derive(Debug, Default)]
pub(crate) struct LiveRun(Mutex<LiveState>);

impl LiveRun {
    pub(crate) fn lock(&self) -> MutexGuard<'_, LiveState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is behind the lock of a live run.
#[derive(Debug, Default)]
pub(crate) struct LiveState {
    /// The events until the run ends or waits for outputs.
    log: LogWriter,
    /// There is one while the model answers, and until the end of the run is stored.
    pub(crate) turn: Option<Turn>,
    /// What has happened, if it is kept or somebody has asked for it.
    pub(crate) history: Option<Arc<History>>,
    /// How the run has ended, while the storage does not take it.
    pub(crate) unstored_end: Option<UnstoredEnd>,
    /// The engine does not know this value any more. Whoever finds this under the lock takes the run's new one: what
    /// is left here would never be seen.
    pub(crate) forgotten: bool,
}

/// An end that could not be stored.
#[derive(Clone, Debug)]
pub(crate) struct UnstoredEnd {
    pub(crate) ending: Ending,
    /// How long to wait before it is stored again.
    pub(crate) wait: Duration,
}

/// One answer of the model, being written.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    pub(crate) stop: Arc<Stop>,
    pub(crate) message: Option<OpenMessage>,
    pub(crate) calls: Option<OpenCalls>,
    /// How many searches there were.
    pub(crate) searches: usize,
}

/// The message that is being written.
#[derive(Debug)]
pub(crate) struct OpenMessage {
    pub(crate) id: Arc<str>,
    pub(crate) step_id: String,
    pub(crate) text: String,
    pub(crate) annotations: Vec<Annotation>,
}

/// The calls that are being written.
#[derive(Debug)]
pub(crate) struct OpenCalls {
    pub(crate) step_id: Arc<str>,
    pub(crate) calls: Vec<ToolCall>,
}

impl LiveState {
    /// The text written so far of a message that is still open.
    pub(crate) fn text_of(&self, message_id: &str) -> Option<&str> {
        let message = self.turn.as_ref()?.message.as_ref()?;
        (*message.id == *message_id).then_some(&message.text)
    }

    /// The annotations so far of a message that is still open.
    pub(crate) fn annotations_of(&self, message_id: &str) -> Option<&[Annotation]> {
        let message = self.turn.as_ref()?.message.as_ref()?;
        (*message.id == *message_id).then_some(&message.annotations)
    }

    /// Follows the run from here on, after `ahead`.
    pub(crate) fn follow(&self, ahead: impl IntoIterator<Item = StreamEvent>) -> Follower {
        self.log.follow(ahead)
    }

    pub(crate) fn publish<'a>(&self, events: impl IntoIterator<Item = &'a StreamEvent>) {
        if self.log.is_followed() {
            self.log.add(events.into_iter().cloned().map(Entry::from));
        }
    }

    /// Publishes a piece of an answer, of which there are many. `entry` is called if anybody follows.
    pub(crate) fn publish_piece(&self, entry: impl FnOnce() -> Entry) {
        if self.log.is_followed() {
            self.log.add([entry()]);
        }
    }

    /// Ends the streams and the answer with the events that say how the run ended or what it waits for. Without such an
    /// event the run was deleted, which the streams report.
    pub(crate) fn end(&mut self, events: &[StreamEvent]) {
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
    pub(crate) fn break_off(&mut self, interruption: Interruption, error: ErrorObject) {
        self.break_history(interruption);
        std::mem::take(&mut self.log).break_off(error);
        if let Some(turn) = &self.turn {
            turn.stop.set();
        }
    }

    /// Ends the streams of a run that was deleted with its thread.
    pub(crate) fn end_deleted(&mut self) {
        const MESSAGE: &str = "The thread was deleted.";
        let error = ErrorObject {
            message: MESSAGE.to_owned(),
            type_: "invalid_request_error".to_owned(),
            ..ErrorObject::default()
        };
        self.break_off(Interruption::Deleted(MESSAGE.to_owned()), error);
        self.turn = None;
    }

    /// The server stops, and the run goes on with the next one.
    pub(crate) fn suspend(&mut self) {
        self.break_off(Interruption::Stopped, server_error("The server is being stopped."));
    }

    /// Whether everything in it could be made anew.
    pub(crate) fn is_unused(&self) -> bool {
        self.turn.is_none() && self.history.is_none() && self.unstored_end.is_none() && !self.log.is_followed()
    }

    /// The model is asked. `loaded` is the history before that, if it was not here yet.
    pub(crate) fn begin_history(&mut self, loaded: Option<History>) {
        if let Some(loaded) = loaded {
            self.history = Some(Arc::new(loaded));
        }
        if let Some(history) = &self.history {
            history.begin();
        }
    }

    /// The run has got its outputs.
    pub(crate) fn resume_history(&self) {
        if let Some(history) = &self.history {
            history.resume();
        }
    }

    /// Whether the events say that the run has ended or waits for outputs. Then its history ends too.
    fn end_history(&self, events: &[StreamEvent]) -> bool {
        match (TurnEnd::of(events), &self.history) {
            (None, _) => return false,
            (Some(end), Some(history)) => history.end(end),
            (Some(_), None) => {}
        }
        true
    }

    /// There will be no end.
    fn break_history(&self, interruption: Interruption) {
        if let Some(history) = &self.history {
            history.break_off(interruption);
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
