//! Chat completions: their types and their streams.
//!
//! Calls are made with the `chat()` handle of a client, [`openai::Client::chat`](crate::openai::Client::chat) or
//! [`yandex::Client::chat`](crate::yandex::Client::chat); this module is for every server that implements chat completions.
//!
//! ```
//! use assistants_blocking::chat::{ChatMessage, CreateChatCompletion};
//! use assistants_blocking::openai::Client;
//! # let server = assistants_local::LocalServer::builder().start()?;
//! # let url = server.base_url();
//!
//! let client = Client::builder().base_url(url).api_key("any").build()?;
//! let params = CreateChatCompletion::new("scripted", [ChatMessage::user("Hello")]);
//! let mut stream = client.chat().stream(params).send()?;
//! for text in stream.text_deltas() {
//!     print!("{}", text?);
//! }
//! assert_eq!(stream.finish()?.text(), "Hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The types are those of [`assistants_types::chat`], re-exported here.

mod chunk_reader;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod partial;
mod stream;

pub use assistants_types::chat::*;
pub use chunk_reader::ChunkReader;
pub use partial::ChatPartial;
pub use stream::{ChatStream, ChatStreamCall, ChatTextDeltas};
