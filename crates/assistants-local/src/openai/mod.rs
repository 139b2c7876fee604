//! The OpenAI Assistants protocol, version 2, under `/v1`, and under `/openai` for clients of Azure.
//!
//! There is one file per resource, and one line that mounts each operation of the spec with its handler. Handlers are
//! blocking functions from a [`Call`] to an [`ApiResponse`]. What all requests have in common (access, limits, headers, the
//! format of errors) is in [`router`](mod@router).
//!
//! Bodies are checked against the spec before a handler sees them. `null` for an optional member means that it is
//! absent, except in updates, where it clears the member. Members that the spec does not know are ignored, or rejected
//! by a [strict](crate::Builder::strict) server.
//!
//! A POST with an `Idempotency-Key` is executed once: within a day, the same request with the same key gets the first
//! response. Chat completions and searches are exempt, because they change nothing.
//!
//! Clients that send `OpenAI-Beta: assistants=v1` can also use what version 2 has removed; see [`v1`].

pub(crate) mod request_schema;

mod assistants;
mod chat;
mod error;
mod files;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod messages;
mod models;
mod page;
mod request;
mod router;
mod runs;
mod threads;
mod v1;
mod vector_stores;

use std::sync::Arc;

use assistants_types::chat::operations as chat_operations;
use assistants_types::openai::operations;
use axum::Router;

pub(crate) use crate::http::file_stream::FileBytes;

use self::error::ApiError;
use self::request::{ApiResponse, Call};
use self::router::Routes;
use crate::engine::Engine;
use crate::http::Frontend;

/// Creates the router of the protocol. With `strict`, unknown members of bodies are rejected.
pub(crate) fn router(engine: Arc<Engine>, frontend: Arc<Frontend>, strict: bool) -> Router {
    Routes::new(engine, frontend, strict)
        .mount(&operations::CREATE_ASSISTANT, assistants::create)
        .mount(&operations::LIST_ASSISTANTS, assistants::list)
        .mount(&operations::RETRIEVE_ASSISTANT, assistants::retrieve)
        .mount(&operations::UPDATE_ASSISTANT, assistants::update)
        .mount(&operations::DELETE_ASSISTANT, assistants::delete)
        .mount(&operations::CREATE_ASSISTANT_FILE, v1::assistant_files::create)
        .mount(&operations::LIST_ASSISTANT_FILES, v1::assistant_files::list)
        .mount(&operations::RETRIEVE_ASSISTANT_FILE, v1::assistant_files::retrieve)
        .mount(&operations::DELETE_ASSISTANT_FILE, v1::assistant_files::delete)
        .mount(&operations::CREATE_THREAD, threads::create)
        .mount(&operations::RETRIEVE_THREAD, threads::retrieve)
        .mount(&operations::UPDATE_THREAD, threads::update)
        .mount(&operations::DELETE_THREAD, threads::delete)
        .mount(&operations::CREATE_THREAD_AND_RUN, threads::create_and_run)
        .mount(&operations::CREATE_MESSAGE, messages::create)
        .mount(&operations::LIST_MESSAGES, messages::list)
        .mount(&operations::RETRIEVE_MESSAGE, messages::retrieve)
        .mount(&operations::UPDATE_MESSAGE, messages::update)
        .mount(&operations::DELETE_MESSAGE, messages::delete)
        .mount(&operations::CREATE_RUN, runs::create)
        .mount(&operations::LIST_RUNS, runs::list)
        .mount(&operations::RETRIEVE_RUN, runs::retrieve)
        .mount(&operations::UPDATE_RUN, runs::update)
        .mount(&operations::CANCEL_RUN, runs::cancel)
        .mount(&operations::SUBMIT_TOOL_OUTPUTS, runs::submit_tool_outputs)
        .mount(&operations::LIST_RUN_STEPS, runs::steps::list)
        .mount(&operations::RETRIEVE_RUN_STEP, runs::steps::retrieve)
        .mount_form(&operations::CREATE_FILE, files::create, files::FORM, |_| Ok(()))
        .mount(&operations::LIST_FILES, files::list)
        .mount(&operations::RETRIEVE_FILE, files::retrieve)
        .mount(&operations::DELETE_FILE, files::delete)
        .mount(&operations::RETRIEVE_FILE_CONTENT, files::content)
        .mount(&operations::CREATE_VECTOR_STORE, vector_stores::create)
        .mount(&operations::LIST_VECTOR_STORES, vector_stores::list)
        .mount(&operations::RETRIEVE_VECTOR_STORE, vector_stores::retrieve)
        .mount(&operations::UPDATE_VECTOR_STORE, vector_stores::update)
        .mount(&operations::DELETE_VECTOR_STORE, vector_stores::delete)
        .mount(&operations::SEARCH_VECTOR_STORE, vector_stores::search)
        .mount(&operations::CREATE_VECTOR_STORE_FILE, vector_stores::files::create)
        .mount(&operations::LIST_VECTOR_STORE_FILES, vector_stores::files::list)
        .mount(&operations::RETRIEVE_VECTOR_STORE_FILE, vector_stores::files::retrieve)
        .mount(&operations::UPDATE_VECTOR_STORE_FILE, vector_stores::files::update)
        .mount(&operations::DELETE_VECTOR_STORE_FILE, vector_stores::files::delete)
        .mount(
            &operations::RETRIEVE_VECTOR_STORE_FILE_CONTENT,
            vector_stores::files::content,
        )
        .mount(
            &operations::CREATE_VECTOR_STORE_FILE_BATCH,
            vector_stores::batches::create,
        )
        .mount(
            &operations::RETRIEVE_VECTOR_STORE_FILE_BATCH,
            vector_stores::batches::retrieve,
        )
        .mount(
            &operations::CANCEL_VECTOR_STORE_FILE_BATCH,
            vector_stores::batches::cancel,
        )
        .mount(
            &operations::LIST_VECTOR_STORE_BATCH_FILES,
            vector_stores::batches::list_files,
        )
        .mount(&operations::CREATE_UPLOAD, files::uploads::create)
        .mount_form(
            &operations::ADD_UPLOAD_PART,
            files::uploads::add_part,
            files::uploads::PART,
            files::uploads::before_part,
        )
        .mount(&operations::COMPLETE_UPLOAD, files::uploads::complete)
        .mount(&operations::CANCEL_UPLOAD, files::uploads::cancel)
        .mount(&operations::LIST_MODELS, models::list)
        .mount(&operations::RETRIEVE_MODEL, models::retrieve)
        .mount(&operations::DELETE_MODEL, models::delete)
        .mount(&chat_operations::CREATE_CHAT_COMPLETION, chat::create)
        .into_router()
}
