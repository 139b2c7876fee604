//! Chat completions: the requests, answers and chunks of a stream, as OpenAI and many others after it speak them.
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
//! [`ChatAccumulator`] puts the chunks of a stream together to the answer that the server would have given at once.
//! What both protocols have in common, such as [`FunctionTool`](crate::openai::FunctionTool) and
//! [`Metadata`](crate::openai::Metadata), is in [`openai`](crate::openai).

mod accumulator;
mod completion;
mod generated;
mod message;
mod status;
mod tool;

pub use accumulator::ChatAccumulator;
pub use generated::*;
pub use status::ChatStatus;
