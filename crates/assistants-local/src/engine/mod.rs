//! What happens to runs, whichever protocol asks for it.
//!
//! The storage holds the truth: every change of a run's status is a transaction that first looks at the status it
//! changes. What the storage does not hold lives in the run's [`LiveRun`]: the streams that follow it and the answer that
//! is being written. Whoever changes a run locks its live run (`Engine::with_live`), commits, and then publishes, so events come
//! in the order of the commits. A live run is locked before the storage, never the other way round.
//!
//! A run has one of a bounded number of threads while its model answers ([`Workers`]); before that it is queued. It takes
//! no thread while it waits for outputs of functions. A model is never waited for: a cancelled run has ended at once, and
//! what its model says later is dropped. Readers of streams are never waited for either ([`event_log`]).
//!
//! An end that the storage does not take is stored as soon as it does ([`Engine::end_later`]).
//!
//! After a restart ([`Engine::recover`]) queued runs start, runs that wait for outputs go on waiting, and runs that
//! were at work end as failed, because what their model had said is lost.

mod chat;
mod chat_queue;
mod core;
mod deadlines;
mod error;
mod expiry;
pub(crate) mod files;
mod housekeeper;
mod housekeeping;
mod lifecycle;
mod messages;
mod next_expiry;
mod runs;
#[cfg(test)]
mod tests;
mod threads;
pub(crate) mod uploads;
pub(crate) mod vector_stores;
mod workers;

pub(crate) use self::chat::ChatHandle;
pub(crate) use self::chat_queue::ChatOutput;
pub(crate) use self::core::Engine;
pub(crate) use self::error::EngineError;
pub(crate) use self::housekeeping::RESPONSES_KEPT;
pub(crate) use self::messages::{add_message, add_message_with_notes, delete_message};
pub(crate) use self::runs::event_log::{Batch, Follower, READER_TIMEOUT};
pub(crate) use self::runs::history::{Cursor, Detail, History, HistoryEvent, Interruption, ReadOutcome};
pub(crate) use self::runs::notes::RunNotes;
pub(crate) use self::runs::records::last_message;
pub(crate) use self::runs::replay::Since;
pub(crate) use self::runs::{failure_of, load_run, steps};
