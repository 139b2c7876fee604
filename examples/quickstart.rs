//! A script talks to an assistant, offline.
fn main() {}
