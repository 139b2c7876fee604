//! The dialect of responses, without storage at the upstream server.

mod answer;
mod items;
mod request;

use assistants_blocking::responses::ResponseItem;

use super::answer::{Answer, AnswerWriter, Broken};
use super::rounds::{self, Question};
use super::server::Upstream;
use crate::model::{Failure, Finish, ModelRequest, Output};

/// Gives one answer.
pub(super) fn respond(
    upstream: &Upstream,
    model: &str,
    request: &ModelRequest,
    output: &mut Output<'_>,
) -> Result<Finish, Failure> {
    rounds::respond(upstream, model, request, output, ask)
}

fn ask(question: &Question<'_, ResponseItem>, output: &mut Output<'_>) -> Result<Answer<ResponseItem>, Broken> {
    let params = request::build(question)?;
    let call = question.upstream.client.responses().stream(params);
    let stream = call.cancel_with(output.cancel_token()).send()?;
    answer::read(stream, AnswerWriter::new(question.request, question.passages), output)
}
