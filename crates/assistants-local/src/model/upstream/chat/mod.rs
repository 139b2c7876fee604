//! The dialect of chat completions.

mod answer;
mod calls;
mod request;

use assistants_blocking::chat::ChatMessage;

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

fn ask(question: &Question<'_, ChatMessage>, output: &mut Output<'_>) -> Result<Answer<ChatMessage>, Broken> {
    let params = request::build(question)?;
    let call = question.upstream.client.chat().stream(params);
    let stream = call.cancel_with(output.cancel_token()).send();
    let writer = || AnswerWriter::new(question.request, question.passages);
    let answer = match stream {
        Ok(stream) => answer::read(stream, writer(), output),
        Err(error) => Err(error.into()),
    };
    answer.or_else(|broken| answer::in_error(broken, writer(), output))
}
