//! What chat completions and responses have in common: a model answers while the client waits, and nothing is stored.

mod conversation;
mod failure;
mod pending;
mod stream;

pub(super) use self::conversation::{OpenAnswer, push_user_message};
pub(super) use self::failure::{broken_off, model_failed};
pub(super) use self::pending::{PendingAnswer, Started, Starter};
pub(super) use self::stream::EventWriter;
