//! Chat completions: the model is asked, and nothing is stored.

use std::fmt;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, MutexGuard, PoisonError, Weak};

use super::Engine;
use super::deadlines::DueTask;
use super::workers::Submitted;
use crate::model::{Failure, Finish, ModelRequest, Output, Piece, Stop};

type Work = Box<dyn FnOnce(&ChatOutput<'_>) + Send>;

/// A chat completion that is queued or running.
pub(super) struct Chat {
    stop: Arc<Stop>,
    /// What is to be done, until a thread takes it.
    work: Option<Work>,
}

/// A chat completion as the client's side knows it. When it is dropped, nobody waits for the answer any more, and the
/// model is stopped at once.
#[derive(Debug)]
pub(crate) struct ChatHandle {
    engine: Weak<Engine>,
    id: String,
}

impl Drop for ChatHandle {
    fn drop(&mut self) {
        if let Some(engine) = self.engine.upgrade() {
            engine.stop_chat(&self.id);
        }
    }
}

/// A chat completion as its thread knows it.
pub(crate) struct ChatOutput<'e> {
    engine: &'e Engine,
    stop: &'e Stop,
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
        let respond = || self.engine.model.respond(request, &mut Output::new(take, self.stop));
        let answered = catch_unwind(AssertUnwindSafe(respond));
        answered.unwrap_or_else(|_| Err(Failure::new("server_error", "The model panicked.")))
    }
}

impl Engine {
    /// Queues a chat completion for a thread. `work` is dropped without being called when the chat is given up before a
    /// thread takes it.
    pub(crate) fn start_chat(
        self: &Arc<Self>,
        id: &str,
        work: impl FnOnce(&ChatOutput<'_>) + Send + 'static,
    ) -> ChatHandle {
        let chat = Chat {
            stop: Arc::default(),
            work: Some(Box::new(work)),
        };
        self.lock_chats().insert(id.to_owned(), chat);
        self.deadlines
            .set_after(DueTask::Chat(id.to_owned()), self.run_lifetime);
        let (engine, queued) = (Arc::downgrade(self), id.to_owned());
        let job = move || {
            if let Some(engine) = engine.upgrade() {
                engine.run_chat(&queued);
            }
        };
        match self.chat_workers.submit(Box::new(job)) {
            Submitted::Queued => {}
            Submitted::NoThread => self.start_threads_later(),
            Submitted::Closed => self.stop_chat(id),
        }
        ChatHandle {
            engine: Arc::downgrade(self),
            id: id.to_owned(),
        }
    }

    fn run_chat(&self, id: &str) {
        let taken = self
            .lock_chats()
            .get_mut(id)
            .and_then(|chat| Some((Arc::clone(&chat.stop), chat.work.take()?)));
        if let Some((stop, work)) = taken {
            let output = ChatOutput {
                engine: self,
                stop: &stop,
            };
            if catch_unwind(AssertUnwindSafe(|| work(&output))).is_err() {
                log::error!("the chat completion {id} panicked");
            }
        }
        self.stop_chat(id);
    }

    /// Gives up a chat completion, if there is one of that id.
    pub(super) fn stop_chat(&self, id: &str) {
        let chat = self.lock_chats().remove(id);
        self.deadlines.remove(DueTask::Chat(id.to_owned()));
        if let Some(chat) = chat {
            chat.stop.set();
        }
    }

    /// Gives up all chat completions.
    pub(super) fn stop_chats(&self) {
        let chats = std::mem::take(&mut *self.lock_chats());
        chats.values().for_each(|chat| chat.stop.set());
    }

    fn lock_chats(&self) -> MutexGuard<'_, std::collections::HashMap<String, Chat>> {
        self.chats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
