//! Responses, without storage.
//!
//! `store` is accepted, but nothing is stored: a request that refers to an earlier response or to a conversation is
//! rejected, and idempotency keys have no effect. The model receives the instructions, items, functions, sampling
//! parameters, token limit and response format. Reasoning items have no effect.

mod draft;
mod echo;
mod job;
mod normalize;
mod request;

use assistants_types::responses::{CreateResponse, Response, ResponseStatus};

use self::echo::echoed;
use self::job::ResponseJob;
use self::normalize::normalize;
use self::request::model_request;
use super::answer::{PendingAnswer, Started};
use super::{ApiError, ApiResponse, Call};
use crate::clock::now;
use crate::ids;

pub(super) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CreateResponse = call.body_with("CreateResponse", normalize)?;
    let job = ResponseJob {
        request: model_request(&params)?,
        response: Response {
            id: ids::new("resp_"),
            created_at: Some(now()),
            status: ResponseStatus::InProgress,
            model: params.model.clone(),
            extra: echoed(&params),
            ..Response::default()
        },
    };
    let streamed = params.stream.into_value() == Some(true);
    let pending = PendingAnswer::new(|starter| {
        call.engine.start_chat(&job.response.id.clone(), move |output| {
            if streamed {
                job.streamed(output, starter);
            } else {
                starter.start(job.whole(output).map(Started::Whole));
            }
        })
    });
    Ok(ApiResponse::Pending(Box::pin(pending.response())))
}
