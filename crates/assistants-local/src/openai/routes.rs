//! The operations of the protocol and their handlers.

use std::sync::Arc;

use assistants_types::chat::operations::CREATE_CHAT_COMPLETION;
use assistants_types::embeddings::operations::CREATE_EMBEDDING;
use assistants_types::openai::operations as op;
use assistants_types::responses::operations::CREATE_RESPONSE;
use axum::Router;

use super::router::Routes;
use super::v1::assistant_files;
use super::{assistants, chat, embeddings, files, messages, models, responses, runs, threads, vector_stores};
use crate::engine::Engine;
use crate::http::Frontend;

/// Creates the router of the protocol. With `strict`, unknown members of bodies are rejected.
pub(crate) fn router(engine: Arc<Engine>, frontend: Arc<Frontend>, strict: bool) -> Router {
    Routes::new(engine, frontend, strict)
        .assistants()
        .threads()
        .messages()
        .runs()
        .files()
        .uploads()
        .vector_stores()
        .models()
        .chat()
        .responses()
        .embeddings()
        .into_router()
}

impl Routes {
    fn assistants(self) -> Self {
        self.mount(&op::CREATE_ASSISTANT, assistants::create)
            .mount(&op::LIST_ASSISTANTS, assistants::list)
            .mount(&op::RETRIEVE_ASSISTANT, assistants::retrieve)
            .mount(&op::UPDATE_ASSISTANT, assistants::update)
            .mount(&op::DELETE_ASSISTANT, assistants::delete)
            .mount(&op::CREATE_ASSISTANT_FILE, assistant_files::create)
            .mount(&op::LIST_ASSISTANT_FILES, assistant_files::list)
            .mount(&op::RETRIEVE_ASSISTANT_FILE, assistant_files::retrieve)
            .mount(&op::DELETE_ASSISTANT_FILE, assistant_files::delete)
    }

    fn threads(self) -> Self {
        self.mount(&op::CREATE_THREAD, threads::create)
            .mount(&op::LIST_THREADS, threads::list)
            .mount(&op::RETRIEVE_THREAD, threads::retrieve)
            .mount(&op::UPDATE_THREAD, threads::update)
            .mount(&op::DELETE_THREAD, threads::delete)
            .mount(&op::CREATE_THREAD_AND_RUN, threads::create_and_run)
    }

    fn messages(self) -> Self {
        self.mount(&op::CREATE_MESSAGE, messages::create)
            .mount(&op::LIST_MESSAGES, messages::list)
            .mount(&op::RETRIEVE_MESSAGE, messages::retrieve)
            .mount(&op::UPDATE_MESSAGE, messages::update)
            .mount(&op::DELETE_MESSAGE, messages::delete)
    }

    fn runs(self) -> Self {
        self.mount(&op::CREATE_RUN, runs::create)
            .mount(&op::LIST_RUNS, runs::list)
            .mount(&op::RETRIEVE_RUN, runs::retrieve)
            .mount(&op::UPDATE_RUN, runs::update)
            .mount(&op::CANCEL_RUN, runs::cancel)
            .mount(&op::STREAM_RUN_EVENTS, runs::follow)
            .mount(&op::SUBMIT_TOOL_OUTPUTS, runs::submit_tool_outputs)
            .mount(&op::LIST_RUN_STEPS, runs::steps::list)
            .mount(&op::RETRIEVE_RUN_STEP, runs::steps::retrieve)
    }

    fn files(self) -> Self {
        self.mount_form(&op::CREATE_FILE, files::create, files::FORM, |_| Ok(()))
            .mount(&op::LIST_FILES, files::list)
            .mount(&op::RETRIEVE_FILE, files::retrieve)
            .mount(&op::DELETE_FILE, files::delete)
            .mount(&op::RETRIEVE_FILE_CONTENT, files::content)
    }

    fn uploads(self) -> Self {
        self.mount(&op::CREATE_UPLOAD, files::uploads::create)
            .mount_form(
                &op::ADD_UPLOAD_PART,
                files::uploads::add_part,
                files::uploads::PART,
                files::uploads::before_part,
            )
            .mount(&op::COMPLETE_UPLOAD, files::uploads::complete)
            .mount(&op::CANCEL_UPLOAD, files::uploads::cancel)
    }

    fn vector_stores(self) -> Self {
        self.mount(&op::CREATE_VECTOR_STORE, vector_stores::create)
            .mount(&op::LIST_VECTOR_STORES, vector_stores::list)
            .mount(&op::RETRIEVE_VECTOR_STORE, vector_stores::retrieve)
            .mount(&op::UPDATE_VECTOR_STORE, vector_stores::update)
            .mount(&op::DELETE_VECTOR_STORE, vector_stores::delete)
            .mount(&op::SEARCH_VECTOR_STORE, vector_stores::search)
            .mount(&op::CREATE_VECTOR_STORE_FILE, vector_stores::files::create)
            .mount(&op::LIST_VECTOR_STORE_FILES, vector_stores::files::list)
            .mount(&op::RETRIEVE_VECTOR_STORE_FILE, vector_stores::files::retrieve)
            .mount(&op::UPDATE_VECTOR_STORE_FILE, vector_stores::files::update)
            .mount(&op::DELETE_VECTOR_STORE_FILE, vector_stores::files::delete)
            .mount(&op::RETRIEVE_VECTOR_STORE_FILE_CONTENT, vector_stores::files::content)
            .mount(&op::CREATE_VECTOR_STORE_FILE_BATCH, vector_stores::batches::create)
            .mount(&op::RETRIEVE_VECTOR_STORE_FILE_BATCH, vector_stores::batches::retrieve)
            .mount(&op::CANCEL_VECTOR_STORE_FILE_BATCH, vector_stores::batches::cancel)
            .mount(&op::LIST_VECTOR_STORE_BATCH_FILES, vector_stores::batches::list_files)
    }

    fn models(self) -> Self {
        self.mount(&op::LIST_MODELS, models::list)
            .mount(&op::RETRIEVE_MODEL, models::retrieve)
            .mount(&op::DELETE_MODEL, models::delete)
    }

    fn chat(self) -> Self {
        self.mount(&CREATE_CHAT_COMPLETION, chat::create)
    }

    fn responses(self) -> Self {
        self.mount(&CREATE_RESPONSE, responses::create)
    }

    fn embeddings(self) -> Self {
        self.mount(&CREATE_EMBEDDING, embeddings::create)
    }
}
