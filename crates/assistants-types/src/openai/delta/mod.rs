//! Growing a message or a run step by the deltas of a stream.
//!
//! Deltas address the parts of a list by `index`. What is text is appended, what is a list again goes by index, and
//! everything else replaces what stood there. That holds for members that this crate does not know as well.

mod indexed;
mod merge;
mod message;
mod run_step;

pub(crate) use merge::merge;
