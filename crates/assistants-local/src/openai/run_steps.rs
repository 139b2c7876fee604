//! Steps of runs.

use super::page::page;
use super::runs::check_include;
use super::{Answer, ApiError, Call};
use crate::engine::load_run;
use crate::storage::{Kind, Transaction};

pub(super) fn list(call: &Call) -> Result<Answer, ApiError> {
    check_include(call)?;
    page(call, Kind::RunStep, Some(call.id("run_id")), None, |transaction| {
        check_run(call, transaction)
    })
}

pub(super) fn retrieve(call: &Call) -> Result<Answer, ApiError> {
    check_include(call)?;
    call.transact(|transaction| check_run(call, transaction))?;
    call.stored(Kind::RunStep, call.id("step_id"), Some(call.id("run_id")))
}

fn check_run(call: &Call, transaction: &dyn Transaction) -> Result<(), ApiError> {
    load_run(transaction, call.id("thread_id"), call.id("run_id"))?;
    Ok(())
}
