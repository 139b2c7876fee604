//! Chat completions.
//!
//! Nothing is stored, so idempotency keys have no effect and a repeated request is answered again. The model receives
//! the messages, functions, sampling parameters, token limit and response format. The `n` choices are written one after
//! the other. `stop`, `logprobs`, audio and similar parameters have no effect.
//!
//! For models named by a URI of Yandex, responses follow the [`conventions`] of that service.

mod conventions;
mod job;
mod pieces;
pub(crate) mod request;
mod stream;

use assistants_types::chat::CreateChatCompletion;

use self::conventions::{Conventions, normalize};
use self::job::ChatJob;
use self::request::model_request;
use super::answer::{PendingAnswer, Started};
use super::{ApiError, ApiResponse, Call};
use crate::clock::now;

pub(super) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CreateChatCompletion = call.body_with("CreateChatCompletion", |body| {
        normalize(body);
        Ok(())
    })?;
    let request = model_request(&params)?;
    let conventions = Conventions::of(&params.model);
    let options = params.stream_options.into_value();
    let job = ChatJob {
        id: (conventions.completion_id)(),
        conventions,
        created: now(),
        choices: params.n.into_value().unwrap_or(1),
        include_usage: options.and_then(|options| options.include_usage) == Some(true),
        request,
    };
    let streamed = params.stream.into_value() == Some(true);
    let pending = PendingAnswer::new(|starter| {
        call.engine.start_chat(&job.id.clone(), move |output| {
            if streamed {
                job.streamed(output, starter);
            } else {
                starter.start(job.whole(output).map(Started::Whole));
            }
        })
    });
    Ok(ApiResponse::Pending(Box::pin(pending.response())))
}
