//! The client for Yandex AI Studio: assistants, threads, runs, search indexes, files and users over REST.
//!
//! ```
//! use assistants_blocking::yandex::{Client, CreateAssistant, CreateThread};
//! # let server = assistants_local::LocalServer::builder().start()?;
//! # let url = server.yandex_url();
//!
//! let client = Client::builder().base_url(url).folder_id("fld_1").build()?; // or Client::from_env()?
//! let assistant = CreateAssistant::new(client.folder_id(), "yandexgpt");
//! let assistant = client.assistants().create(assistant).send()?;
//! let thread = client.threads().create(CreateThread::new(client.folder_id())).send()?;
//! client.messages(&thread).create("Hello").send()?;
//! let mut stream = client.assistants().run_stream(&assistant, &thread).send()?;
//! for delta in stream.text_deltas() {
//!     print!("{}", delta?);
//! }
//! let result = stream.finish()?.succeeded()?;
//! assert!(result.text().is_some_and(|text| text.contains("Hello")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The hosted AI Assistant API was switched off on 2026-01-26; `assistants-local` implements the same protocol. The chapter
//! [Yandex AI Studio](crate::guide::yandex) explains credentials, streams, tools and search indexes.
//!
//! | method | handle |
//! | --- | --- |
//! | [`Client::assistants`] | [`Assistants`]: configured models, their versions, runs |
//! | [`Client::threads`] | [`Threads`]: conversations |
//! | [`Client::messages`] | [`Messages`] of a thread |
//! | [`Client::runs`] | [`Runs`]: listening, waiting, tools |
//! | [`Client::search_indexes`] | [`SearchIndexes`] and their files |
//! | [`Client::files`] | [`Files`]: upload and download |
//! | [`Client::users`] | [`Users`]: authors of messages |
//! | [`Client::operations`] | [`Operations`]: long-running operations |
//! | [`Client::tokenizer`] | [`Tokenizer`]: the tokens of a text |
//! | [`Client::chat`] | [`chat::Chat`]: chat completions, without an assistant |
//!
//! # Names in Yandex' Python client
//!
//! Every call takes the options of a [`Call`](crate::Call); `timeout=60` there is
//! [`timeout`](crate::Call::timeout) here, with the same default, for one attempt. `Undefined` there is a setter that is
//! not called here.
//!
//! | Python | Rust |
//! | --- | --- |
//! | `sdk.assistants.create(model)` | [`Assistants::create`] with [`CreateAssistant::new`] |
//! | … `temperature`, `max_tokens` | [`CreateAssistant::temperature`], [`CreateAssistant::max_tokens`] |
//! | … `instruction`, `name`, `description`, `labels`, `tools`, `response_format` | the setters of the same names |
//! | … `max_prompt_tokens` | [`CreateAssistant::max_prompt_tokens`] |
//! | … `prompt_truncation_strategy` | [`CreateAssistant::prompt_truncation_strategy`] |
//! | … `ttl_days`, `expiration_policy` | [`CreateAssistant::ttl_days`], [`CreateAssistant::expiration_policy`] |
//! | `sdk.assistants.get(assistant_id)` | [`Assistants::get`] |
//! | `sdk.assistants.list(page_size)` | [`Assistants::list`], [`page_size`](crate::ListCall::page_size) |
//! | `assistant.update(model)` | [`Assistants::update`] with [`UpdateAssistant::new`], [`UpdateAssistant::model_uri`] |
//! | … `temperature`, `max_tokens`, `max_prompt_tokens`, `instruction`, `name`, `description`, `labels`, `ttl_days`, `tools`, `expiration_policy`, `response_format` | the setters of the same names; each has a counterpart that clears the field, such as [`UpdateAssistant::clear_name`] |
//! | … `prompt_truncation_strategy` | [`UpdateAssistant::truncation_strategy`] |
//! | `assistant.delete()` | [`Assistants::delete`] |
//! | `assistant.list_versions(page_size, page_token)` | [`Assistants::list_versions`], [`page_size`](crate::ListCall::page_size), [`page_token`](crate::ListCall::page_token) |
//! | `assistant.run(thread)` | [`Assistants::run`] |
//! | `assistant.run_stream(thread)` | [`Assistants::run_stream`] |
//! | … `custom_temperature`, `custom_max_tokens` | [`RunCall::custom_temperature`], [`RunCall::custom_max_tokens`]; the same on [`RunStreamCall`] |
//! | … `custom_max_prompt_tokens`, `custom_prompt_truncation_strategy` | [`RunCall::custom_max_prompt_tokens`], [`RunCall::custom_prompt_truncation_strategy`] |
//! | … `custom_response_format` | [`RunCall::custom_response_format`] |
//! | `assistant.id`, `name`, `description`, `created_by`, `created_at`, `updated_by`, `updated_at`, `expires_at`, `expiration_config`, `labels`, `model` (here `model_uri`), `instruction`, `prompt_truncation_options`, `tools`, `response_format` | the fields of [`Assistant`] |
//! | `assistant.max_prompt_tokens` | [`Assistant::max_prompt_tokens`] |
//! | `sdk.runs.get(run_id)` | [`Runs::get`] |
//! | `sdk.runs.get_last_by_thread(thread)` | [`Runs::get_last_by_thread`] |
//! | `sdk.runs.list(page_size)` | [`Runs::list`], [`page_size`](crate::ListCall::page_size) |
//! | `run.listen(events_start_idx)` | [`Runs::listen`], [`ListenCall::events_start_idx`] |
//! | `run.submit_tool_results(tool_results)` | [`Runs::submit_tool_results`], [`RunStream::submit_tool_results`] |
//! | `run.cancel()` | [`Runs::cancel`], which reports that the service does not support it |
//! | `run.get_status()` | [`Runs::get_status`] |
//! | `run.get_result()` | [`Runs::get_result`] |
//! | `run.wait(poll_timeout, poll_interval)` | [`Runs::wait`], [`WaitCall::poll_timeout`], [`WaitCall::poll_interval`] |
//! | `run.id`, `assistant_id`, `thread_id`, `created_by`, `created_at`, `labels` | the fields of [`Run`] |
//! | `run.custom_temperature`, `run.custom_max_tokens` | [`Run::custom_temperature`], [`Run::custom_max_tokens`] |
//! | `run.custom_prompt_truncation_options`, `run.custom_max_prompt_tokens` | [`Run::custom_prompt_truncation_options`], [`Run::custom_max_prompt_tokens`] |
//! | `run.custom_response_format` | [`Run::custom_response_format`] |
//! | a run's status: `is_running`, `is_succeeded`, `is_failed` | [`RunStatus::is_running`], [`RunStatus::is_succeeded`], [`RunStatus::is_failed`] |
//! | a run's result, a run's event | [`RunResult`], [`RunStreamEvent`] |
//! | `sdk.chat.completions`, its models, their parameters and results | [`Client::chat`]; the table is in [`chat`] |
//!
//! The types of requests and responses are those of [`assistants_types::yandex`], re-exported here, with one exception:
//! [`Operation`] is a handle here, and [`Operation::state`] has the type of that name there.

mod assistants;
mod builder;
pub mod chat;
mod client;
mod credentials;
mod files;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod handles;
mod messages;
mod operation;
mod page;
mod runs;
mod search_indexes;
mod threads;
mod tokenize;
mod users;

pub use crate::call::download::DownloadCall;
pub use assistants::Assistants;
pub use assistants_types::yandex::*;
pub use builder::ClientBuilder;
pub use client::Client;
pub use credentials::Credentials;
pub use files::{Files, UploadCall};
pub use messages::{MessageItems, MessageListCall, MessageStream, Messages};
pub use operation::{Operation, OperationCall, OperationWait, Operations};
pub use runs::{
    ListenCall, RunCall, RunResult, RunStream, RunStreamCall, RunStreamEvent, Runs, StatusCall, TextDelta, TextDeltas,
    ToolRunCall, WaitCall,
};
pub use search_indexes::SearchIndexes;
pub use threads::Threads;
pub use tokenize::Tokenizer;
pub use users::Users;
