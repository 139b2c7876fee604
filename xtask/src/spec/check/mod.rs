//! Refuses a document that says more than the generator reads.
//!
//! The generator looks members up by name, so a misspelt one would be ignored without a word and its limit would never
//! reach the server. Here every member of a document has to be one that is known where it occurs; names that become
//! Rust items have to be able to, and parts that refer to each other have to agree.

mod checker;
mod document;
mod operations;
mod schemas;

pub(crate) use document::check;

#[cfg(test)]
mod tests;
