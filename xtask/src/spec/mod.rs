//! The documents in `spec/`, and checks that the generator understands all of their contents.

mod check;
mod document;
mod lines;
mod names;

pub(crate) use check::check;
pub(crate) use document::{LENT_BY, load, resolve};
pub(crate) use names::rust_field;

#[cfg(test)]
pub(crate) use document::parse;
