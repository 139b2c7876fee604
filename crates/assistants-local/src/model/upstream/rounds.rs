//! The rounds of an answer: the model is asked, and asked again for as long as it only uses tools of this server.

use super::answer::{Answer, Broken};
use super::attempts::Attempts;
use super::flags::Flags;
use super::own_tools::OwnTool;
use super::server::Upstream;
use super::state::{Item, State};
use super::{failure, own_tools};
use crate::model::{Failure, Finish, FinishReason, ModelMessage, ModelRequest, Output, Passage, ToolChoice, Usage};

/// How often the model is asked again after searches and calls of functions that do not exist. A model that goes on
/// beyond it would never end.
const MAX_ROUNDS: usize = 8;

/// How often the model is asked again after it has executed code, which takes more attempts.
const MAX_EXECUTIONS: usize = 32;

/// What a model is asked.
pub(super) struct Question<'a, I> {
    pub(super) upstream: &'a Upstream,
    pub(super) model: &'a str,
    pub(super) request: &'a ModelRequest,
    pub(super) flags: &'a Flags,
    /// What this answer has come to so far: calls of own tools with their outputs, after which the model is asked again.
    pub(super) state: &'a State<I>,
    /// What the searches have found.
    pub(super) passages: &'a [Passage],
}

impl<'a, I: Item> Question<'a, I> {
    /// Returns the messages to send. Answers that are a part of the stored state of a later one are left out.
    pub(super) fn conversation(&self) -> Vec<&'a ModelMessage> {
        let messages = self.request.messages.iter().chain(&self.request.rounds);
        let (mut shown, mut in_state) = (Vec::new(), false);
        for message in messages.collect::<Vec<_>>().into_iter().rev() {
            if !message.in_next_state {
                let stored = message.state.as_ref();
                in_state = stored.is_some_and(|stored| State::<I>::is_from(stored, self.upstream.name(), self.model));
            } else if in_state {
                continue;
            }
            shown.push(message);
        }
        shown.reverse();
        shown
    }
}

/// Asks a model once, in a dialect.
pub(super) type Ask<I> = fn(&Question<'_, I>, &mut Output<'_>) -> Result<Answer<I>, Broken>;

/// Gives one answer.
pub(super) fn respond<I: Item>(
    upstream: &Upstream,
    model: &str,
    request: &ModelRequest,
    output: &mut Output<'_>,
    ask: Ask<I>,
) -> Result<Finish, Failure> {
    let mut request = request.clone();
    let mut state = State::default();
    let mut passages = Vec::new();
    let mut usage = Usage::default();
    let (mut rounds, mut executions) = (0, 0);
    while rounds < MAX_ROUNDS && executions < MAX_EXECUTIONS {
        let mut attempts = Attempts::new(upstream, model, &request);
        let answer = attempt(&mut attempts, &state, &passages, output, ask)?;
        usage.prompt_tokens += answer.usage.prompt_tokens;
        usage.completion_tokens += answer.usage.completion_tokens;
        request.max_completion_tokens = request
            .max_completion_tokens
            .map(|most| most.saturating_sub(answer.usage.completion_tokens).max(1));
        if answer.reason != FinishReason::Stop {
            return Ok(Finish::new(answer.reason, usage));
        }
        let asks_again = !answer.own.is_empty() || !answer.unknown.is_empty();
        if answer.own.iter().any(|call| call.tool == OwnTool::CodeInterpreter) {
            executions += 1;
        } else {
            rounds += 1;
        }
        let has_calls = answer.calls > 0;
        state.push_answer(answer.items);
        for call in answer.own {
            let text = own_tools::perform(&call, output, &mut passages)?;
            state.push_output(&call.id, &text);
            // It has done what was required of it.
            if is_fulfilled(&request.tool_choice, call.tool) {
                request.tool_choice = ToolChoice::Auto;
            }
        }
        for (call_id, name) in answer.unknown {
            log::info!("the model {model:?} called the function {name:?}, which it was not offered");
            state.push_output(
                &call_id,
                &format!("There is no function '{name}' that you may call now."),
            );
        }
        if has_calls {
            output.state(state.to_value(upstream.name(), model))?;
        }
        if has_calls || !asks_again {
            return Ok(Finish::new(FinishReason::Stop, usage));
        }
    }
    let times = rounds + executions;
    Err(failure::server_error(
        upstream.name(),
        &format!("the model '{model}' called functions {times} times without giving an answer"),
    ))
}

/// Returns whether the call of a tool is what the run requires.
fn is_fulfilled(choice: &ToolChoice, tool: OwnTool) -> bool {
    match choice {
        ToolChoice::Required => true,
        ToolChoice::Function(name) => name == tool.name(),
        _ => false,
    }
}

/// Asks the model once, and repeats the request while nothing of the answer was shown and a repetition can help.
fn attempt<I>(
    attempts: &mut Attempts<'_>,
    state: &State<I>,
    passages: &[Passage],
    output: &mut Output<'_>,
    ask: Ask<I>,
) -> Result<Answer<I>, Failure> {
    loop {
        let question = Question {
            upstream: attempts.upstream,
            model: attempts.model,
            request: &attempts.request,
            flags: &attempts.flags,
            state,
            passages,
        };
        match ask(&question, output) {
            Ok(answer) => {
                attempts.check_usage(answer.usage.prompt_tokens);
                return Ok(answer);
            }
            Err(Broken::Failed(failure)) => return Err(failure),
            Err(Broken::AfterText(error)) => {
                return Err(failure::of(&error, attempts.upstream.name(), attempts.model));
            }
            Err(Broken::BeforeText(error)) => attempts.next(&error, output)?,
        }
    }
}
