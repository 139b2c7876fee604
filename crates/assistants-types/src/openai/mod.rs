//! OpenAI Assistants v2: objects, requests and stream events of its wire protocol.
//!
//! Requests are created from the required members, with a setter for each optional one:
//!
//! ```
//! use assistants_types::openai::{CreateAssistant, CreateMessage, Tool};
//!
//! let assistant = CreateAssistant::new("gpt-4o").name("Clerk").instructions("Be brief.").tool(Tool::file_search());
//! let message = CreateMessage::user("How many lines has README.md?").metadata([("from", "cli")]);
//! # assert_eq!(assistant.name.as_ref().map(String::as_str), Some("Clerk"));
//! # assert_eq!(message.metadata.as_ref().map(|all| all.len()), Some(1));
//! ```

mod accumulator;
pub(crate) mod delta;
mod error;
mod generated;
mod id;
mod message;
mod page;
mod run;
mod run_step;
#[cfg(feature = "schemars")]
mod schema;
mod tool;
mod usage;
mod vector_store;

pub use accumulator::{AccumulatedRun, RunAccumulator};
pub use generated::*;
pub use page::Page;

pub use crate::id::IdOf;
pub use crate::operation::Operation;
