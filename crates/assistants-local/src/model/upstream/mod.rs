//! Models of other servers, reached through the client of this project.
//!
//! An [`Upstream`] is a server that speaks chat completions, such as Ollama, llama.cpp, vLLM or a hosted service. Servers
//! that speak "the same" protocol differ in what they accept and send: [`Flags`] name the differences in requests, and
//! the readers of answers tolerate those in responses. A [`Catalog`](super::Catalog) makes one model of several upstream
//! servers.

mod answer;
mod attempts;
mod chat;
mod failure;
mod file_search;
pub mod flags;
mod images;
mod overflow;
mod probe;
mod request;
mod rounds;
mod server;
mod state;
mod text;

pub(super) use self::chat::respond;
pub use self::flags::Flags;
pub use self::probe::{Finding, Probe};
pub use self::server::{Endpoint, Retries, Upstream, UpstreamError};
