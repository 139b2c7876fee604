//! Chat completions: the model is asked, and nothing is stored.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, MutexGuard, PoisonError, Weak};

use super::Engine;
use super::chat_queue::{Chat, ChatOutput};
use super::deadlines::DueTask;
use super::workers::Submitted;

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
                model: &*self.model,
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
