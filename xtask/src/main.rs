//! `cargo xtask`: code generation from `spec/` and the checks that go with it.

fn main() {}
