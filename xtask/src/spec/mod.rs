//! The documents in `spec/`, and whether the generator can read all that they say.

mod check;
mod document;
mod lines;
mod names;

pub(crate) use check::check;
pub(crate) use document::{LENT_BY, load, resolve};
pub(crate) use names::rust_field;

#[cfg(test)]
pub(crate) use document::parse;
