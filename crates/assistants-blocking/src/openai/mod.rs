//! The client for OpenAI Assistants v2 and compatible servers.
//!
//! A [`Client`] has a handle for each resource, and the handle has the operations.
//!
//! | method | handle |
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
//! | [`Client::responses`] | [`Responses`] to conversations that the caller keeps; their types are in [`crate::responses`] |
//! | [`Client::embeddings`] | [`Embeddings`]: vectors of texts; their types are in [`crate::embeddings`] |
//!
//! [`Client::azure`] sets up the same client for Azure.
//!
//! # Names in OpenAI's Python client
//!
//! The chapter [Coming from openai-python](crate::guide::openai_python) shows the same programs in both languages.
//!
//! Methods and parameters have the same names where Rust allows. A parameter is a setter of the request, an option of a
//! call a setter of the [`Call`](crate::Call). `NOT_GIVEN` there is a setter that is not called here, and `None` is one of
//! the `clear_…` setters of an update.
//!
//! | Python | Rust |
//! | --- | --- |
//! | `OpenAI()`, `AzureOpenAI()` | [`Client::from_env`], [`ClientBuilder::azure_from_env`] |
//! | `client.with_options(…)` | [`Client::with_options`] |
//! | `client.get(path, …)`, `client.post(…)` | [`Client::request`] |
//! | `assistants.create(model=…)` | [`Assistants::create`] with [`CreateAssistant::new`] |
//! | … `description`, `instructions`, `metadata`, `name`, `tools`, `tool_resources`, `response_format`, `temperature`, `top_p`, `reasoning_effort` | the setters of the same names |
//! | … `file_ids`, the tool `retrieval` (version 1) | [`CreateAssistant::file_ids`], [`UpdateAssistant::file_ids`], [`Tool::retrieval`]; with [`ClientBuilder::beta`] |
//! | `assistants.retrieve(id)`, `.update(id, …)`, `.delete(id)` | [`Assistants::retrieve`], [`Assistants::update`] with [`UpdateAssistant`], [`Assistants::delete`] |
//! | `assistants.list(…)`: `after`, `before`, `limit`, `order` | [`Assistants::list`]: [`after`](crate::ListCall::after), [`before`](crate::ListCall::before), [`limit`](crate::ListCall::limit), [`order`](crate::ListCall::order) |
//! | `for one in client.beta.assistants.list()` | `for one in client.assistants().list()` |
//! | `page.iter_pages()`, `page.next_page_info()` | [`pages`](crate::ListCall::pages), [`cursor`](crate::Pages::cursor) |
//! | `assistants.files` (version 1) | [`Client::assistant_files`] |
//! | `extra_headers`, `extra_query`, `extra_body`, `timeout` of every method | [`header`](crate::Call::header), [`query`](crate::Call::query), [`body_field`](crate::Call::body_field), [`timeout`](crate::Call::timeout) |
//! | `.with_raw_response` | [`send_raw`](crate::Call::send_raw) |
//! | `.with_streaming_response` | [`send_streaming`](crate::Call::send_streaming) |
//! | the properties of an assistant, thread, message, run, step | the fields of [`Assistant`], [`Thread`], [`Message`], [`Run`], [`RunStep`] |
//! | `threads.create_and_run_poll`, `threads.create_and_run_stream` | [`Threads::create_and_run_poll`], [`Threads::create_and_run_stream`] |
//! | `runs.create_and_poll`, `runs.poll`, `runs.submit_tool_outputs_and_poll`: `poll_interval_ms` | [`Runs::create_and_poll`], [`Runs::poll`], [`Runs::submit_tool_outputs_and_poll`]: [`PollCall::poll_interval`] |
//! | `runs.stream`, `runs.submit_tool_outputs_stream`, `runs.create(stream=True)` | [`Runs::stream`], [`Runs::submit_tool_outputs_stream`] |
//! | `runs.steps` | [`Client::run_steps`] |
//! | `stream.text_deltas`, `stream.until_done()`, `stream.close()` | [`RunStream::text_deltas`], [`RunStream::finish`], dropping the stream |
//! | `stream.current_run`, `current_message_snapshot`, `current_run_step_snapshot` | [`RunStream::run`], [`RunStream::message`], [`RunStream::run_step`] |
//! | `stream.get_final_run()`, `get_final_messages()`, `get_final_run_steps()` | the fields of [`FinishedRun`] |
//! | `AssistantEventHandler` | [`EventHandler`], whose methods have the same names; [`RunStream::handle`] |
//! | events: `thread.created` with `enabled`, `thread.run.…`, `thread.run.step.…`, `thread.message.…`, `error` | the variants of [`StreamEvent`]; an `error` is an [`Error::Api`](crate::Error::Api) |
//! | `files.create`, `files.content(id)`, `files.wait_for_processing(id)` | [`Files::upload`], [`Files::content`], [`Files::wait_for_processing`] |
//! | `uploads.upload_file_chunked` | [`Uploads::upload_in_parts`] |
//! | `vector_stores.files.create_and_poll`, `.poll`, `.upload_and_poll` | [`VectorStoreFiles::create_and_poll`], [`VectorStoreFiles::poll`], [`VectorStoreFiles::upload_and_poll`] |
//! | `vector_stores.file_batches.create_and_poll`, `.poll`, `.upload_and_poll` | [`VectorStoreBatches::create_and_poll`], [`VectorStoreBatches::poll`], [`VectorStoreBatches::upload_and_poll`] |
//! | `chat.completions.create`, `.create(stream=True)` and `.stream` | [`Chat::create`], [`Chat::stream`] |
//! | `responses.create`, `.create(stream=True)` and `.stream` | [`Responses::create`], [`Responses::stream`] |
//! | `embeddings.create` | [`Embeddings::create`] |
//! | `chat.completions.runTools` of the JavaScript client | [`Chat::run_with_tools`] |
//! | `pydantic_function_tool(Args)`, `.parse(response_format=Answer)` | `FunctionTool::of`, `ResponseFormat::of` and [`Message::parse`], with the feature `schemars` |
//!
//! The asynchronous classes have no counterpart: every method blocks, and another thread can end the wait with a
//! [`CancelToken`](crate::CancelToken).
//!
//! The types of requests and responses are those of [`assistants_types::openai`], re-exported here.

mod assistant_files;
mod assistants;
mod azure;
mod builder;
mod chat;
mod client;
mod embeddings;
mod files;
mod handles;
mod messages;
mod models;
mod responses;
pub(crate) mod runs;
mod threads;
mod vector_stores;
mod wait;

pub use crate::call::download::DownloadCall;
pub use assistant_files::AssistantFiles;
pub use assistants::Assistants;
pub use assistants_types::openai::*;
pub use azure::AzureCredential;
pub use builder::ClientBuilder;
pub use chat::{Chat, ChatToolsCall, FinishedChat};
pub use client::Client;
pub use embeddings::Embeddings;
pub use files::{Files, PartsUpload, UploadCall, Uploads};
pub use messages::Messages;
pub use models::Models;
pub use responses::Responses;
pub use runs::{
    EventHandler, EventReader, FinishedRun, FollowKind, PollCall, RunKind, RunSteps, RunStream, Runs, StreamCall,
    TextDeltas, ToolRunCall,
};
pub use threads::Threads;
pub use vector_stores::{
    BatchUpload, BatchUploadCall, FailedUpload, VectorStoreBatches, VectorStoreFiles, VectorStores,
};
pub use wait::WaitCall;
