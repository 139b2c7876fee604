//! Data types and stream events of the Assistants protocol, without I/O.
//!
//! Every object of the protocol is a struct with public fields. Parsing and serializing is lossless: unknown members
//! are kept in [`Extra`], unknown enum values in an `Unknown` variant, and unknown members of a union as raw JSON. A
//! missing member never makes parsing fail, except for the few without which an object is meaningless, and is not
//! written back; a member that was `null` is written back as `null`, unless its field has been set. A proxy can
//! therefore read, inspect and forward data that it does not fully understand. (The messages of [`yandex`] serialize to
//! equivalent JSON: in that protocol null, default and missing values are the same.)
//!
//! Values that servers send in other forms than the protocol specifies are converted and written back unchanged:
//! integers such as `100.0`, times with a fraction or outside the supported range, metadata that is not text, numeric
//! error codes, an error that is a plain string, a `search_query` that is a single string.
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
//! | module | contents |
//! | --- | --- |
//! | [`openai`] | OpenAI Assistants v2: assistants, threads, messages, runs, run steps, stream events; models |
//! | [`chat`] | chat completions of OpenAI and compatible servers: requests, completions, chunks |
//! | [`responses`] | the Responses API of OpenAI and compatible servers, as far as a stateless client needs it |
//! | [`embeddings`] | embeddings: vectors of texts |
//! | [`yandex`] | Yandex AI Studio: assistants, threads, messages, runs, search indexes, files, users, operations |
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `chat`, by default | the module [`chat`] |
//! | `responses`, by default | the module [`responses`] |
//! | `embeddings`, by default | the module [`embeddings`] |
//! | `yandex`, by default | the module [`yandex`] |
//! | `schemars` | a constructor `of` for [`FunctionTool`](openai::FunctionTool) and [`ResponseFormat`](openai::ResponseFormat), which derives the JSON schema from a Rust type |
//!
//! The crate suffices for other kinds of clients, such as an asynchronous one: an [`Operation`] builds the path of a
//! request, [`StreamEvent::parse`](openai::StreamEvent::parse) parses the events of a stream,
//! [`RunAccumulator`](openai::RunAccumulator) assembles them, and [`ErrorBody`] reads errors in every usual format.
//!
//! Structs and enums are generated from the documents in `spec/`. Helper methods such as
//! [`Message::text`](openai::Message::text) are hand-written.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]

mod choice;
mod complete;
mod error_body;
mod events;
mod extra;
mod field;
#[cfg(all(
    any(test, fuzzing),
    feature = "chat",
    feature = "responses",
    feature = "embeddings",
    feature = "yandex"
))]
#[doc(hidden)]
pub mod fuzz;
mod id;
mod loose;
mod object;
mod open_enum;
mod operation;
#[cfg(feature = "yandex")]
mod proto_json;
mod tagged;
mod unix_time;

#[cfg(feature = "chat")]
pub mod chat;
#[cfg(feature = "embeddings")]
pub mod embeddings;
pub mod openai;
#[cfg(feature = "responses")]
pub mod responses;
#[cfg(feature = "yandex")]
pub mod yandex;

pub use complete::Complete;
pub use error_body::ErrorBody;
pub use extra::Extra;
pub use field::Field;
pub use id::IdOf;
pub use open_enum::UnknownValue;
pub use operation::{Operation, PathError, fill_path};
/// The crate that derives JSON schemas from Rust types, in the version that `of` requires.
#[cfg(feature = "schemars")]
pub use schemars;

/// Tests the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
