//! The dialect of chat completions.

mod answer;
mod calls;
mod request;
mod state;

use assistants_blocking::Error;

use self::answer::{Answer, Broken};
use self::state::State;
use super::attempts::Attempts;
use super::failure;
use super::file_search::{self, Citations};
use super::server::Upstream;
use crate::model::{Failure, Finish, FinishReason, ModelRequest, Output, Passage, Usage};

/// How often the model is asked again after searches and calls of functions that do not exist. A model that goes on
/// beyond it would never end.
const MAX_ROUNDS: usize = 8;

/// Gives one answer: asks the model, and asks it again for as long as it only searches.
pub(in crate::model) fn respond(
    upstream: &Upstream,
    model: &str,
    request: &ModelRequest,
    output: &mut Output<'_>,
) -> Result<Finish, Failure> {
    let mut request = request.clone();
    let mut state = State::default();
    let mut passages = Vec::new();
    let mut usage = Usage::default();
    for _ in 0..MAX_ROUNDS {
        let answer = ask(upstream, model, &request, &state, &passages, output)?;
        usage.prompt_tokens += answer.usage.prompt_tokens;
        usage.completion_tokens += answer.usage.completion_tokens;
        request.max_completion_tokens = request
            .max_completion_tokens
            .map(|most| most.saturating_sub(answer.usage.completion_tokens).max(1));
        if answer.reason != FinishReason::Stop {
            return Ok(Finish::new(answer.reason, usage));
        }
        let asks_again = !answer.searches.is_empty() || !answer.unknown.is_empty();
        let has_calls = answer.calls > 0;
        state.push_answer(answer.message);
        for (call_id, arguments) in answer.searches {
            let found = file_search::perform(&arguments, output, &mut passages)?;
            state.push_output(&call_id, &found);
        }
        for (call_id, name) in answer.unknown {
            log::info!("the model '{model}' called the function '{name}', which it was not offered");
            state.push_output(
                &call_id,
                &format!("There is no function '{name}' that you may call now."),
            );
        }
        if has_calls {
            output.state(state.to_value(&upstream.name, model))?;
        }
        if has_calls || !asks_again {
            return Ok(Finish::new(FinishReason::Stop, usage));
        }
    }
    Err(failure::server_error(
        &upstream.name,
        &format!("the model '{model}' called functions {MAX_ROUNDS} times without giving an answer"),
    ))
}

/// Asks the model once, and repeats the request while nothing of the answer was shown and a repetition can help.
fn ask(
    upstream: &Upstream,
    model: &str,
    request: &ModelRequest,
    state: &State,
    passages: &[Passage],
    output: &mut Output<'_>,
) -> Result<Answer, Failure> {
    let mut attempts = Attempts::new(upstream, model, request);
    loop {
        let body = request::build(&attempts.request, model, &upstream.name, &attempts.flags, state)?;
        let answer = send(upstream, body, &attempts.request, passages, output);
        let broken = match answer.or_else(|broken| answer::in_error(broken, &attempts.request, output)) {
            Ok(answer) => {
                attempts.check_usage(answer.usage.prompt_tokens);
                return Ok(answer);
            }
            Err(broken) => broken,
        };
        match broken {
            Broken::Stopped => return Err(Failure::Stopped),
            Broken::AfterText(error) => return Err(failure::of(&error, &upstream.name, model)),
            Broken::BeforeText(error) => attempts.next(&error, output)?,
        }
    }
}

fn send(
    upstream: &Upstream,
    body: assistants_blocking::chat::CreateChatCompletion,
    request: &ModelRequest,
    passages: &[Passage],
    output: &mut Output<'_>,
) -> Result<Answer, Broken> {
    let call = upstream.client.chat().stream(body).cancel_with(output.cancel_token());
    let stream = call.send().map_err(|error| match error {
        Error::Cancelled(_) => Broken::Stopped,
        error => Broken::BeforeText(Box::new(error)),
    })?;
    answer::read(stream, request, passages, &mut Citations::default(), output)
}
