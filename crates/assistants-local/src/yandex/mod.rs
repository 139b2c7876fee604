//! The REST protocol of Yandex AI Studio: `/assistants/v1`, `/files/v1`, `/users/v1`, `/operations` and
//! `/foundationModels/v1/tokenize`.
//!
//! One file per resource; each operation of the spec is mounted with its handler on one line. Handlers are blocking
//! functions from a [`Call`] to an [`Answer`]; everything that all requests share (the key, paths with verbs, headers,
//! the shape of errors) is in [`server`].
//!
//! Where the provider's behaviour is not known, or cannot be had here, this server decides:
//!
//! - A run that is streamed has an event for each piece of its answer; once the text is longer than 16 KiB, only for
//!   pieces that add a 64th to it, so that telling all of them stays proportional to the text. Events are stored when a
//!   turn of the run ends: of a run that was at work when its server died only the failure is left.
//! - An answer to `listen` ends after `TOOL_CALLS`, unless the results are already there; who listens from a later
//!   number waits for what comes next. Behind the last event of a run that is over there is nothing.
//! - All results of a round are submitted at once. They are paired with calls by name, several of one name in order.
//! - While a run is at work or waits for results, its thread takes no message and no other run: `FAILED_PRECONDITION`.
//! - `maxPromptTokens` counts words, and is kept to only if it is given. Older messages give way; a newest message that
//!   is too long by itself fails the run.
//! - Tools of the assistant, the thread and the run are used together; a later function of the same name, and a later
//!   search, takes the place of an earlier one. `genSearch` is stored and never used, nor are a search's
//!   `rephraserOptions` and `callStrategy`. An index of any kind is searched by words.
//! - Quotas of a folder are not enforced.
//! - A folder is a name that lists go by. Whoever has the key sees all of them.
//!
//! What is stored is shared with the OpenAI protocol: an assistant, a thread, a message, a run or a file is one object
//! with one id, and what only this protocol knows of it (folder, labels, expiry, options) is noted beside it. Each
//! resource's `view` puts the two together.

mod assistants;
mod error;
mod files;
mod messages;
mod operations;
mod page;
mod request;
mod resource;
mod router;
mod runs;
mod search_indexes;
mod threads;
mod tokenize;
mod tools;
mod users;

use std::sync::Arc;

use assistants_types::yandex::{Dialect, operations as op};
use axum::Router;

use self::error::ApiError;
use self::request::{Answer, Call};
use self::router::Routes;
use crate::engine::Engine;
use crate::http::Front;

/// Puts the protocol in front of `router`, which gets the requests for all other paths.
pub(crate) fn in_front_of(
    router: Router,
    engine: Arc<Engine>,
    front: Arc<Front>,
    dialect: Dialect,
    strict: bool,
) -> Router {
    Routes::new(engine, front, dialect, strict)
        .mount(&op::LIST_ASSISTANTS, assistants::list)
        .mount(&op::CREATE_ASSISTANT, assistants::create)
        .mount(&op::LIST_ASSISTANT_VERSIONS, assistants::list_versions)
        .mount(&op::GET_ASSISTANT, assistants::get)
        .mount(&op::UPDATE_ASSISTANT, assistants::update)
        .mount(&op::DELETE_ASSISTANT, assistants::delete)
        .mount(&op::LIST_THREADS, threads::list)
        .mount(&op::CREATE_THREAD, threads::create)
        .mount(&op::GET_THREAD, threads::get)
        .mount(&op::UPDATE_THREAD, threads::update)
        .mount(&op::DELETE_THREAD, threads::delete)
        .mount(&op::LIST_MESSAGES, messages::list)
        .mount(&op::CREATE_MESSAGE, messages::create)
        .mount(&op::GET_MESSAGE, messages::get)
        .mount(&op::LIST_RUNS, runs::list)
        .mount(&op::CREATE_RUN, runs::create)
        .mount(&op::GET_LAST_RUN_BY_THREAD, runs::get_last_by_thread)
        .mount(&op::LISTEN_RUN, runs::listen::listen)
        .mount(&op::SUBMIT_TO_RUN, runs::submit)
        .mount(&op::GET_RUN, runs::get)
        .mount(&op::LIST_SEARCH_INDEXES, search_indexes::list)
        .mount(&op::CREATE_SEARCH_INDEX, search_indexes::create)
        .mount(&op::GET_SEARCH_INDEX, search_indexes::get)
        .mount(&op::UPDATE_SEARCH_INDEX, search_indexes::update)
        .mount(&op::DELETE_SEARCH_INDEX, search_indexes::delete)
        .mount(
            &op::BATCH_CREATE_SEARCH_INDEX_FILES,
            search_indexes::files::batch_create,
        )
        .mount(&op::LIST_SEARCH_INDEX_FILES, search_indexes::files::list)
        .mount(&op::GET_SEARCH_INDEX_FILE, search_indexes::files::get)
        .mount(&op::LIST_FILES, files::list)
        .mount(&op::CREATE_FILE, files::create)
        .mount(&op::GET_FILE_URL, files::get_url)
        .mount(&op::GET_FILE, files::get)
        .mount(&op::UPDATE_FILE, files::update)
        .mount(&op::DELETE_FILE, files::delete)
        .mount(&op::LIST_USERS, users::list)
        .mount(&op::CREATE_USER, users::create)
        .mount(&op::GET_USER, users::get)
        .mount(&op::UPDATE_USER, users::update)
        .mount(&op::DELETE_USER, users::delete)
        .mount(&op::TOKENIZE, tokenize::text)
        .mount(&op::TOKENIZE_COMPLETION, tokenize::completion)
        .mount(&op::GET_OPERATION, operations::get)
        .mount(&op::CANCEL_OPERATION, operations::cancel)
        .in_front_of(router)
}
