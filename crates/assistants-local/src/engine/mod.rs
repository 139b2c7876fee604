//! The engine executes runs and chat completions, independently of the protocol that requests them.
//!
//! The storage is authoritative: every change of a run's status is a transaction that checks the status it replaces.
//! State that is not stored is in the run's [`LiveRun`](runs::live_run::LiveRun): the streams that follow it, and the
//! answer that is being written. To change a run, the engine locks its live run ([`Engine::with_live`]), commits, and
//! then publishes events, so events are in the order of commits. To prevent deadlocks, a live run is always locked
//! before the storage.
//!
//! A run occupies one of a bounded number of threads while its model answers ([`Workers`](workers::Workers)). Before
//! that it is queued, and while it waits for tool outputs it occupies none. The engine never waits for a model: a
//! cancelled run ends at once, and what its model writes later is dropped. Nor does it wait for the readers of streams
//! ([`event_log`](runs::event_log)).
//!
//! If the end of a run cannot be stored, storing it is retried ([`Engine::end_later`]).
//!
//! After a restart ([`Engine::recover`]), queued runs start and runs that wait for tool outputs keep waiting. Runs that
//! were in progress end as failed, because the output of their model is lost.

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
pub(crate) use self::lifecycle::Services;
pub(crate) use self::messages::{add_message, add_message_with_notes, delete_message};
pub(crate) use self::runs::event_log::{Batch, Follower, READER_TIMEOUT};
pub(crate) use self::runs::history::{Cursor, Detail, History, HistoryEvent, Interruption, ReadOutcome};
pub(crate) use self::runs::notes::RunNotes;
pub(crate) use self::runs::position::{Position, UnknownPosition};
pub(crate) use self::runs::records::last_message;
pub(crate) use self::runs::replay::{Since, start};
pub(crate) use self::runs::{failure_of, load_run, steps};
