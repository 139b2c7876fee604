//! Creates the request for the model in a turn of a run.

use assistants_types::openai::{NamedToolChoiceType, Run, RunError, RunErrorCode, Tool, ToolChoice};

use super::code_files;
use super::conversation;
use crate::engine::RunNotes;
use crate::model::code::CODE_INTERPRETER;
use crate::model::{self, CodeTool, Function, ModelMessage, ModelRequest};
use crate::storage::blobs::FileStore;
use crate::storage::{StorageError, Transaction};

/// Creates the request for the model.
pub(crate) fn model_request(
    transaction: &dyn Transaction,
    files: &FileStore,
    run: &Run,
    notes: &RunNotes,
) -> Result<ModelRequest, StorageError> {
    let spent = notes.spent();
    let left = |limit: Option<i64>, spent: u64| {
        limit.map(|limit| u64::try_from(limit).unwrap_or_default().saturating_sub(spent))
    };
    let mut messages = conversation::messages(transaction, files, run)?;
    if notes.fit_prompt
        && let Some(most) = run.max_prompt_tokens
    {
        fit_prompt(&mut messages, &run.instructions, most);
    }
    let mut request = ModelRequest {
        run_id: Some(run.id.clone()),
        model: run.model.clone(),
        instructions: Some(run.instructions.clone()).filter(|instructions| !instructions.is_empty()),
        messages,
        functions: run.tools.iter().filter_map(model_function).collect(),
        file_search: super::file_search::is_on(run),
        code_interpreter: code_tool(transaction, run)?,
        tool_choice: match &run.tool_choice {
            Some(ToolChoice::None) => model::ToolChoice::None,
            Some(ToolChoice::Required) => model::ToolChoice::Required,
            Some(ToolChoice::Named(choice)) => match &choice.function {
                Some(function) => model::ToolChoice::Function(function.name.clone()),
                None if choice.type_ == NamedToolChoiceType::CodeInterpreter => {
                    model::ToolChoice::Function(CODE_INTERPRETER.to_owned())
                }
                None => model::ToolChoice::Auto,
            },
            _ => model::ToolChoice::Auto,
        },
        parallel_tool_calls: run.parallel_tool_calls,
        rounds: conversation::rounds(transaction, run)?,
        temperature: run.temperature,
        top_p: run.top_p,
        reasoning_effort: notes.reasoning_effort.clone(),
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
    };
    if !notes.fit_prompt
        && let Some(most) = request.max_prompt_tokens
    {
        // The model decides what becomes of a prompt that still does not fit.
        request.fit(most);
    }
    Ok(request)
}

/// Returns the code interpreter, if the run may use it.
fn code_tool(transaction: &dyn Transaction, run: &Run) -> Result<Option<CodeTool>, StorageError> {
    if !code_files::is_on(run) {
        return Ok(None);
    }
    let files = code_files::attached(transaction, &run.assistant_id, &run.thread_id)?;
    Ok(Some(CodeTool {
        files: files.into_iter().map(|(_, name)| name).collect(),
    }))
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

fn model_function(tool: &Tool) -> Option<Function> {
    let Tool::Function(tool) = tool else { return None };
    let definition = &tool.function;
    let mut function = Function::new(&definition.name);
    function.description.clone_from(&definition.description);
    function.parameters.clone_from(&definition.parameters);
    function.strict = definition.strict;
    Some(function)
}

/// Returns the error of a run whose tools this server does not support.
///
/// The code is this server's own. The provider supports all tools and so has no code for this.
pub(crate) fn unsupported(tools: &[Tool], executes_code: bool) -> Option<RunError> {
    let tool = tools.iter().find_map(|tool| match tool {
        Tool::CodeInterpreter(_) if executes_code => None,
        Tool::CodeInterpreter(_) => Some("'code_interpreter' is not supported: this server runs no code"),
        Tool::AzureAiSearch(_) => Some("'azure_ai_search' is not supported"),
        Tool::AzureFunction(_) => Some("'azure_function' is not supported"),
        Tool::BingGrounding(_) => Some("'bing_grounding' is not supported"),
        Tool::ConnectedAgent(_) => Some("'connected_agent' is not supported"),
        Tool::Openapi(_) => Some("'openapi' is not supported"),
        Tool::Mcp(_) => Some("'mcp' is not supported"),
        _ => None,
    })?;
    Some(RunError {
        code: RunErrorCode::from("unsupported_tool"),
        message: format!(
            "The tool {tool}. Leave the tool out, of the assistant or by giving the run tools of its own."
        ),
        ..RunError::default()
    })
}
