//! Converts the request for a chat completion to a [`ModelRequest`].

use std::collections::BTreeSet;

use assistants_types::chat::{
    ChatAllowedToolsMode, ChatAssistantContent, ChatAssistantMessage, ChatAssistantPart, ChatMessage, ChatTool,
    ChatToolCall, ChatToolChoice, ChatUserContent, ChatUserPart, CreateChatCompletion,
};

use crate::model::{Function, Image, ImageSource, ModelMessage, ModelRequest, Role, ToolChoice};
use crate::openai::answer::{OpenAnswer, push_user_message};
use crate::openai::error::ApiError;
use crate::openai::request_schema::Violation;

/// Converts a request. The answers after the last user message are the rounds of the model's answer.
pub(crate) fn model_request(params: &CreateChatCompletion) -> Result<ModelRequest, ApiError> {
    let mut request = ModelRequest {
        model: params.model.clone(),
        functions: functions(params.tools.as_deref().unwrap_or_default())?,
        parallel_tool_calls: params.parallel_tool_calls.unwrap_or(true),
        temperature: params.temperature.as_ref().copied(),
        top_p: params.top_p.as_ref().copied(),
        reasoning_effort: params
            .reasoning_effort
            .as_ref()
            .map(|effort| effort.as_str().to_owned()),
        max_completion_tokens: limit(params)?,
        response_format: params
            .response_format
            .as_ref()
            .map(|format| serde_json::to_value(format).expect("an object of the protocol has a JSON form")),
        ..ModelRequest::default()
    };
    if let Some(choice) = &params.tool_choice {
        request.tool_choice = tool_choice(choice, &mut request.functions)?;
    }
    conversation(&params.messages, &mut request)?;
    Ok(request)
}

fn limit(params: &CreateChatCompletion) -> Result<Option<u64>, ApiError> {
    for (name, value) in [
        ("max_completion_tokens", &params.max_completion_tokens),
        ("max_tokens", &params.max_tokens),
    ] {
        if let Some(tokens) = value.as_ref() {
            return match Violation::outside(name, &tokens.to_string(), 1, i64::MAX) {
                Some(violation) => Err(violation.into()),
                None => Ok(u64::try_from(*tokens).ok()),
            };
        }
    }
    Ok(None)
}

fn functions(tools: &[ChatTool]) -> Result<Vec<Function>, ApiError> {
    let function = |(index, tool): (usize, &ChatTool)| match tool {
        ChatTool::Function(tool) => {
            let mut function = Function::new(&tool.function.name);
            function.description.clone_from(&tool.function.description);
            function.parameters.clone_from(&tool.function.parameters);
            function.strict = tool.function.strict;
            Ok(function)
        }
        _ => Err(ApiError::invalid("The models of this server call functions only.")
            .param(format!("tools[{index}].type"))
            .code("unsupported_value")),
    };
    tools.iter().enumerate().map(function).collect()
}

fn tool_choice(choice: &ChatToolChoice, functions: &mut Vec<Function>) -> Result<ToolChoice, ApiError> {
    match choice {
        ChatToolChoice::None => Ok(ToolChoice::None),
        ChatToolChoice::Required => Ok(ToolChoice::Required),
        ChatToolChoice::Function(choice) => {
            let name = &choice.function.name;
            if !functions.iter().any(|function| function.name == *name) {
                let message = format!("Tool choice '{name}' is not among 'tools'.");
                return Err(ApiError::invalid(message).param("tool_choice"));
            }
            Ok(ToolChoice::Function(name.clone()))
        }
        ChatToolChoice::AllowedTools(choice) => {
            let allowed: BTreeSet<&str> = choice
                .allowed_tools
                .tools
                .iter()
                .filter_map(|tool| tool.pointer("/function/name")?.as_str())
                .collect();
            functions.retain(|function| allowed.contains(function.name.as_str()));
            Ok(if choice.allowed_tools.mode == ChatAllowedToolsMode::Required {
                ToolChoice::Required
            } else {
                ToolChoice::Auto
            })
        }
        ChatToolChoice::Custom(_) => Err(ApiError::invalid("The models of this server call functions only.")
            .param("tool_choice")
            .code("unsupported_value")),
        _ => Ok(ToolChoice::Auto),
    }
}

fn conversation(messages: &[ChatMessage], request: &mut ModelRequest) -> Result<(), ApiError> {
    let mut instructions: Vec<String> = Vec::new();
    let mut open = OpenAnswer::default();
    for (index, message) in messages.iter().enumerate() {
        if let ChatMessage::Tool(output) = message {
            if !open.set_output(&output.tool_call_id, output.content.text()) {
                // The provider's spelling.
                let message = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.";
                return Err(ApiError::invalid(message).param(format!("messages.[{index}].role")));
            }
            continue;
        }
        close(std::mem::take(&mut open), index, request)?;
        match message {
            ChatMessage::System(message) => instructions.push(message.content.text()),
            ChatMessage::Developer(message) => instructions.push(message.content.text()),
            ChatMessage::User(message) => push_user_message(request, user_message(&message.content)),
            ChatMessage::Assistant(message) => open = answer(message),
            _ => {}
        }
    }
    close(open, messages.len(), request)?;
    request.instructions = Some(instructions.join("\n")).filter(|text| !text.is_empty());
    Ok(())
}

fn answer(message: &ChatAssistantMessage) -> OpenAnswer {
    let mut answer = OpenAnswer::new(assistant_text(message).unwrap_or_default());
    let calls = message.tool_calls.iter().flatten();
    for call in calls.filter_map(ChatToolCall::as_function) {
        answer.push_call(&call.id, &call.function.name, &call.function.arguments);
    }
    answer
}

/// Adds an answer to the conversation; status 400 if one of its calls has no output. `index` is the position of the message
/// after the outputs.
fn close(open: OpenAnswer, index: usize, request: &mut ModelRequest) -> Result<(), ApiError> {
    let missing = open.calls_without_output();
    if !missing.is_empty() {
        let message = format!(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
             'tool_call_id'. The following tool_call_ids did not have response messages: {}",
            missing.join(", ")
        );
        return Err(ApiError::invalid(message).param(format!("messages.[{index}].role")));
    }
    open.add_to(request);
    Ok(())
}

/// Joins the text parts with line breaks. Models do not receive audio and files.
fn user_message(content: &ChatUserContent) -> ModelMessage {
    let (mut texts, mut images) = (Vec::new(), Vec::new());
    match content {
        ChatUserContent::Text(text) => texts.push(text.as_str()),
        ChatUserContent::Parts(parts) => {
            for part in parts {
                match part {
                    ChatUserPart::Text(part) => texts.push(&part.text),
                    ChatUserPart::ImageUrl(part) => {
                        let detail = part.image_url.detail.as_ref().map(|detail| detail.as_str().to_owned());
                        images.push(Image::new(ImageSource::Url(part.image_url.url.clone()), detail));
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
    let mut message = ModelMessage::new(Role::User, texts.join("\n"));
    message.images = images;
    message
}

fn assistant_text(message: &ChatAssistantMessage) -> Option<String> {
    match message.content.as_ref()? {
        ChatAssistantContent::Text(text) => Some(text.clone()),
        ChatAssistantContent::Parts(parts) => {
            let texts = parts.iter().filter_map(|part| match part {
                ChatAssistantPart::Text(part) => Some(part.text.as_str()),
                _ => None,
            });
            Some(texts.collect::<Vec<_>>().join("\n"))
        }
        ChatAssistantContent::Unknown(raw) => raw.as_str().map(str::to_owned),
        _ => None,
    }
}
