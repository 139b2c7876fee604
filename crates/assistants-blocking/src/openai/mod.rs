//! The client for OpenAI Assistants v2 and everything that speaks it.
//!
//! [`Client`] is where it starts: a handle for each resource, and on each handle the operations.
//!
//! | handle | what it reaches |
//! | --- | --- |
//! | [`Client::assistants`] | [`Assistants`]: configured models |
//! | [`Client::assistant_files`] | [`AssistantFiles`]: files attached to an assistant, on servers of version 1 (legacy) |
//! | [`Client::threads`] | [`Threads`]: conversations, also created together with their first run |
//! | [`Client::messages`] | [`Messages`] of a thread |
//! | [`Client::runs`] | [`Runs`] of a thread: streamed, polled, with tools |
//! | [`Client::run_steps`] | [`RunSteps`] of a run |
//! | [`Client::files`] | [`Files`]: uploaded and downloaded as streams |
//! | [`Client::uploads`] | [`Uploads`]: large files in parts |
//! | [`Client::vector_stores`] | [`VectorStores`]: collections of files, and the search in them |
//! | [`Client::vector_store_files`], [`Client::vector_store_batches`] | the files of a vector store, one by one or many together |
//! | [`Client::models`] | [`Models`] that the server has |
//! | [`Client::chat`] | [`Chat`] completions; their types are in [`crate::chat`] |
//!
//! [`Client::azure`] sets the same client up for Azure.
//!
//! The types of requests and answers are those of [`assistants_types::openai`], re-exported here.

mod assistant_files;
mod assistants;
mod azure;
mod chat;
mod client;
mod delta_reader;
mod event_reader;
mod files;
mod handler;
mod messages;
mod models;
mod poll;
mod run_steps;
mod run_stream;
mod run_tools;
mod runs;
mod snapshots;
mod threads;
mod uploads;
mod vector_store_batches;
mod vector_store_files;
mod vector_stores;
mod wait;

pub use assistant_files::AssistantFiles;
pub use assistants::Assistants;
pub use assistants_types::openai::*;
pub use azure::AzureCredential;
pub use chat::Chat;
pub use client::{Client, ClientBuilder};
pub use event_reader::EventReader;
pub use files::{Content, Files};
pub use handler::EventHandler;
pub use messages::Messages;
pub use models::Models;
pub use poll::PollCall;
pub use run_steps::RunSteps;
pub use run_stream::{FinishedRun, RunStream, StreamCall, TextDeltas};
pub use run_tools::ToolRunCall;
pub use runs::Runs;
pub use threads::Threads;
pub use uploads::{PartsUpload, Uploads};
pub use vector_store_batches::{BatchUpload, BatchUploadCall, FailedUpload, VectorStoreBatches};
pub use vector_store_files::VectorStoreFiles;
pub use vector_stores::VectorStores;
pub use wait::WaitCall;
