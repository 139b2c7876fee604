//! The operations of the protocol and their handlers.

use std::sync::Arc;

use assistants_types::yandex::{Dialect, operations as op};
use axum::Router;

use super::router::Routes;
use super::{assistants, files, messages, operations, runs, search_indexes, threads, tokenize, users};
use crate::engine::Engine;
use crate::http::Frontend;

/// Adds the protocol in front of `router`, which handles all other paths.
pub(crate) fn in_front_of(
    router: Router,
    engine: Arc<Engine>,
    frontend: Arc<Frontend>,
    dialect: Dialect,
    strict: bool,
) -> Router {
    Routes::new(engine, frontend, dialect, strict)
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
