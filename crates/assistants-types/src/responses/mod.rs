//! The Responses API of OpenAI and compatible servers, for clients that keep the conversation themselves (`store: false`).
//!
//! A request contains the conversation as a list of items, and the response consists of items, which become part of the
//! next request. Reasoning models of OpenAI call functions only over this API.
//!
//! ```
//! use assistants_types::responses::{CreateResponse, Response, ResponseItem};
//! use serde_json::json;
//!
//! let request = CreateResponse::new("gpt-5.4", [ResponseItem::user("Hello")]).store(false);
//! let body = serde_json::to_value(&request)?;
//! assert_eq!(body["input"][0]["content"][0], json!({"type": "input_text", "text": "Hello"}));
//!
//! let text = r#"{"id":"resp_1","status":"completed","output":[
//!     {"type":"message","role":"assistant","content":[{"type":"output_text","text":"Hi!","annotations":[]}]}]}"#;
//! let response: Response = serde_json::from_str(text)?;
//! assert_eq!(response.text(), "Hi!");
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! Types shared with the other protocols, such as [`ReasoningEffort`](crate::openai::ReasoningEffort), are in
//! [`openai`](crate::openai).

mod event;
mod generated;
mod item;

pub use generated::*;
