//! Rejects documents with contents that the generator does not understand.
//!
//! The generator looks members up by name, so a misspelled one would be ignored silently and its limit would never
//! reach the server. Therefore every member of a document must be one that is known in its position, names that become
//! Rust items must be valid, and parts that refer to each other must be consistent.

mod checker;
mod document;
mod operations;
mod schemas;

pub(crate) use document::check;

#[cfg(test)]
mod tests;
