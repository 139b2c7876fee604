//! Runs.

mod events;
mod start;
mod step_content;
pub(crate) mod steps;

use assistants_types::openai::{CreateRun, StreamEvent, SubmitToolOutputs, UpdateRun};
use axum::http::HeaderValue;
use serde_json::Value;

pub(super) use self::start::start;

use self::events::EventStream;
use self::step_content::includes_content;
use super::page::page;
use super::request::require_thread;
use super::{ApiError, ApiResponse, Call, v1};
use crate::engine::{Engine, EngineError, Position, Since, UnknownPosition, load_run};
use crate::http;
use crate::http::idempotency::digest;
use crate::storage::Kind;
use crate::storage::object::to_json;

/// The maximum number of `additional_messages` of a run.
const MAX_ADDED_MESSAGES: usize = 512;

pub(super) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    includes_content(call)?;
    let params: CreateRun = call.body_with("CreateRun", |body| {
        let messages = body.get("additional_messages").and_then(Value::as_array);
        http::check_count("additional_messages", messages.map_or(0, Vec::len), MAX_ADDED_MESSAGES)?;
        v1::normalize_all(call, body.get_mut("additional_messages"), "additional_messages")
    })?;
    let thread_id = call.id("thread_id");
    start(call, params.stream.as_ref() == Some(&true), Since::Run, |transaction| {
        let run = call.engine.create_run(transaction, thread_id, &params)?;
        let events = vec![
            StreamEvent::RunCreated(Box::new(run.clone())),
            StreamEvent::RunQueued(Box::new(run.clone())),
        ];
        Ok((run, events))
    })
}

pub(super) fn list(call: &Call) -> Result<ApiResponse, ApiError> {
    let thread_id = call.id("thread_id");
    page(call, Kind::Run, Some(thread_id), None, |transaction| {
        require_thread(transaction, thread_id)
    })
}

pub(super) fn retrieve(call: &Call) -> Result<ApiResponse, ApiError> {
    call.stored(Kind::Run, call.id("run_id"), Some(call.id("thread_id")))
}

pub(super) fn update(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: UpdateRun = call.body("UpdateRun")?;
    let (thread_id, id) = (call.id("thread_id"), call.id("run_id"));
    call.object(|transaction| {
        let mut run = load_run(transaction, thread_id, id)?;
        params.metadata.clone().apply_to(&mut run.object.metadata);
        run.object.metadata.get_or_insert_default();
        run.save(transaction)?;
        Ok(run.object)
    })
}

/// Streams the events of a run after the one that `Last-Event-ID` names, or all of them.
pub(super) fn follow(call: &Call) -> Result<ApiResponse, ApiError> {
    let content = includes_content(call)?;
    // The standard treats an empty id like none.
    let last = call.headers.get("last-event-id").filter(|last| !last.is_empty());
    let after = match last.map(HeaderValue::to_str) {
        None => Position::default(),
        Some(text) => {
            let position = text.ok().and_then(|text| text.parse().ok());
            position.ok_or_else(|| EngineError::from(UnknownPosition))?
        }
    };
    let (thread_id, id) = (call.id("thread_id"), call.id("run_id"));
    let follower = call.engine.replay_after(thread_id, id, &after)?;
    Ok(ApiResponse::Events(EventStream::body(follower, content, call.legacy)))
}

/// Cancels a run that has not ended. The response shows it as `cancelling`, the next request as `cancelled`.
pub(super) fn cancel(call: &Call) -> Result<ApiResponse, ApiError> {
    let idempotency = call.idempotency(digest(&call.body.bytes))?;
    let json = call.engine.cancel::<ApiError>(
        call.id("thread_id"),
        call.id("run_id"),
        |transaction| idempotency.stored_response(transaction),
        |transaction, run| {
            let json = to_json(run);
            idempotency.store_response(transaction, &json)?;
            Ok(json)
        },
    )?;
    Ok(ApiResponse::Run(json))
}

pub(super) fn submit_tool_outputs(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: SubmitToolOutputs = call.body("SubmitToolOutputs")?;
    let (thread_id, id) = (call.id("thread_id"), call.id("run_id"));
    let first_call = params
        .tool_outputs
        .first()
        .and_then(|output| output.tool_call_id.as_deref());
    let since = Since::Outputs(first_call.unwrap_or_default());
    start(call, params.stream.as_ref() == Some(&true), since, |transaction| {
        Ok(Engine::submit_outputs(
            transaction,
            thread_id,
            id,
            &params.tool_outputs,
        )?)
    })
}
