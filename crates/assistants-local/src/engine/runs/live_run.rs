//! The state of a run that is not stored: its followers, and the answer that is being written.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use assistants_types::openai::{
    Annotation, ErrorObject, ImageFile, ImageFileContent, MessageContent, RunError, RunErrorCode, RunIncompleteReason,
    StreamEvent, ToolCall,
};

use serde_json::Value;

use super::event_log::{Entry, Follower, LogWriter, server_error};
use super::generated_files::GeneratedFiles;
use super::history::{History, Interruption};
use super::position::Position;
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
    /// Returns the error of a failure of the server. Programs decide by the provider's words at the beginning whether
    /// to retry.
    pub(crate) fn server_error(message: &str) -> Self {
        Self::Failed(RunError {
            code: RunErrorCode::ServerError,
            message: format!("Sorry, something went wrong. {message}"),
            ..RunError::default()
        })
    }
}

/// A run that is in progress or has followers.
#[derive(Debug, Default)]
pub(crate) struct LiveRun(Mutex<LiveState>);

impl LiveRun {
    pub(crate) fn lock(&self) -> MutexGuard<'_, LiveState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state behind the lock of a live run.
#[derive(Debug, Default)]
pub(crate) struct LiveState {
    /// The events until the run ends or waits for tool outputs.
    log: LogWriter,
    /// `Some` while the model answers, and until the end of the run is stored.
    pub(crate) turn: Option<Turn>,
    /// The events so far. `Some` if they are to be stored, or a client has requested them.
    pub(crate) history: Option<Arc<History>>,
    /// The end of the run, while it cannot be stored.
    pub(crate) unstored_end: Option<UnstoredEnd>,
    /// The engine has dropped this value. Code that finds this set under the lock must use the run's new live run,
    /// because what it writes here would be lost.
    pub(crate) forgotten: bool,
}

/// An end that could not be stored.
#[derive(Clone, Debug)]
pub(crate) struct UnstoredEnd {
    pub(crate) ending: Ending,
    /// The pause before the next attempt.
    pub(crate) wait: Duration,
}

/// An answer of the model that is being written.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    pub(crate) stop: Arc<Stop>,
    pub(crate) message: Option<OpenMessage>,
    pub(crate) calls: Option<OpenCalls>,
    /// The number of file searches so far.
    pub(crate) searches: usize,
    /// The files that code has created in the thread.
    pub(crate) generated: GeneratedFiles,
    /// The ids of images that belong to the next message.
    pub(crate) images: Vec<String>,
}

/// The message that is being written.
#[derive(Debug)]
pub(crate) struct OpenMessage {
    pub(crate) id: Arc<str>,
    pub(crate) step_id: String,
    /// The ids of the images, which precede the text.
    pub(crate) images: Vec<String>,
    pub(crate) text: String,
    pub(crate) annotations: Vec<Annotation>,
    /// How much of the text was published, in bytes. The rest can be the beginning of a link to a file.
    pub(crate) published: usize,
}

impl OpenMessage {
    /// Returns the content so far. A message with images has no empty text.
    pub(crate) fn content(&self) -> Vec<MessageContent> {
        let mut content: Vec<MessageContent> = self
            .images
            .iter()
            .map(|id| ImageFileContent::new(ImageFile::new(id)).into())
            .collect();
        if content.is_empty() || !self.text.is_empty() {
            let mut part = MessageContent::from(self.text.clone());
            if let MessageContent::Text(part) = &mut part {
                part.text.annotations.clone_from(&self.annotations);
            }
            content.push(part);
        }
        content
    }
}

/// The function calls that are being written.
#[derive(Debug)]
pub(crate) struct OpenCalls {
    pub(crate) step_id: Arc<str>,
    pub(crate) calls: Vec<ToolCall>,
    /// What the model stored with the answer.
    pub(crate) state: Option<Value>,
}

impl LiveState {
    /// Returns a message that is being written.
    pub(crate) fn message(&self, message_id: &str) -> Option<&OpenMessage> {
        let message = self.turn.as_ref()?.message.as_ref()?;
        (*message.id == *message_id).then_some(message)
    }

    /// Returns the content of a message that is being written.
    pub(crate) fn content_of(&self, message_id: &str) -> Option<Vec<MessageContent>> {
        self.message(message_id).map(OpenMessage::content)
    }

    /// Follows the run from now on. The follower is at `position`, and gets the events `ahead` first.
    pub(crate) fn follow(&self, ahead: impl IntoIterator<Item = StreamEvent>, position: Position) -> Follower {
        self.log.follow(ahead, position)
    }

    pub(crate) fn publish<'a>(&self, events: impl IntoIterator<Item = &'a StreamEvent>) {
        if self.log.is_followed() {
            self.log.add(events.into_iter().cloned().map(Entry::from));
        }
    }

    /// Publishes a piece of an answer. Pieces are frequent, so `entry` is called only if the run is followed.
    pub(crate) fn publish_piece(&self, entry: impl FnOnce() -> Entry) {
        if self.log.is_followed() {
            self.log.add([entry()]);
        }
    }

    /// Ends the streams and the answer with the events that report how the run ended or what it waits for. Without such
    /// an event the run was deleted, and the streams report that.
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

    /// Ends the streams with an error, and stops the model. What was written is kept until the end of the run is
    /// stored.
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

    /// Ends the streams because the server is stopping; the next server continues the run.
    pub(crate) fn suspend(&mut self) {
        self.break_off(Interruption::Stopped, server_error("The server is stopping."));
    }

    /// Returns whether nothing would be lost if this were dropped.
    pub(crate) fn is_unused(&self) -> bool {
        self.turn.is_none() && self.history.is_none() && self.unstored_end.is_none() && !self.log.is_followed()
    }

    /// Starts a turn in the history. `loaded` is the stored history, if it was not in memory yet.
    pub(crate) fn begin_history(&mut self, loaded: Option<History>) {
        if let Some(loaded) = loaded {
            self.history = Some(Arc::new(loaded));
        }
        if let Some(history) = &self.history {
            history.begin();
        }
    }

    /// Records in the history that the tool outputs were submitted.
    pub(crate) fn resume_history(&self) {
        if let Some(history) = &self.history {
            history.resume();
        }
    }

    /// Ends the turn in the history. Returns `false` if the events report neither an end nor a wait for tool outputs.
    fn end_history(&self, events: &[StreamEvent]) -> bool {
        match (TurnEnd::of(events), &self.history) {
            (None, _) => return false,
            (Some(end), Some(history)) => history.end(end),
            (Some(_), None) => {}
        }
        true
    }

    /// Ends the history with an interruption.
    fn break_history(&self, interruption: Interruption) {
        if let Some(history) = &self.history {
            history.break_off(interruption);
        }
    }
}

/// Logs that a run failed, without the texts of its messages and its error.
fn log_failure(events: &[StreamEvent]) {
    for event in events {
        if let StreamEvent::RunFailed(run) = event {
            let code = run.last_error.as_ref().map_or("no code", |error| error.code.as_str());
            log::warn!("run {} of {} failed: {code:?}", run.id, run.thread_id);
        }
    }
}
