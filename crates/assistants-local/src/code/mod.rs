//! Executes the code of the tool `code_interpreter`, in processes of a program that the operator names.
//!
//! The server executes no code itself. It starts the program once per thread that uses the tool ([`session`]), speaks a line
//! protocol with it ([`protocol`]), and ends it when it was not used for a while ([`sessions`]). `docs/code-interpreter.md`
//! in the repository describes the protocol and programs that isolate what they execute.

mod broken;
mod collector;
mod protocol;
mod session;
mod sessions;
mod settings;

pub(crate) use self::broken::Broken;
pub(crate) use self::collector::{Executed, Produced};
pub(crate) use self::sessions::{Lease, Sessions};
pub use self::settings::CodeInterpreter;
