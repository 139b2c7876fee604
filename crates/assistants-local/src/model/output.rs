//! Where a model puts its answer.

use std::fmt;
use std::ops::ControlFlow;
use std::time::Duration;

use super::finish::Stopped;
use super::request::Passage;
use super::stop::Stop;

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
