//! Steps of runs.

use super::step_content::{includes_content, without_content};
use crate::engine::load_run;
use crate::openai::page::page_shown;
use crate::openai::{ApiError, ApiResponse, Call};
use crate::storage::{Document, Kind, Transaction};

pub(crate) fn list(call: &Call) -> Result<ApiResponse, ApiError> {
    let shown = includes_content(call)?;
    let show = |document: &mut Document| {
        if !shown {
            document.body = without_content(&document.body);
        }
        Ok(())
    };
    page_shown(call, Kind::RunStep, Some(call.id("run_id")), show, |transaction| {
        check_run(call, transaction)
    })
}

pub(crate) fn retrieve(call: &Call) -> Result<ApiResponse, ApiError> {
    let shown = includes_content(call)?;
    call.read(|transaction| check_run(call, transaction))?;
    Ok(
        match call.stored(Kind::RunStep, call.id("step_id"), Some(call.id("run_id")))? {
            ApiResponse::Json(json) if !shown => ApiResponse::Json(without_content(&json)),
            response => response,
        },
    )
}

fn check_run(call: &Call, transaction: &dyn Transaction) -> Result<(), ApiError> {
    load_run(transaction, call.id("thread_id"), call.id("run_id"))?;
    Ok(())
}
