//! The example programs are in the folder above, one file per task.

/// Compiles the program in the repository's README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
