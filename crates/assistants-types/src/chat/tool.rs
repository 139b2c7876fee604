//! Shortcuts for creating tools of a chat.

use serde_json::Value;

use super::{ChatResponseFormat, ChatTool, ChatToolChoice};
use crate::openai::{FunctionDefinition, FunctionTool, NamedFunction, ResponseFormat, ResponseFormatText};

impl ChatTool {
    /// A function of the calling program, with the JSON schema of its arguments.
    #[must_use]
    pub fn function(name: impl Into<String>, parameters: Value) -> Self {
        FunctionTool::new(FunctionDefinition::new(name).parameters(parameters)).into()
    }
}

impl From<FunctionDefinition> for ChatTool {
    fn from(definition: FunctionDefinition) -> Self {
        FunctionTool::new(definition).into()
    }
}

impl ChatToolChoice {
    /// The model must call this function.
    #[must_use]
    pub fn function(name: impl Into<String>) -> Self {
        super::ChatNamedToolChoice::new(NamedFunction::new(name)).into()
    }
}

impl From<&str> for ChatToolChoice {
    /// `none`, `auto` or `required`, in any case; any other text is sent unchanged.
    fn from(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "none" => Self::None,
            "auto" => Self::Auto,
            "required" => Self::Required,
            _ => Self::Unknown(text.into()),
        }
    }
}

impl From<&FunctionTool> for ChatToolChoice {
    /// The model must call this function.
    fn from(tool: &FunctionTool) -> Self {
        Self::function(&tool.function.name)
    }
}

impl From<ResponseFormat> for ChatResponseFormat {
    /// The same format; `auto`, which chat completions do not have, becomes plain text.
    fn from(format: ResponseFormat) -> Self {
        match format {
            ResponseFormat::Auto => ResponseFormatText::default().into(),
            ResponseFormat::Text(format) => format.into(),
            ResponseFormat::JsonObject(format) => format.into(),
            ResponseFormat::JsonSchema(format) => format.into(),
            ResponseFormat::Unknown(raw) => Self::Unknown(raw),
        }
    }
}
