//! The options and commands of the program.

pub(crate) mod code;
pub(crate) mod config_file;
pub(crate) mod embeddings;
mod key;
pub(crate) mod maintenance;
pub(crate) mod scripted_code;
pub(crate) mod try_upstream;
pub(crate) mod upstream;
