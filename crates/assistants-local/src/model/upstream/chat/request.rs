//! The request for a chat completion.

use assistants_blocking::chat::{
    ChatAssistantMessage, ChatCalledFunction, ChatFunctionToolCall, ChatImagePart, ChatMessage, ChatNamedToolChoice,
    ChatStreamOptions, ChatTextPart, ChatTool, ChatToolChoice, ChatUserPart, CreateChatCompletion,
};
use assistants_types::Field;
use assistants_types::openai::{FunctionDefinition, FunctionTool, ImageUrl, NamedFunction, ReasoningEffort};

use super::calls::adapt;
use crate::model::upstream::flags::{Flags, InstructionsRole, MaxTokensField};
use crate::model::upstream::request::{Forced, format, instructions, offer, read_format, sampling, user_message};
use crate::model::upstream::rounds::Question;
use crate::model::upstream::state::{State, output};
use crate::model::{Failure, Function, ModelMessage, ModelRequest, Role};

/// What a model is asked for after the output of a tool, by servers that expect an answer there.
const AFTER_TOOL: &str = "I have the results.";

/// Converts a question.
pub(super) fn build(question: &Question<'_, ChatMessage>) -> Result<CreateChatCompletion, Failure> {
    let Question { request, flags, .. } = *question;
    let format = format(request, flags);
    let mut messages = Vec::new();
    if let Some(text) = instructions(request, &format) {
        messages.push(match flags.instructions_role {
            InstructionsRole::System => ChatMessage::system(text),
            InstructionsRole::Developer => ChatMessage::developer(text),
        });
    }
    for message in question.conversation() {
        push(&mut messages, message, question)?;
    }
    messages.extend(question.state.items().iter().cloned());
    for message in &mut messages {
        adapt(message, flags);
    }
    let mut params = CreateChatCompletion::new(question.model, messages);
    params.temperature = sampling(request.temperature).map_or(Field::Keep, Field::Set);
    params.top_p = sampling(request.top_p).map_or(Field::Keep, Field::Set);
    if let Some(most) = request.max_completion_tokens {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        match flags.max_tokens_field {
            MaxTokensField::MaxTokens => params.max_tokens = Field::Set(most),
            MaxTokensField::MaxCompletionTokens => params.max_completion_tokens = Field::Set(most),
        }
    }
    if let Some(effort) = request.reasoning_effort.as_deref().filter(|_| flags.reasoning_effort) {
        params.reasoning_effort = Field::Set(ReasoningEffort::from(effort));
    }
    params.response_format = format.sent.map(read_format).transpose()?;
    if flags.usage_in_stream {
        params.stream_options = Field::Set(ChatStreamOptions::default().include_usage(true));
    }
    tools(&mut params, request, flags);
    Ok(params)
}

/// Appends a message of the conversation.
fn push(
    messages: &mut Vec<ChatMessage>,
    message: &ModelMessage,
    question: &Question<'_, ChatMessage>,
) -> Result<(), Failure> {
    if message.role == Role::User {
        if question.flags.assistant_after_tool && matches!(messages.last(), Some(ChatMessage::Tool(_))) {
            messages.push(ChatMessage::assistant(AFTER_TOOL));
        }
        messages.push(user(message, question.flags)?);
        return Ok(());
    }
    let stored = message.state.as_ref();
    match stored.and_then(|stored| State::of(stored, question.upstream.name(), question.model)) {
        Some(state) => messages.extend(state.with_outputs(&message.calls)?),
        None => answer(messages, message),
    }
    Ok(())
}

fn user(message: &ModelMessage, flags: &Flags) -> Result<ChatMessage, Failure> {
    let user = user_message(message, flags)?;
    if user.images.is_empty() {
        return Ok(ChatMessage::user(user.text));
    }
    let mut parts: Vec<ChatUserPart> = Vec::new();
    if !user.text.is_empty() {
        parts.push(ChatTextPart::new(user.text).into());
    }
    for (image, url) in user.images {
        let mut image_url = ImageUrl::new(url);
        image_url.detail = image.detail.as_deref().map(Into::into);
        parts.push(ChatImagePart::new(image_url).into());
    }
    Ok(ChatMessage::user(parts))
}

/// Appends an answer of the assistant, with its calls and their outputs. Content is always plain text: several servers
/// reject lists, null and empty texts.
fn answer(messages: &mut Vec<ChatMessage>, message: &ModelMessage) {
    if message.text.is_empty() && message.calls.is_empty() {
        return;
    }
    let mut assistant = ChatAssistantMessage::default();
    if !message.text.is_empty() {
        assistant = assistant.content(message.text.as_str());
    }
    if !message.calls.is_empty() {
        let calls = message.calls.iter().map(|call| {
            let called = ChatCalledFunction::new(&call.name, &call.arguments);
            ChatFunctionToolCall::new(&call.id, called).into()
        });
        assistant.tool_calls = Some(calls.collect());
    }
    messages.push(assistant.into());
    for call in &message.calls {
        messages.push(ChatMessage::tool(&call.id, output(call)));
    }
}

/// Adds the functions, and whether they must be called.
fn tools(params: &mut CreateChatCompletion, request: &ModelRequest, flags: &Flags) {
    let Some(offer) = offer(request, flags) else { return };
    params.tools = Some(offer.functions.into_iter().map(tool).collect());
    if !flags.reasoning_with_tools {
        params.reasoning_effort = Field::Set(ReasoningEffort::from("none"));
    }
    if offer.one_by_one {
        params.parallel_tool_calls = Some(false);
    }
    params.tool_choice = offer.choice.map(|choice| match choice {
        Forced::Any => ChatToolChoice::Required,
        Forced::Function(name) => ChatNamedToolChoice::new(NamedFunction::new(name)).into(),
    });
}

fn tool(function: Function) -> ChatTool {
    let mut definition = FunctionDefinition::new(function.name);
    definition.description = function.description;
    definition.parameters = function.parameters;
    definition.strict = function.strict;
    FunctionTool::new(definition).into()
}
