//! What answers: the trait behind which a model stands.
//!
//! A model is a blocking function. It gets everything that a run knows, hands out its answer piece by piece through
//! an [`Output`], and returns when it is done. Each turn of a run calls it once, on a thread of its own; it needs no
//! async code.
//!
//! ```
//! use assistants_local::model::{Failure, Finish, Model, ModelRequest, Output};
//!
//! struct Shout;
//!
//! impl Model for Shout {
//!     fn name(&self) -> &str {
//!         "shout"
//!     }
//!
//!     fn respond(&self, request: &ModelRequest, output: &mut Output<'_>) -> Result<Finish, Failure> {
//!         for word in request.last_user_text().split_inclusive(' ') {
//!             output.text(&word.to_uppercase())?;
//!         }
//!         Ok(Finish::default())
//!     }
//! }
//! ```

use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

pub mod scripted;

/// Something that answers.
///
/// The same model serves all runs of a server, several at a time.
pub trait Model: Send + Sync + 'static {
    /// The name shown when the server starts.
    fn name(&self) -> &str;

    /// Answers once: with text, with calls of functions, or with both.
    ///
    /// When functions were called, the run waits for their outputs, and the model is asked again with
    /// [`rounds`](ModelRequest::rounds) one longer. Calls that were begun must be complete when this returns.
    ///
    /// # Errors
    ///
    /// [`Failure::Failed`] ends the run as failed. [`Stopped`], which every method of `output` returns once the run
    /// is over, only needs to be handed on with `?`.
    fn respond(&self, request: &ModelRequest, output: &mut Output<'_>) -> Result<Finish, Failure>;
}

impl<M: Model + ?Sized> Model for Arc<M> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn respond(&self, request: &ModelRequest, output: &mut Output<'_>) -> Result<Finish, Failure> {
        (**self).respond(request, output)
    }
}

/// Everything that a run knows when it asks its model.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ModelRequest {
    /// The name of the model that the run asks for, as the user wrote it.
    pub model: String,
    /// The instructions of the run.
    pub instructions: Option<String>,
    /// The messages of the thread, oldest first, as far as the run's truncation strategy lets them through.
    pub messages: Vec<ModelMessage>,
    /// The functions that may be called.
    pub functions: Vec<Function>,
    /// Whether [`Output::file_search`] finds something: the run has the tool and may use it.
    pub file_search: bool,
    /// Whether functions may or must be called.
    pub tool_choice: ToolChoice,
    /// Whether one answer may call several functions.
    pub parallel_tool_calls: bool,
    /// The calls that the run has made so far, with their outputs; one entry per answer that made calls.
    pub rounds: Vec<Vec<CompletedCall>>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// How many more tokens the answers of the run may have.
    pub max_completion_tokens: Option<u64>,
    /// How many more tokens the prompts of the run may have.
    pub max_prompt_tokens: Option<u64>,
    /// The form of the answer, as JSON of the OpenAI protocol.
    pub response_format: Option<Value>,
}

impl ModelRequest {
    /// The text of the last message of the user; empty if there is none.
    #[must_use]
    pub fn last_user_text(&self) -> &str {
        let last = self.messages.iter().rev().find(|message| message.role == Role::User);
        last.map_or("", |message| &message.text)
    }
}

/// One message of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelMessage {
    /// Who wrote it.
    pub role: Role,
    /// Its text parts, joined by line breaks.
    pub text: String,
}

impl ModelMessage {
    /// A message with that text.
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            text: text.into(),
        }
    }
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The user.
    User,
    /// The assistant.
    Assistant,
}

/// A function that the model may call.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Function {
    /// Its name.
    pub name: String,
    /// What it does and when to call it.
    pub description: Option<String>,
    /// JSON Schema of its arguments.
    pub parameters: Option<Value>,
    /// Whether the arguments must keep to the schema exactly.
    pub strict: Option<bool>,
}

impl Function {
    /// A function without description and parameters.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

/// A passage of a file that [`Output::file_search`] found.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Passage {
    /// The id of the file.
    pub file_id: String,
    /// The name of the file.
    pub file_name: String,
    /// How well it fits, 0 to 1.
    pub score: f64,
    /// The text.
    pub text: String,
}

/// Whether functions may or must be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// No function may be called.
    None,
    /// At least one function must be called.
    Required,
    /// The function of this name must be called.
    Function(String),
}

/// A call of a function and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompletedCall {
    /// The id of the call.
    pub id: String,
    /// The name of the function.
    pub name: String,
    /// Its arguments: JSON text, as the model gave it.
    pub arguments: String,
    /// What the program that ran the function answered.
    pub output: String,
}

impl CompletedCall {
    /// A call with its output.
    pub fn new(
        id: impl Into<String>,
        name: impl Into<String>,
        arguments: impl Into<String>,
        output: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
            output: output.into(),
        }
    }
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finish {
    /// Why it ended.
    pub reason: FinishReason,
    /// The tokens it took.
    pub usage: Usage,
}

impl Finish {
    /// An answer that ended for that reason and took that many tokens.
    #[must_use]
    pub fn new(reason: FinishReason, usage: Usage) -> Self {
        Self { reason, usage }
    }
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FinishReason {
    /// The answer is complete.
    #[default]
    Stop,
    /// `max_completion_tokens` was reached: the run ends as incomplete.
    MaxCompletionTokens,
    /// The prompt is longer than `max_prompt_tokens`: the run ends as incomplete.
    MaxPromptTokens,
}

/// Tokens taken by an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The run was over before the answer was.
    Stopped,
    /// The model failed, and the run with it.
    Failed {
        /// `last_error.code` of the run; the protocol knows `server_error`, `rate_limit_exceeded` and
        /// `invalid_prompt`.
        code: String,
        /// `last_error.message` of the run.
        message: String,
    },
}

impl Failure {
    /// The model failed with that code and message.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Failed {
            code: code.into(),
            message: message.into(),
        }
    }
}

impl From<Stopped> for Failure {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// The run is over (cancelled, expired, or its server stops), and nobody wants more of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

/// A piece of an answer.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    /// A call begins; its arguments follow under the next free index, counted from 0 in each answer.
    Call {
        name: &'a str,
    },
    Arguments {
        index: usize,
        text: &'a str,
    },
    /// The attached files are to be searched; what is found goes to `found`.
    Search {
        query: &'a str,
        found: &'a mut Vec<Passage>,
    },
    /// What was just said is from this passage.
    Citation(&'a Passage),
}

/// Where a model puts its answer.
pub struct Output<'a> {
    pieces: &'a mut dyn FnMut(Piece<'_>) -> ControlFlow<()>,
    stop: &'a Stop,
    calls: usize,
}

impl fmt::Debug for Output<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Output")
            .field("calls", &self.calls)
            .finish_non_exhaustive()
    }
}

impl<'a> Output<'a> {
    pub(crate) fn new(pieces: &'a mut dyn FnMut(Piece<'_>) -> ControlFlow<()>, stop: &'a Stop) -> Self {
        Self { pieces, stop, calls: 0 }
    }

    /// Adds to the text of the answer. Waits while a reader of the stream is behind.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the run is over.
    pub fn text(&mut self, text: &str) -> Result<(), Stopped> {
        self.piece(Piece::Text(text))
    }

    /// Begins a call of a function and returns its index for [`arguments`](Self::arguments).
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the run is over.
    pub fn call(&mut self, name: &str) -> Result<usize, Stopped> {
        self.piece(Piece::Call { name })?;
        self.calls += 1;
        Ok(self.calls - 1)
    }

    /// Adds to the arguments of a call that was begun. An index that [`call`](Self::call) did not return is ignored.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the run is over.
    pub fn arguments(&mut self, index: usize, text: &str) -> Result<(), Stopped> {
        if index < self.calls {
            self.piece(Piece::Arguments { index, text })
        } else {
            Ok(())
        }
    }

    /// Searches the files that are attached to the run, in a step of its own, and returns the passages that fit best.
    /// Without [`ModelRequest::file_search`] there are none.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the run is over.
    pub fn file_search(&mut self, query: &str) -> Result<Vec<Passage>, Stopped> {
        let mut found = Vec::new();
        self.piece(Piece::Search {
            query,
            found: &mut found,
        })?;
        Ok(found)
    }

    /// Adds a marker to the text that cites the file of a passage.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the run is over.
    pub fn cite(&mut self, passage: &Passage) -> Result<(), Stopped> {
        self.piece(Piece::Citation(passage))
    }

    /// Waits, but no longer than the run lives.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the run is over.
    pub fn wait(&self, duration: Duration) -> Result<(), Stopped> {
        if self.stop.wait(duration) { Err(Stopped) } else { Ok(()) }
    }

    /// Whether the run is over. For models that work for long between two pieces.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.is_set()
    }

    fn piece(&mut self, piece: Piece<'_>) -> Result<(), Stopped> {
        if self.stop.is_set() {
            return Err(Stopped);
        }
        match (self.pieces)(piece) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Stopped),
        }
    }
}

/// Reports once that a run has ended, and wakes who waits for something else until then.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    state: Mutex<StopState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct StopState {
    set: bool,
    nudges: u64,
}

impl Stop {
    pub(crate) fn set(&self) {
        self.lock().set = true;
        self.changed.notify_all();
    }

    pub(crate) fn is_set(&self) -> bool {
        self.lock().set
    }

    /// Ends a [`wait_for_nudge`](Self::wait_for_nudge).
    pub(crate) fn nudge(&self) {
        self.lock().nudges += 1;
        self.changed.notify_all();
    }

    /// How many nudges there have been.
    pub(crate) fn nudges(&self) -> u64 {
        self.lock().nudges
    }

    /// Waits until it is set, at most for `duration`; `true` if it is set.
    pub(crate) fn wait(&self, duration: Duration) -> bool {
        self.wait_while(duration, |state| !state.set)
    }

    /// As [`wait`](Self::wait), and no longer than until there have been more than `nudges`.
    pub(crate) fn wait_for_nudge(&self, nudges: u64, duration: Duration) -> bool {
        self.wait_while(duration, |state| !state.set && state.nudges == nudges)
    }

    fn wait_while(&self, duration: Duration, is_waiting: impl Fn(&StopState) -> bool) -> bool {
        let state = self.lock();
        // A wait too long to be expressed is a wait for the end of the run.
        let state = if Instant::now().checked_add(duration).is_none() {
            let waited = self.changed.wait_while(state, |state| is_waiting(state));
            waited.unwrap_or_else(PoisonError::into_inner)
        } else {
            let waited = self
                .changed
                .wait_timeout_while(state, duration, |state| is_waiting(state));
            waited.unwrap_or_else(PoisonError::into_inner).0
        };
        state.set
    }

    fn lock(&self) -> MutexGuard<'_, StopState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
