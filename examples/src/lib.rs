//! The example programs lie beside this crate, one file for each task.
