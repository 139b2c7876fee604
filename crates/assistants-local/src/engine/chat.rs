//! Chat completions: the model is asked, and nothing is stored.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, MutexGuard, PoisonError};

use super::Engine;
use crate::model::{Failure, Finish, ModelRequest, Output, Piece, Stop};

impl Engine {
    /// Asks the model and hands the pieces of its answer to `take`, on the caller's thread. The answer is given up
    /// when `take` breaks, when the server stops, and when it takes longer than a run may.
    pub(crate) fn chat(
        &self,
        id: &str,
        request: &ModelRequest,
        take: &mut dyn FnMut(Piece<'_>) -> ControlFlow<()>,
    ) -> Result<Finish, Failure> {
        let stop = Arc::new(Stop::default());
        let mut turns = self.lock_turns();
        if turns.closed {
            return Err(Failure::Stopped);
        }
        turns.running += 1;
        drop(turns);
        self.lock_chats().insert(id.to_owned(), Arc::clone(&stop));
        // A server that began to stop in between has seen the count, and did not see the entry.
        if self.lock_turns().closed {
            stop.set();
        }
        self.deadlines.set_after(id, self.run_lifetime);
        let answered = catch_unwind(AssertUnwindSafe(|| {
            self.model.respond(request, &mut Output::new(take, &stop))
        }));
        self.deadlines.remove(id);
        self.lock_chats().remove(id);
        self.lock_turns().running -= 1;
        self.turn_ended.notify_all();
        answered.unwrap_or_else(|_| Err(Failure::new("server_error", "The model panicked.")))
    }

    /// Gives up one chat completion; `false` if there is none of that id.
    pub(super) fn stop_chat(&self, id: &str) -> bool {
        let stop = self.lock_chats().remove(id);
        stop.is_some_and(|stop| {
            stop.set();
            true
        })
    }

    /// Gives up all chat completions.
    pub(super) fn stop_chats(&self) {
        for stop in self.lock_chats().values() {
            stop.set();
        }
    }

    fn lock_chats(&self) -> MutexGuard<'_, std::collections::HashMap<String, Arc<Stop>>> {
        self.chats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
