//! A handle of the thread that computes missing vectors.

use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;

/// The thread, and what wakes it.
#[derive(Debug)]
pub(crate) struct EmbeddingThread {
    wake: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl EmbeddingThread {
    /// `wake` has room for one message, and the thread ends when it is dropped.
    pub(super) fn new(wake: SyncSender<()>, thread: JoinHandle<()>) -> Self {
        Self { wake, thread }
    }

    /// Reports that vectors are missing.
    pub(super) fn wake(&self) {
        // If there is no room, the thread is going to look anyway.
        let _ = self.wake.try_send(());
    }

    /// Ends the thread after its current request.
    pub(crate) fn stop(self) {
        drop(self.wake);
        if self.thread.join().is_err() {
            log::error!("the thread that computes vectors panicked");
        }
    }
}
