//! Models of other servers, reached through the client of this project.
//!
//! An [`Upstream`] is a server with chat completions or responses, such as Ollama, llama.cpp, vLLM or a hosted service; its
//! [`Dialect`] is the protocol that it is asked in. Servers that speak "the same" protocol differ in what they accept and
//! send: [`Flags`] name the differences in requests, and the readers of answers tolerate those in responses. A
//! [`Catalog`](super::Catalog) makes one model of several upstream servers.

mod answer;
mod attempts;
mod chat;
mod client;
mod code_interpreter;
mod dialect;
mod failure;
mod file_search;
pub mod flags;
mod images;
mod overflow;
mod own_tools;
mod probe;
mod request;
mod respond;
mod responses;
mod rounds;
mod server;
mod state;
mod text;

pub(crate) use self::client::client;
pub use self::dialect::Dialect;
pub(crate) use self::failure::words;
pub use self::flags::Flags;
pub use self::probe::{Finding, Probe};
pub(super) use self::respond::respond;
pub use self::server::{Endpoint, Retries, Upstream, UpstreamError};
