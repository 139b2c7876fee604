//! Chat completions of OpenAI and compatible servers: requests, completions and chunks.
//!
//! ```
//! use assistants_types::chat::{ChatMessage, ChatTool, CreateChatCompletion};
//! use serde_json::json;
//!
//! let request = CreateChatCompletion::new("gpt-4o", [ChatMessage::system("Be brief."), ChatMessage::user("Hello")])
//!     .tool(ChatTool::function("add", json!({"type": "object"})))
//!     .temperature(0.2);
//! let body = serde_json::to_value(&request)?;
//! assert_eq!(body["messages"][1], json!({"role": "user", "content": "Hello"}));
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! [`ChatAccumulator`] assembles the chunks of a stream into the completion that the server would have returned without
//! streaming. Types shared by both protocols, such as [`FunctionTool`](crate::openai::FunctionTool) and
//! [`Metadata`](crate::openai::Metadata), are in [`openai`](crate::openai).

mod accumulator;
mod completion;
mod generated;
mod message;
mod status;
mod tool;

pub use accumulator::ChatAccumulator;
pub use generated::*;
pub use status::ChatStatus;
