//! The example programs lie beside this crate, one file for each task.

/// Compiles the program of the repository's README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
