//! The client for Yandex AI Studio.

mod assistants;
pub mod chat;
mod client;
mod credentials;
mod files;
mod json_stream;
mod list;
mod messages;
// `operations` is the table of operations, which comes with the types.
#[path = "operations.rs"]
mod operation_handle;
mod run_call;
mod run_result;
mod run_stream;
mod run_tools;
mod runs;
mod search_indexes;
mod threads;
mod tokenizer;
mod users;

pub use assistants::Assistants;
pub use assistants_types::yandex::*;
pub use client::{Client, ClientBuilder};
pub use credentials::Credentials;
pub use files::{DownloadCall, Files};
pub use messages::{MessageItems, MessageListCall, MessageStream, Messages};
pub use operation_handle::{Operation, OperationCall, OperationWait, Operations};
pub use run_call::{RunCall, RunStreamCall};
pub use run_result::{RunResult, RunStreamEvent, StatusCall, WaitCall};
pub use run_stream::{ListenCall, RunStream, TextDelta, TextDeltas};
pub use run_tools::ToolRunCall;
pub use runs::Runs;
pub use search_indexes::SearchIndexes;
pub use threads::Threads;
pub use tokenizer::Tokenizer;
pub use users::Users;
