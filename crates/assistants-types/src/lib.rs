//! Data models and stream events of the Assistants protocol, without I/O.
//!
//! Every object of the protocol is a struct with public fields that parses and serializes without losing anything:
//! fields this crate does not know stay in [`Extra`], enum values it does not know in an `Unknown` arm, union members
//! it does not know as raw JSON. A field that a server left out never fails the object and is not written back with a
//! made-up value; one that was `null` is written back as `null`, unless it was given a value. So a proxy can read, look
//! at and pass on what it does not fully understand: what it writes is the same JSON as what it read. (In the messages
//! of [`yandex`], JSON that means the same: null, default and missing are one thing there.)
//!
//! Values that servers write in other forms than the protocol's are read for what they mean and written back as they
//! came: integers as `100.0`, times with a fraction or outside the calendar, metadata that is no text, error codes that
//! are numbers, an error that is a bare string, a `search_query` that is one string.
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
//! | [`openai`] | OpenAI Assistants v2: assistants, threads, messages, runs, run steps, stream events; models |
//! | [`chat`] | chat completions, as OpenAI and many others speak them: requests, answers, chunks of a stream |
//! | [`yandex`] | Yandex AI Studio: assistants, threads, messages, runs, search indexes, files, users, operations |
//!
//! With the feature `schemars`, [`FunctionTool`](openai::FunctionTool) and [`ResponseFormat`](openai::ResponseFormat) are
//! made from Rust types (`of`).
//!
//! Structs and enums are generated from the documents in `spec/`; helper methods such as
//! [`Message::text`](openai::Message::text) are written by hand beside them.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]

mod choice;
mod complete;
mod events;
mod extra;
mod field;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod id;
mod loose;
mod object;
mod open_enum;
mod operation;
mod proto_json;
mod tagged;
mod unix_time;

pub mod chat;
pub mod openai;
pub mod yandex;

pub use complete::Complete;
pub use extra::Extra;
pub use field::Field;
pub use id::IdOf;
pub use open_enum::UnknownValue;
pub use operation::{Operation, PathError};
/// The crate that describes Rust types as JSON schemas, in the version that `of` takes.
#[cfg(feature = "schemars")]
pub use schemars;

/// Runs the programs of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
