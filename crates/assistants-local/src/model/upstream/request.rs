//! What a request contains, in whichever dialect.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::flags::{CallIds, Flags, ImageForm, ResponseFormats, ToolChoiceForms};
use super::images;
use super::own_tools::{self, OwnTool};
use crate::model::{Failure, Function, Image, ModelMessage, ModelRequest, ToolChoice};

/// The format of an answer.
#[derive(Debug, Default)]
pub(super) struct Format {
    /// The response format to send, in the form of chat completions and runs.
    pub(super) sent: Option<Value>,
    /// The description of one that the server does not accept.
    described: Option<String>,
}

/// Returns the format of the answer.
pub(super) fn format(request: &ModelRequest, flags: &Flags) -> Format {
    let Some(format) = &request.response_format else {
        return Format::default();
    };
    let kind = format.get("type").and_then(Value::as_str).unwrap_or_default();
    if !matches!(kind, "json_object" | "json_schema") {
        return Format::default();
    }
    let has_tools = !request.functions.is_empty() || OwnTool::all(request).next().is_some();
    let may_combine = !has_tools || flags.format_with_tools;
    let accepted = match flags.response_format {
        _ if !may_combine => false,
        ResponseFormats::All => true,
        ResponseFormats::JsonObject => kind == "json_object",
        ResponseFormats::Text => false,
    };
    if accepted {
        return Format {
            sent: Some(format.clone()),
            described: None,
        };
    }
    let described = match format.pointer("/json_schema/schema") {
        Some(schema) => {
            format!("Answer with a JSON object and nothing else. It must conform to this JSON schema: {schema}")
        }
        None => "Answer with a JSON object and nothing else.".to_owned(),
    };
    let json = may_combine && flags.response_format == ResponseFormats::JsonObject;
    Format {
        sent: json.then(|| json!({"type": "json_object"})),
        described: Some(described),
    }
}

/// Reads a response format as a type of a dialect. A format that does not fit is not left out: the answer would have
/// another one than was asked for.
pub(super) fn read_format<T: DeserializeOwned>(format: Value) -> Result<T, Failure> {
    serde_json::from_value(format)
        .map_err(|error| Failure::new("invalid_prompt", format!("The response format is invalid: {error}")))
}

/// Returns the instructions of the run, with those for tools of this server and the format of the answer. Some servers accept a
/// single system message, and only as the first message.
pub(super) fn instructions(request: &ModelRequest, format: &Format) -> Option<String> {
    let tools = own_tools::instructions(request);
    let own = request.instructions.as_deref().into_iter();
    let texts = own
        .chain(tools.iter().map(String::as_str))
        .chain(format.described.as_deref());
    let texts: Vec<&str> = texts.filter(|text| !text.is_empty()).collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

/// Returns a sampling parameter to send. 1 is the default of both; reasoning models reject them, whatever their values.
pub(super) fn sampling(value: Option<f64>) -> Option<f64> {
    value.filter(|value| *value != 1.0)
}

/// The text and the images of a user message.
#[derive(Debug)]
pub(super) struct UserMessage<'m> {
    pub(super) text: String,
    /// The images with their URLs.
    pub(super) images: Vec<(&'m Image, String)>,
}

/// Returns a user message in the form that the server accepts.
pub(super) fn user_message<'m>(message: &'m ModelMessage, flags: &Flags) -> Result<UserMessage<'m>, Failure> {
    let mut text = message.text.clone();
    let mut found = Vec::new();
    for image in &message.images {
        match flags.images {
            ImageForm::None => text.push_str("\n[An image, which this model cannot see.]"),
            ImageForm::Url => found.push((image, images::url(&image.source)?)),
            ImageForm::Data => found.push((image, images::data_url(&image.source)?)),
        }
    }
    Ok(UserMessage { text, images: found })
}

/// The functions that a model is offered.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) functions: Vec<Function>,
    /// The `tool_choice` to send: none for `auto`.
    pub(super) choice: Option<Forced>,
    /// Whether the model must be told not to call several functions at once.
    pub(super) one_by_one: bool,
}

/// What a model must call.
#[derive(Debug)]
pub(super) enum Forced {
    /// Any of the functions.
    Any,
    /// The function with this name.
    Function(String),
}

/// Returns the functions, and whether they must be called; `None` if there are none. Only what is needed is sent: several
/// servers reject an empty list of tools, and options without tools.
pub(super) fn offer(request: &ModelRequest, flags: &Flags) -> Option<Offer> {
    if request.tool_choice == ToolChoice::None {
        // Some models call functions in spite of `tool_choice: "none"`. They cannot call what they do not know.
        return None;
    }
    let alone = match &request.tool_choice {
        ToolChoice::Function(name) if flags.tool_choice != ToolChoiceForms::All => Some(name),
        _ => None,
    };
    let offered = request.functions.iter();
    let offered = offered.filter(|function| alone.is_none_or(|name| function.name == *name));
    let mut functions: Vec<Function> = offered.map(|function| as_accepted(function, flags)).collect();
    for tool in OwnTool::all(request) {
        if alone.is_none_or(|name| name == tool.name()) {
            functions.push(as_accepted(&tool.function(), flags));
        }
    }
    if functions.is_empty() {
        return None;
    }
    // A run whose calls have outputs has done what was required of it.
    let may_force = flags.tool_choice != ToolChoiceForms::None && request.calls().next().is_none();
    let choice = match &request.tool_choice {
        _ if !may_force => None,
        ToolChoice::Required => Some(Forced::Any),
        ToolChoice::Function(_) if alone.is_some() => Some(Forced::Any),
        ToolChoice::Function(name) => Some(Forced::Function(name.clone())),
        _ => None,
    };
    Some(Offer {
        functions,
        choice,
        one_by_one: !request.parallel_tool_calls && flags.parallel_tool_calls,
    })
}

/// Returns a function in the form that the server accepts; some reject one without parameters.
fn as_accepted(function: &Function, flags: &Flags) -> Function {
    let mut function = function.clone();
    let parameters = function.parameters.take();
    function.parameters = Some(parameters.unwrap_or_else(|| json!({"type": "object", "properties": {}})));
    function.strict = function.strict.filter(|_| flags.strict);
    function
}

/// Servers that parse the arguments reject a conversation in which a model once wrote bad ones.
pub(super) fn has_valid_arguments(arguments: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(arguments).is_ok()
}

/// Returns an id in the form that the server accepts; the same for the same id.
pub(super) fn call_id(id: &str, flags: &Flags) -> String {
    match flags.call_ids {
        CallIds::Any => id.to_owned(),
        CallIds::NineAlphanumerics => {
            let characters: Vec<char> = id.chars().filter(char::is_ascii_alphanumeric).collect();
            let last = &characters[characters.len().saturating_sub(9)..];
            format!("{:0>9}", last.iter().collect::<String>())
        }
    }
}
