//! Creates the request for the model in a turn of a run.

use assistants_types::openai::{Message, Role, Run, RunError, RunErrorCode, StepToolCall, Tool, ToolChoice};

use super::steps;
use crate::engine::RunNotes;
use crate::model::{self, CompletedCall, Function, ModelMessage, ModelRequest};
use crate::storage::object::Loaded;
use crate::storage::{Kind, List, Order, StorageError, Transaction};

/// Creates the request for the model.
pub(crate) fn model_request(
    transaction: &dyn Transaction,
    run: &Run,
    notes: &RunNotes,
) -> Result<ModelRequest, StorageError> {
    let spent = notes.spent();
    let left = |limit: Option<i64>, spent: u64| {
        limit.map(|limit| u64::try_from(limit).unwrap_or_default().saturating_sub(spent))
    };
    let mut messages = model_messages(transaction, run)?;
    if notes.fit_prompt
        && let Some(most) = run.max_prompt_tokens
    {
        fit_prompt(&mut messages, &run.instructions, most);
    }
    Ok(ModelRequest {
        model: run.model.clone(),
        instructions: Some(run.instructions.clone()).filter(|instructions| !instructions.is_empty()),
        messages,
        functions: run.tools.iter().filter_map(model_function).collect(),
        file_search: super::file_search::is_on(run),
        tool_choice: match &run.tool_choice {
            Some(ToolChoice::None) => model::ToolChoice::None,
            Some(ToolChoice::Required) => model::ToolChoice::Required,
            Some(ToolChoice::Named(choice)) => choice.function.as_ref().map_or(model::ToolChoice::Auto, |function| {
                model::ToolChoice::Function(function.name.clone())
            }),
            _ => model::ToolChoice::Auto,
        },
        parallel_tool_calls: run.parallel_tool_calls,
        rounds: rounds(transaction, run)?,
        temperature: run.temperature,
        top_p: run.top_p,
        max_completion_tokens: left(run.max_completion_tokens, spent.completion_tokens),
        // If prompts are shortened to fit, the limit applies to each prompt, and otherwise to all of them together.
        max_prompt_tokens: left(
            run.max_prompt_tokens,
            if notes.fit_prompt { 0 } else { spent.prompt_tokens },
        ),
        response_format: run
            .response_format
            .as_ref()
            .map(|format| serde_json::to_value(format).expect("an object of the protocol has a JSON form")),
    })
}

/// Drops the oldest messages until the words of the others and of the instructions are at most `most`. The newest
/// message is kept in any case.
fn fit_prompt(messages: &mut Vec<ModelMessage>, instructions: &str, most: i64) {
    let words = |text: &str| text.split_whitespace().count();
    let most = usize::try_from(most).unwrap_or_default();
    let mut room = most.saturating_sub(words(instructions));
    let fitting = messages.iter().rev().take_while(|message| {
        let fits = words(&message.text) <= room;
        room = room.saturating_sub(words(&message.text));
        fits
    });
    let kept = fitting.count().max(1).min(messages.len());
    messages.drain(..messages.len() - kept);
}

fn model_messages(transaction: &dyn Transaction, run: &Run) -> Result<Vec<ModelMessage>, StorageError> {
    let newest = run
        .truncation_strategy
        .as_ref()
        .and_then(|strategy| strategy.last_messages);
    let list = List {
        kind: Kind::Message,
        parent: Some(&run.thread_id),
        tag: None,
        order: Order::Descending,
        after: None,
        before: None,
        limit: newest.map_or(usize::MAX, |newest| usize::try_from(newest).unwrap_or_default()),
    };
    let newest_first = transaction.list(&list)?.documents;
    let oldest_first = newest_first.into_iter().rev().map(|document| {
        let message = Loaded::<Message>::parse(document)?.object;
        let role = if message.role == Role::Assistant {
            model::Role::Assistant
        } else {
            model::Role::User
        };
        Ok(ModelMessage::new(role, message.texts().collect::<Vec<_>>().join("\n")))
    });
    oldest_first.collect()
}

fn model_function(tool: &Tool) -> Option<Function> {
    let Tool::Function(tool) = tool else { return None };
    let definition = &tool.function;
    let mut function = Function::new(&definition.name);
    function.description.clone_from(&definition.description);
    function.parameters.clone_from(&definition.parameters);
    function.strict = definition.strict;
    Some(function)
}

/// Returns the calls of the run that have outputs, one entry per answer.
fn rounds(transaction: &dyn Transaction, run: &Run) -> Result<Vec<Vec<CompletedCall>>, StorageError> {
    let steps = steps(transaction, &run.id, None)?;
    let rounds = steps
        .iter()
        .map(|step| step.object.tool_calls().iter().filter_map(completed_call).collect());
    Ok(rounds.filter(|round: &Vec<CompletedCall>| !round.is_empty()).collect())
}

fn completed_call(call: &StepToolCall) -> Option<CompletedCall> {
    let StepToolCall::Function(call) = call else {
        return None;
    };
    let function = &call.function;
    Some(CompletedCall::new(
        &call.id,
        &function.name,
        &function.arguments,
        function.output.as_ref()?,
    ))
}

/// Returns the error of a run whose tools this server does not support.
///
/// The code is this server's own. The provider supports all tools and so has no code for this.
pub(crate) fn unsupported(tools: &[Tool]) -> Option<RunError> {
    let runs_code = tools.iter().any(|tool| matches!(tool, Tool::CodeInterpreter(_)));
    runs_code.then(|| RunError {
        code: RunErrorCode::from("unsupported_tool"),
        message: "The tool 'code_interpreter' is not supported: this server runs no code. \
                  Leave the tool out, of the assistant or by giving the run tools of its own."
            .to_owned(),
        ..RunError::default()
    })
}
