//! The request for a chat completion.

use assistants_blocking::chat::{
    ChatAssistantMessage, ChatCalledFunction, ChatFunctionToolCall, ChatImagePart, ChatMessage, ChatNamedToolChoice,
    ChatResponseFormat, ChatStreamOptions, ChatTextPart, ChatTool, ChatToolChoice, ChatUserPart, CreateChatCompletion,
};
use assistants_types::Field;
use assistants_types::openai::{FunctionDefinition, FunctionTool, ImageUrl, NamedFunction, ReasoningEffort};
use serde_json::{Value, json};

use super::calls::{self, output};
use super::state::State;
use crate::model::upstream::file_search;
use crate::model::upstream::flags::{
    Flags, ImageForm, InstructionsRole, MaxTokensField, ResponseFormats, ToolChoiceForms,
};
use crate::model::upstream::images;
use crate::model::{Failure, Function, Image, ModelMessage, ModelRequest, Role, ToolChoice};

/// What a model is asked for after the output of a tool, by servers that expect an answer there.
const AFTER_TOOL: &str = "I have the results.";

/// Converts a request for the server named `upstream`. `state` is what this answer has come to so far: searches with their
/// results, after which the model is asked again.
pub(super) fn build(
    request: &ModelRequest,
    model: &str,
    upstream: &str,
    flags: &Flags,
    state: &State,
) -> Result<CreateChatCompletion, Failure> {
    let (format, described) = response_format(request, flags);
    let mut messages = Vec::new();
    if let Some(text) = instructions(request, described) {
        messages.push(match flags.instructions_role {
            InstructionsRole::System => ChatMessage::system(text),
            InstructionsRole::Developer => ChatMessage::developer(text),
        });
    }
    for message in request.messages.iter().chain(&request.rounds) {
        push(&mut messages, message, (upstream, model), flags)?;
    }
    messages.extend(state.messages().iter().cloned());
    for message in &mut messages {
        calls::adapt(message, flags);
    }
    let mut body = CreateChatCompletion::new(model, messages);
    // 1 is the default of both. Reasoning models reject the members, whatever their values.
    let set = |value: Option<f64>| value.filter(|value| *value != 1.0).map_or(Field::Keep, Field::Set);
    body.temperature = set(request.temperature);
    body.top_p = set(request.top_p);
    if let Some(most) = request.max_completion_tokens {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        match flags.max_tokens_field {
            MaxTokensField::MaxTokens => body.max_tokens = Field::Set(most),
            MaxTokensField::MaxCompletionTokens => body.max_completion_tokens = Field::Set(most),
        }
    }
    if let Some(effort) = request.reasoning_effort.as_deref().filter(|_| flags.reasoning_effort) {
        body.reasoning_effort = Field::Set(ReasoningEffort::from(effort));
    }
    body.response_format = format;
    if flags.usage_in_stream {
        body.stream_options = Field::Set(ChatStreamOptions::default().include_usage(true));
    }
    tools(&mut body, request, flags);
    Ok(body)
}

/// Returns everything that the model is told to do. Some servers accept a single system message, and only as the first
/// message.
fn instructions(request: &ModelRequest, described: Option<String>) -> Option<String> {
    let search = request.file_search.then(|| file_search::INSTRUCTIONS.to_owned());
    let texts = request.instructions.iter().cloned().chain(search).chain(described);
    let texts: Vec<String> = texts.filter(|text| !text.is_empty()).collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

/// Returns the response format to send, and the description of one that the server does not accept.
fn response_format(request: &ModelRequest, flags: &Flags) -> (Option<ChatResponseFormat>, Option<String>) {
    let Some(format) = &request.response_format else {
        return (None, None);
    };
    let kind = format.get("type").and_then(Value::as_str).unwrap_or_default();
    if !matches!(kind, "json_object" | "json_schema") {
        return (None, None);
    }
    let schema = format.pointer("/json_schema/schema");
    let has_tools = !request.functions.is_empty() || request.file_search;
    let may_combine = !has_tools || flags.format_with_tools;
    let accepted = match flags.response_format {
        _ if !may_combine => false,
        ResponseFormats::All => true,
        ResponseFormats::JsonObject => kind == "json_object",
        ResponseFormats::Text => false,
    };
    if accepted {
        return (serde_json::from_value(format.clone()).ok(), None);
    }
    let described = match schema {
        Some(schema) => {
            format!("Answer with a JSON object and nothing else. It must conform to this JSON schema: {schema}")
        }
        None => "Answer with a JSON object and nothing else.".to_owned(),
    };
    let json = may_combine && flags.response_format == ResponseFormats::JsonObject;
    let format = json.then(|| serde_json::from_value(json!({"type": "json_object"})).ok());
    (format.flatten(), Some(described))
}

/// Appends a message of the conversation.
fn push(
    messages: &mut Vec<ChatMessage>,
    message: &ModelMessage,
    (upstream, model): (&str, &str),
    flags: &Flags,
) -> Result<(), Failure> {
    match message.role {
        Role::User => {
            if flags.assistant_after_tool && matches!(messages.last(), Some(ChatMessage::Tool(_))) {
                messages.push(ChatMessage::assistant(AFTER_TOOL));
            }
            messages.push(user(message, flags)?);
        }
        Role::Assistant => match message
            .state
            .as_ref()
            .and_then(|state| State::of(state, upstream, model))
        {
            Some(state) => messages.extend(state.with_outputs(&message.calls)?),
            None => answer(messages, message),
        },
    }
    Ok(())
}

fn user(message: &ModelMessage, flags: &Flags) -> Result<ChatMessage, Failure> {
    if message.images.is_empty() {
        return Ok(ChatMessage::user(message.text.as_str()));
    }
    let mut text = message.text.clone();
    let mut parts = Vec::new();
    for image in &message.images {
        if flags.images == ImageForm::None {
            text.push_str("\n[An image, which this model cannot see.]");
        } else {
            parts.push(ChatUserPart::from(ChatImagePart::new(image_url(image, flags)?)));
        }
    }
    if parts.is_empty() {
        return Ok(ChatMessage::user(text));
    }
    if !text.is_empty() {
        parts.insert(0, ChatTextPart::new(text).into());
    }
    Ok(ChatMessage::user(parts))
}

fn image_url(image: &Image, flags: &Flags) -> Result<ImageUrl, Failure> {
    let url = match flags.images {
        ImageForm::Url => images::url(&image.source)?,
        _ => images::data_url(&image.source)?,
    };
    let mut image_url = ImageUrl::new(url);
    image_url.detail = image.detail.as_deref().map(Into::into);
    Ok(image_url)
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

/// Adds the functions, and whether they may or must be called. Only what is needed is sent: several servers reject an empty
/// list of tools, and options without tools.
fn tools(body: &mut CreateChatCompletion, request: &ModelRequest, flags: &Flags) {
    if request.tool_choice == ToolChoice::None {
        // Some models call functions in spite of `tool_choice: "none"`. They cannot call what they do not know.
        return;
    }
    let forced = match &request.tool_choice {
        ToolChoice::Function(name) if flags.tool_choice != ToolChoiceForms::All => Some(name),
        _ => None,
    };
    let offered = request
        .functions
        .iter()
        .filter(|function| forced.is_none_or(|name| function.name == *name));
    let mut tools: Vec<ChatTool> = offered.map(|function| tool(function, flags)).collect();
    if request.file_search && forced.is_none() {
        tools.push(tool(&file_search::function(), flags));
    }
    if tools.is_empty() {
        return;
    }
    body.tools = Some(tools);
    if !flags.reasoning_with_tools {
        body.reasoning_effort = Field::Set(ReasoningEffort::from("none"));
    }
    if !request.parallel_tool_calls && flags.parallel_tool_calls {
        body.parallel_tool_calls = Some(false);
    }
    if flags.tool_choice == ToolChoiceForms::None {
        return;
    }
    body.tool_choice = match &request.tool_choice {
        // A run whose calls have outputs has done what was required of it.
        _ if request.calls().next().is_some() => None,
        ToolChoice::Required => Some(ChatToolChoice::Required),
        ToolChoice::Function(_) if forced.is_some() => Some(ChatToolChoice::Required),
        ToolChoice::Function(name) => Some(ChatNamedToolChoice::new(NamedFunction::new(name)).into()),
        _ => None,
    };
}

fn tool(function: &Function, flags: &Flags) -> ChatTool {
    let mut definition = FunctionDefinition::new(&function.name);
    definition.description.clone_from(&function.description);
    // Some servers reject a function without parameters.
    let parameters = function.parameters.clone();
    definition.parameters = Some(parameters.unwrap_or_else(|| json!({"type": "object", "properties": {}})));
    definition.strict = function.strict.filter(|_| flags.strict);
    FunctionTool::new(definition).into()
}
