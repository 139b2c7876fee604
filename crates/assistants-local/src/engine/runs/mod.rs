//! Runs: their creation, turns, events and end.

mod code_deltas;
mod code_files;
mod code_interpreter;
mod code_links;
mod completion;
mod conversation;
mod creation;
mod deltas;
mod ending;
pub(crate) mod event_log;
mod file_search;
mod generated_files;
pub(crate) mod history;
pub(crate) mod history_store;
pub(crate) mod live_run;
pub(crate) mod notes;
mod outputs;
mod pieces;
pub(crate) mod position;
mod prompt;
pub(crate) mod records;
pub(crate) mod replay;
mod replay_text;
mod step_notes;
mod termination;
mod turn;
mod turn_end;
mod usage;

pub(crate) use self::ending::end_run;
pub(crate) use self::records::{load_run, steps};
pub(crate) use self::turn_end::failure_of;
