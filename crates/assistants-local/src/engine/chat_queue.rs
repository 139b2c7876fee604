//! The queue of chat completions, and their execution.

use std::fmt;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use assistants_blocking::CancelToken;

use crate::model::{Failure, Finish, Model, ModelRequest, Output, Piece, Stop};

type Work = Box<dyn FnOnce(&ChatOutput<'_>) + Send>;

/// A chat completion that is queued or in progress.
pub(crate) struct Chat {
    pub(super) stop: Arc<Stop>,
    /// The work to do, until a thread takes it.
    pub(super) work: Option<Work>,
}

/// The model's side of a chat completion.
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
    /// Returns a token that is cancelled when the model is to stop.
    pub(crate) fn cancel_token(&self) -> &CancelToken {
        self.stop.token()
    }

    /// Calls the model, and passes the pieces of its answer to `take`.
    ///
    /// The model is stopped if `take` returns `Break`, if the client disconnects, if the server stops, or if the chat
    /// takes longer than a run may.
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
