//! Chat completions that wait for a thread, and what they do with it.

use std::fmt;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::model::{Failure, Finish, Model, ModelRequest, Output, Piece, Stop};

type Work = Box<dyn FnOnce(&ChatOutput<'_>) + Send>;

/// A chat completion that is queued or running.
pub(crate) struct Chat {
    pub(super) stop: Arc<Stop>,
    /// What is to be done, until a thread takes it.
    pub(super) work: Option<Work>,
}

/// A chat completion as its thread knows it.
pub(crate) struct ChatOutput<'e> {
    pub(super) model: &'e dyn Model,
    pub(super) stop: &'e Stop,
}

impl fmt::Debug for ChatOutput<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ChatOutput").finish_non_exhaustive()
    }
}

impl ChatOutput<'_> {
    /// Asks the model and hands the pieces of its answer to `take`. The answer is given up when `take` breaks, when the
    /// client has gone, when the server stops, and when the chat takes longer than a run may.
    pub(crate) fn ask(
        &self,
        request: &ModelRequest,
        take: &mut dyn FnMut(Piece<'_>) -> ControlFlow<()>,
    ) -> Result<Finish, Failure> {
        if self.stop.is_set() {
            return Err(Failure::Stopped);
        }
        let respond = || self.model.respond(request, &mut Output::new(take, self.stop));
        let answered = catch_unwind(AssertUnwindSafe(respond));
        answered.unwrap_or_else(|_| Err(Failure::new("server_error", "The model panicked.")))
    }
}
