//! Chat completions and responses: calls of the model that store nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, MutexGuard, PoisonError, Weak};

use super::Engine;
use super::chat_queue::{Chat, ChatOutput};
use super::deadlines::DueTask;
use super::workers::Submitted;

/// The client's side of a chat completion. Dropping it stops the model, as the client has disconnected.
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
    /// Queues a chat completion. If it is stopped before a thread takes it, `work` is dropped without being called.
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

    /// Stops the chat completion with this id, if there is one.
    pub(super) fn stop_chat(&self, id: &str) {
        let chat = self.lock_chats().remove(id);
        self.deadlines.remove(DueTask::Chat(id.to_owned()));
        if let Some(chat) = chat {
            chat.stop.set();
        }
    }

    /// Stops all chat completions.
    pub(super) fn stop_chats(&self) {
        let chats = std::mem::take(&mut *self.lock_chats());
        chats.values().for_each(|chat| chat.stop.set());
    }

    fn lock_chats(&self) -> MutexGuard<'_, std::collections::HashMap<String, Chat>> {
        self.chats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
