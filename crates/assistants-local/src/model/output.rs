//! The output of a model.

use std::fmt;
use std::ops::ControlFlow;
use std::time::Duration;

use assistants_blocking::CancelToken;
use serde_json::Value;

use super::code::Execution;
use super::finish::Stopped;
use super::request::Passage;
use super::stop::Stop;

/// A piece of an answer.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    /// Begins a call. Its arguments follow under the next index, counted from 0 in each answer.
    Call {
        name: &'a str,
    },
    Arguments {
        index: usize,
        text: &'a str,
    },
    /// Requests a search of the attached files. The passages are appended to `found`.
    Search {
        queries: &'a [String],
        found: &'a mut Vec<Passage>,
    },
    /// Requests the execution of code. What it writes is stored in `execution`.
    Code {
        code: &'a str,
        execution: &'a mut Execution,
    },
    /// The preceding text refers to this passage.
    Citation(&'a Passage),
    /// What the model wants to know about this answer when it is called again.
    State(Value),
}

/// Receives the answer of a model.
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

    /// Appends to the text of the answer. Blocks while the reader of a streamed chat completion is behind.
    ///
    /// # Errors
    ///
    /// [`Stopped`] if the run has ended.
    pub fn text(&mut self, text: &str) -> Result<(), Stopped> {
        self.piece(Piece::Text(text))
    }

    /// Begins a call of a function, and returns its index for [`arguments`](Self::arguments).
    ///
    /// # Errors
    ///
    /// [`Stopped`] if the run has ended.
    pub fn call(&mut self, name: &str) -> Result<usize, Stopped> {
        self.piece(Piece::Call { name })?;
        self.calls += 1;
        Ok(self.calls - 1)
    }

    /// Appends to the arguments of a call. An index that [`call`](Self::call) did not return is ignored.
    ///
    /// # Errors
    ///
    /// [`Stopped`] if the run has ended.
    pub fn arguments(&mut self, index: usize, text: &str) -> Result<(), Stopped> {
        if index < self.calls {
            self.piece(Piece::Arguments { index, text })
        } else {
            Ok(())
        }
    }

    /// Searches the files attached to the run, in a run step of its own, and returns the passages that answer any of the
    /// queries best. The result is empty without [`ModelRequest::file_search`](super::ModelRequest::file_search).
    ///
    /// # Errors
    ///
    /// [`Stopped`] if the run has ended.
    pub fn file_search(&mut self, queries: &[String]) -> Result<Vec<Passage>, Stopped> {
        let mut found = Vec::new();
        self.piece(Piece::Search {
            queries,
            found: &mut found,
        })?;
        Ok(found)
    }

    /// Executes code in the session of the thread, in a run step of its own, and returns what it wrote. Blocks until the code
    /// has ended. The result is empty without [`ModelRequest::code_interpreter`](super::ModelRequest::code_interpreter).
    ///
    /// # Errors
    ///
    /// [`Stopped`] if the run has ended, also because the code interpreter cannot be started.
    pub fn code_interpreter(&mut self, code: &str) -> Result<Execution, Stopped> {
        let mut execution = Execution::default();
        self.piece(Piece::Code {
            code,
            execution: &mut execution,
        })?;
        Ok(execution)
    }

    /// Appends a citation of the passage's file to the text.
    ///
    /// # Errors
    ///
    /// [`Stopped`] if the run has ended.
    pub fn cite(&mut self, passage: &Passage) -> Result<(), Stopped> {
        self.piece(Piece::Citation(passage))
    }

    /// Stores data of the model's own with this answer, in place of any stored before. If the answer calls functions, the
    /// model gets it back with their outputs, and in later runs of the thread, in
    /// [`ModelMessage::state`](super::ModelMessage::state); otherwise it is dropped. The data survives a restart of the
    /// server, and no client can read it.
    ///
    /// # Errors
    ///
    /// [`Stopped`] if the run has ended.
    pub fn state(&mut self, state: Value) -> Result<(), Stopped> {
        self.piece(Piece::State(state))
    }

    /// Returns a token that is cancelled when the run ends, for a model that calls another server.
    #[must_use]
    pub fn cancel_token(&self) -> &CancelToken {
        self.stop.token()
    }

    /// Sleeps for `duration`, or until the run has ended.
    ///
    /// # Errors
    ///
    /// [`Stopped`] if the run has ended.
    pub fn wait(&self, duration: Duration) -> Result<(), Stopped> {
        if self.stop.wait(duration) { Err(Stopped) } else { Ok(()) }
    }

    /// Returns whether the run has ended. Useful for models that work for a long time between two pieces.
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
