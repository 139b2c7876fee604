//! The Responses API, without storage at the provider: its types and its streams.
//!
//! Calls are made with [`openai::Client::responses`](crate::openai::Client::responses). The caller keeps the conversation:
//! each request contains all of it, and the items of a response become part of the next request. Reasoning models of
//! OpenAI call functions only over this API.
//!
//! ```
//! use assistants_blocking::openai::Client;
//! use assistants_blocking::responses::{CreateResponse, ResponseItem};
//! # let server = assistants_local::LocalServer::builder().start()?;
//! # let url = server.base_url();
//!
//! let client = Client::builder().base_url(url).api_key("any").build()?;
//! let params = CreateResponse::new("scripted", [ResponseItem::user("Hello")]).store(false);
//! let mut stream = client.responses().stream(params).send()?;
//! for text in stream.text_deltas() {
//!     print!("{}", text?);
//! }
//! assert_eq!(stream.finish()?.text(), "Hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The types are those of [`assistants_types::responses`], re-exported here.

mod event_reader;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod stream;

pub use assistants_types::responses::*;
pub use event_reader::ResponseEventReader;
pub use stream::{ResponseStream, ResponseStreamCall, ResponseTextDeltas};
