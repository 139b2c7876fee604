//! Data models and stream events of the Assistants protocol, without I/O.
//!
//! Every object of the protocol is a struct with public fields that parses and serializes without losing anything:
//! fields this crate does not know stay in [`Extra`], enum values it does not know in an `Unknown` arm, union members
//! it does not know as raw JSON. A field that a server left out never fails the object and is not written back with a
//! made-up value. So a proxy can read, look at and pass on what it does not fully understand.
//!
//! ```
//! use assistants_types::openai::{Assistant, Tool};
//!
//! let text = r#"{"id":"asst_1","object":"assistant","model":"gpt-4o","tools":[{"type":"telepathy"}],"mood":"fine"}"#;
//! let assistant: Assistant = serde_json::from_str(text)?;
//! assert_eq!(assistant.model, "gpt-4o");
//! assert!(matches!(&assistant.tools[0], Tool::Unknown(raw) if raw["type"] == "telepathy"));
//! assert_eq!(assistant.extra["mood"], "fine");
//! assert_eq!(serde_json::to_value(&assistant)?, serde_json::from_str::<serde_json::Value>(text)?);
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`openai`] | OpenAI Assistants v2: assistants, threads, messages, runs, run steps, stream events |
//! | [`yandex`] | Yandex AI Studio: assistants, threads, messages, runs, search indexes, files, users, operations |
//!
//! With the feature `schemars`, [`FunctionTool`](openai::FunctionTool) and [`ResponseFormat`](openai::ResponseFormat) are
//! made from Rust types (`of`).
//!
//! Structs and enums are generated from `spec/openai.yaml` and `spec/yandex.yaml`; helper methods such as
//! [`Message::text`](openai::Message::text) are written by hand beside them.
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]

mod choice;
mod events;
mod extra;
mod field;
mod object;
mod open_enum;
mod proto_json;
mod tagged;
mod unix_time;

pub mod openai;
pub mod yandex;

pub use extra::Extra;
pub use field::Field;
pub use open_enum::UnknownValue;
/// The crate that describes Rust types as JSON schemas, in the version that `of` takes.
#[cfg(feature = "schemars")]
pub use schemars;
