//! Applies the deltas of a stream to messages and run steps.
//!
//! Deltas address list items by `index`. Text is appended, nested lists are addressed by index again, and everything
//! else is replaced. The same rules apply to unknown members.

mod indexed;
mod merge;
mod message;
mod run_step;

#[cfg(feature = "chat")]
pub(crate) use merge::merge;
