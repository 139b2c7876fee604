//! Converts the request for a response to a [`ModelRequest`].

use assistants_types::responses::{
    CreateResponse, ResponseContent, ResponseItem, ResponseMessage, ResponseRole, ResponseTextFormat, ResponseTool,
    ResponseToolChoice,
};
use serde_json::{Value, json};

use crate::model::{Function, Image, ImageSource, ModelMessage, ModelRequest, Role, ToolChoice};
use crate::openai::ApiError;
use crate::openai::answer::{OpenAnswer, push_user_message};

/// Converts a request. The answers after the last user message are the rounds of the model's answer.
pub(super) fn model_request(params: &CreateResponse) -> Result<ModelRequest, ApiError> {
    let effort = params.reasoning.as_ref().and_then(|options| options.effort.as_ref());
    let format = params.text.as_ref().and_then(|text| text.format.as_ref());
    let mut request = ModelRequest {
        model: params.model.clone(),
        functions: functions(params.tools.as_deref().unwrap_or_default())?,
        parallel_tool_calls: params.parallel_tool_calls.as_ref().copied().unwrap_or(true),
        temperature: params.temperature.as_ref().copied(),
        top_p: params.top_p.as_ref().copied(),
        reasoning_effort: effort.map(|effort| effort.as_str().to_owned()),
        max_completion_tokens: params
            .max_output_tokens
            .as_ref()
            .and_then(|tokens| u64::try_from(*tokens).ok()),
        response_format: format.map(response_format),
        ..ModelRequest::default()
    };
    if let Some(choice) = &params.tool_choice {
        request.tool_choice = tool_choice(choice, &request.functions)?;
    }
    let mut instructions: Vec<String> = params.instructions.as_ref().cloned().into_iter().collect();
    conversation(&params.input, &mut request, &mut instructions)?;
    request.instructions = Some(instructions.join("\n")).filter(|text| !text.is_empty());
    Ok(request)
}

fn functions(tools: &[ResponseTool]) -> Result<Vec<Function>, ApiError> {
    let function = |(index, tool): (usize, &ResponseTool)| match tool {
        ResponseTool::Function(tool) => {
            let mut function = Function::new(&tool.name);
            function.description = tool.description.as_ref().cloned();
            function.parameters = tool.parameters.as_ref().cloned();
            function.strict = tool.strict.as_ref().copied();
            Ok(function)
        }
        _ => Err(ApiError::invalid("The models of this server call functions only.")
            .param(format!("tools[{index}].type"))
            .code("unsupported_value")),
    };
    tools.iter().enumerate().map(function).collect()
}

fn tool_choice(choice: &ResponseToolChoice, functions: &[Function]) -> Result<ToolChoice, ApiError> {
    match choice {
        ResponseToolChoice::None => Ok(ToolChoice::None),
        ResponseToolChoice::Required => Ok(ToolChoice::Required),
        ResponseToolChoice::Function(choice) => {
            if !functions.iter().any(|function| function.name == choice.name) {
                let message = format!("Tool choice '{}' is not among 'tools'.", choice.name);
                return Err(ApiError::invalid(message).param("tool_choice"));
            }
            Ok(ToolChoice::Function(choice.name.clone()))
        }
        _ => Ok(ToolChoice::Auto),
    }
}

/// Returns the format in the form of chat completions and runs, which nest the schema.
fn response_format(format: &ResponseTextFormat) -> Value {
    let mut format = serde_json::to_value(format).expect("an object of the protocol has a JSON form");
    if format.get("schema").is_none() {
        return format;
    }
    if let Value::Object(members) = &mut format {
        members.remove("type");
    }
    json!({"type": "json_schema", "json_schema": format})
}

fn conversation(
    items: &[ResponseItem],
    request: &mut ModelRequest,
    instructions: &mut Vec<String>,
) -> Result<(), ApiError> {
    let mut open = OpenAnswer::default();
    for (index, item) in items.iter().enumerate() {
        match item {
            ResponseItem::Message(message) => {
                close(std::mem::take(&mut open), request)?;
                match message.role {
                    ResponseRole::Assistant => open.text = text(message),
                    ResponseRole::System | ResponseRole::Developer => instructions.push(text(message)),
                    _ => push_user_message(request, user_message(message)),
                }
            }
            ResponseItem::FunctionCall(call) => {
                if open.has_outputs() {
                    close(std::mem::take(&mut open), request)?;
                }
                open.push_call(&call.call_id, &call.name, &call.arguments);
            }
            ResponseItem::FunctionCallOutput(output) => {
                if open.set_output(&output.call_id, output.output.clone()) {
                    continue;
                }
                let id = &output.call_id;
                let message = format!("No tool call found for function call output with call_id {id}.");
                return Err(ApiError::invalid(message).param(format!("input[{index}]")));
            }
            _ => {}
        }
    }
    close(open, request)
}

/// Adds an answer to the conversation; status 400 if one of its calls has no output.
fn close(open: OpenAnswer, request: &mut ModelRequest) -> Result<(), ApiError> {
    if let Some(id) = open.calls_without_output().first() {
        let message = format!("No tool output found for function call {id}.");
        return Err(ApiError::invalid(message).param("input"));
    }
    open.add_to(request);
    Ok(())
}

/// Joins the text parts with line breaks.
fn text(message: &ResponseMessage) -> String {
    let texts = message.content.iter().filter_map(|part| match part {
        ResponseContent::InputText(part) => Some(part.text.as_str()),
        ResponseContent::OutputText(part) => Some(part.text.as_str()),
        ResponseContent::Refusal(part) => Some(part.refusal.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn user_message(message: &ResponseMessage) -> ModelMessage {
    let mut user = ModelMessage::new(Role::User, text(message));
    let images = message.content.iter().filter_map(|part| match part {
        ResponseContent::InputImage(part) => {
            let detail = part.detail.as_ref().map(|detail| detail.as_str().to_owned());
            Some(Image::new(ImageSource::Url(part.image_url.clone()?), detail))
        }
        _ => None,
    });
    user.images = images.collect();
    user
}
