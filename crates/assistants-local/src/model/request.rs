//! What a model is asked.

use serde_json::Value;

/// Everything that a run knows when it asks its model.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ModelRequest {
    /// The name of the model that the run asks for, as the user wrote it.
    pub model: String,
    /// The instructions of the run.
    pub instructions: Option<String>,
    /// The messages of the thread, oldest first, as far as the run's truncation strategy lets them through.
    pub messages: Vec<ModelMessage>,
    /// The functions that may be called.
    pub functions: Vec<Function>,
    /// Whether [`Output::file_search`] finds something: the run has the tool and may use it.
    pub file_search: bool,
    /// Whether functions may or must be called.
    pub tool_choice: ToolChoice,
    /// Whether one answer may call several functions.
    pub parallel_tool_calls: bool,
    /// The calls that the run has made so far, with their outputs; one entry per answer that made calls.
    pub rounds: Vec<Vec<CompletedCall>>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// How many more tokens the answers of the run may have.
    pub max_completion_tokens: Option<u64>,
    /// How many more tokens the prompts of the run may have.
    pub max_prompt_tokens: Option<u64>,
    /// The form of the answer, as JSON of the OpenAI protocol.
    pub response_format: Option<Value>,
}

impl ModelRequest {
    /// The text of the last message of the user; empty if there is none.
    #[must_use]
    pub fn last_user_text(&self) -> &str {
        let last = self.messages.iter().rev().find(|message| message.role == Role::User);
        last.map_or("", |message| &message.text)
    }
}

/// One message of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelMessage {
    /// Who wrote it.
    pub role: Role,
    /// Its text parts, joined by line breaks.
    pub text: String,
}

impl ModelMessage {
    /// A message with that text.
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            text: text.into(),
        }
    }
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The user.
    User,
    /// The assistant.
    Assistant,
}

/// A function that the model may call.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Function {
    /// Its name.
    pub name: String,
    /// What it does and when to call it.
    pub description: Option<String>,
    /// JSON Schema of its arguments.
    pub parameters: Option<Value>,
    /// Whether the arguments must keep to the schema exactly.
    pub strict: Option<bool>,
}

impl Function {
    /// A function without description and parameters.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

/// A passage of a file that [`Output::file_search`] found.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Passage {
    /// The id of the file.
    pub file_id: String,
    /// The name of the file.
    pub file_name: String,
    /// How well it fits, 0 to 1.
    pub score: f64,
    /// The text.
    pub text: String,
}

/// Whether functions may or must be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// No function may be called.
    None,
    /// At least one function must be called.
    Required,
    /// The function of this name must be called.
    Function(String),
}

/// A call of a function and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompletedCall {
    /// The id of the call.
    pub id: String,
    /// The name of the function.
    pub name: String,
    /// Its arguments: JSON text, as the model gave it.
    pub arguments: String,
    /// What the program that ran the function answered.
    pub output: String,
}

impl CompletedCall {
    /// A call with its output.
    pub fn new(
        id: impl Into<String>,
        name: impl Into<String>,
        arguments: impl Into<String>,
        output: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
            output: output.into(),
        }
    }
}
