//! Threads.

use assistants_types::openai::{
    CreateRun, CreateThread, CreateThreadAndRun, StreamEvent, Thread, ThreadCreated, ThreadDeleted, ToolResources,
    UpdateThread,
};

use serde_json::Value;

use super::assistants::tool_resources;
use super::page::page;
use super::{ApiError, ApiResponse, Call, runs, v1};
use crate::clock::now;
use crate::engine::{Since, add_message};
use crate::http;
use crate::ids;
use crate::storage::object::{insert, load};
use crate::storage::{Kind, Transaction};

/// The maximum number of messages in a request that creates a thread, as documented by the provider.
const MAX_MESSAGES: usize = 32;

pub(super) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CreateThread = call.body_with("CreateThread", |body| {
        check_messages(body.get("messages"), "messages")?;
        v1::normalize_all(call, body.get_mut("messages"), "messages")
    })?;
    call.object(|transaction| create_thread(transaction, &params, None))
}

pub(super) fn list(call: &Call) -> Result<ApiResponse, ApiError> {
    page(call, Kind::Thread, None, None, |_| Ok(()))
}

pub(super) fn retrieve(call: &Call) -> Result<ApiResponse, ApiError> {
    call.stored(Kind::Thread, call.id("thread_id"), None)
}

pub(super) fn update(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: UpdateThread = call.body("UpdateThread")?;
    let id = call.id("thread_id");
    call.object(|transaction| {
        let mut thread = load::<Thread>(transaction, id)?.ok_or_else(|| ApiError::not_found(Kind::Thread, id))?;
        params
            .tool_resources
            .clone()
            .apply_to(&mut thread.object.tool_resources);
        params.metadata.clone().apply_to(&mut thread.object.metadata);
        thread.object.metadata.get_or_insert_default();
        thread.save(transaction)?;
        Ok(thread.object)
    })
}

/// Deletes a thread with its messages and runs. A run in progress ends, and its streams end with an error.
pub(super) fn delete(call: &Call) -> Result<ApiResponse, ApiError> {
    let id = call.id("thread_id");
    call.engine.delete_thread(id)?;
    let deleted = ThreadDeleted {
        id: id.to_owned(),
        deleted: true,
        ..ThreadDeleted::default()
    };
    Ok(ApiResponse::json(&deleted))
}

pub(super) fn create_and_run(call: &Call) -> Result<ApiResponse, ApiError> {
    let mut params: CreateThreadAndRun = call.body_with("CreateThreadAndRun", |body| {
        let messages = body.pointer_mut("/thread/messages");
        check_messages(messages.as_deref(), "thread.messages")?;
        v1::normalize_all(call, messages, "thread.messages")
    })?;
    let streamed = params.stream.as_ref() == Some(&true);
    let new_thread = params.thread.take().unwrap_or_default();
    // Runs have no resources of their own. The thread is new, so it gets those requested for the run.
    let resources = params.tool_resources.clone().into_value();
    let run_params = run_params(params);
    runs::start(call, streamed, Since::Thread, |transaction| {
        let thread = create_thread(transaction, &new_thread, resources.as_ref())?;
        let run = call.engine.create_run(transaction, &thread.id, &run_params)?;
        let created = StreamEvent::ThreadCreated(ThreadCreated {
            data: thread,
            ..ThreadCreated::default()
        });
        let events = vec![
            created,
            StreamEvent::RunCreated(Box::new(run.clone())),
            StreamEvent::RunQueued(Box::new(run.clone())),
        ];
        Ok((run, events))
    })
}

/// Rejects too many messages, before each of them is checked.
fn check_messages(messages: Option<&Value>, param: &str) -> Result<(), ApiError> {
    let given = messages.and_then(Value::as_array).map_or(0, Vec::len);
    Ok(http::check_count(param, given, MAX_MESSAGES)?)
}

/// Creates a thread with its messages. `resources` replace those in `params`.
fn create_thread(
    transaction: &dyn Transaction,
    params: &CreateThread,
    resources: Option<&ToolResources>,
) -> Result<Thread, ApiError> {
    let resources = match resources {
        Some(resources) => Some(resources.clone()),
        None => tool_resources(transaction, params.tool_resources.clone())?,
    };
    let thread = Thread {
        id: ids::new("thread_"),
        created_at: Some(now()),
        tool_resources: Some(resources.unwrap_or_default()),
        metadata: Some(params.metadata.as_ref().cloned().unwrap_or_default()),
        ..Thread::default()
    };
    insert(transaction, &thread, None, None)?;
    for message in params.messages.iter().flatten() {
        add_message(transaction, &thread.id, message)?;
    }
    // Files attached to messages may have added a vector store to the thread.
    let stored = load::<Thread>(transaction, &thread.id)?;
    Ok(stored.map_or(thread, |stored| stored.object))
}

fn run_params(params: CreateThreadAndRun) -> CreateRun {
    CreateRun {
        model: params.model,
        instructions: params.instructions,
        tools: params.tools,
        metadata: params.metadata,
        temperature: params.temperature,
        top_p: params.top_p,
        max_prompt_tokens: params.max_prompt_tokens,
        max_completion_tokens: params.max_completion_tokens,
        truncation_strategy: params.truncation_strategy,
        tool_choice: params.tool_choice,
        parallel_tool_calls: params.parallel_tool_calls,
        response_format: params.response_format,
        ..CreateRun::new(params.assistant_id)
    }
}
