//! The input of a model.

use std::path::PathBuf;

use serde_json::Value;

/// Everything that a run knows when it calls its model.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ModelRequest {
    /// The id of the run, for the log. `None` for chat completions.
    pub run_id: Option<String>,
    /// The name of the model that the run requests, as the user wrote it.
    pub model: String,
    /// The instructions of the run.
    pub instructions: Option<String>,
    /// The conversation before this run, oldest first, as selected by the run's truncation strategy. Answers of earlier
    /// runs include their calls.
    pub messages: Vec<ModelMessage>,
    /// The functions that may be called.
    pub functions: Vec<Function>,
    /// Whether [`Output::file_search`](super::Output::file_search) can find anything: the run has the tool and may use it.
    pub file_search: bool,
    /// The code interpreter, for [`Output::code_interpreter`](super::Output::code_interpreter), if the run has the tool and may
    /// use it.
    pub code_interpreter: Option<CodeTool>,
    /// Whether functions may or must be called. The code interpreter can be named too, as `code_interpreter`.
    pub tool_choice: ToolChoice,
    /// Whether one answer may call several functions.
    pub parallel_tool_calls: bool,
    /// The answers that the run has given so far, each with the calls that it made and their outputs.
    pub rounds: Vec<ModelMessage>,
    /// The sampling temperature.
    pub temperature: Option<f64>,
    /// The probability mass for nucleus sampling.
    pub top_p: Option<f64>,
    /// How much a reasoning model should reason, in the words of the OpenAI protocol, such as `low`.
    pub reasoning_effort: Option<String>,
    /// The number of tokens left for the answers of the run; `None` means no limit.
    pub max_completion_tokens: Option<u64>,
    /// The number of tokens left for the prompts of the run; `None` means no limit.
    pub max_prompt_tokens: Option<u64>,
    /// The format of the answer, as JSON of the OpenAI protocol.
    pub response_format: Option<Value>,
}

impl ModelRequest {
    /// Returns the text of the last user message; empty if there is none.
    #[must_use]
    pub fn last_user_text(&self) -> &str {
        let last = self.messages.iter().rev().find(|message| message.role == Role::User);
        last.map_or("", |message| &message.text)
    }

    /// Returns the calls that the run has made so far.
    pub fn calls(&self) -> impl Iterator<Item = &CompletedCall> {
        self.rounds.iter().flat_map(|answer| &answer.calls)
    }
}

/// A message of the conversation, or an answer with the calls that it made.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModelMessage {
    /// The author.
    pub role: Role,
    /// The text parts, joined by line breaks. Empty if there are none.
    pub text: String,
    /// The images, in their order.
    pub images: Vec<Image>,
    /// The calls of an answer, with their outputs. The text comes before the calls.
    pub calls: Vec<CompletedCall>,
    /// What the model stored with the answer: see [`Output::state`](super::Output::state).
    pub state: Option<Value>,
    /// Whether code was executed before functions were called in the same answer. The next message with a `state` then has
    /// these calls in its `state` too.
    pub in_next_state: bool,
}

impl ModelMessage {
    /// Creates a message.
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            text: text.into(),
            images: Vec::new(),
            calls: Vec::new(),
            state: None,
            in_next_state: false,
        }
    }
}

/// An image of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Image {
    /// Where the image is.
    pub source: ImageSource,
    /// The detail level, in the words of the OpenAI protocol, such as `low`.
    pub detail: Option<String>,
}

impl Image {
    /// Creates an image.
    #[must_use]
    pub fn new(source: ImageSource, detail: Option<String>) -> Self {
        Self { source, detail }
    }
}

/// Where an image is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageSource {
    /// A URL that the user gave; `data:` URLs contain the image. Whoever fetches another one must expect addresses that
    /// the user cannot reach but the server can.
    Url(String),
    /// A file of the server.
    File {
        /// The path of its contents.
        path: PathBuf,
        /// The name under which it was uploaded, whose extension tells its format.
        name: String,
    },
}

/// The author of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
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
    /// The name.
    pub name: String,
    /// What the function does, and when to call it.
    pub description: Option<String>,
    /// The JSON Schema of the arguments.
    pub parameters: Option<Value>,
    /// Whether the arguments must match the schema exactly.
    pub strict: Option<bool>,
}

impl Function {
    /// Creates a function without a description or parameters.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

/// A passage found by [`Output::file_search`](super::Output::file_search).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Passage {
    /// The id of the file.
    pub file_id: String,
    /// The name of the file.
    pub file_name: String,
    /// The number of the search among those of the answer, from 1.
    pub search: usize,
    /// The position of the passage among the results of the search, from 0.
    pub index: usize,
    /// The relevance, from 0 to 1.
    pub score: f64,
    /// The text of the passage.
    pub text: String,
}

/// The code interpreter of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodeTool {
    /// The names of the files of the user that code finds in `/mnt/data`.
    pub files: Vec<String>,
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
    /// The function with this name must be called.
    Function(String),
}

/// A call of a function together with its output.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompletedCall {
    /// The id of the call.
    pub id: String,
    /// The name of the function.
    pub name: String,
    /// The arguments: JSON text, as the model wrote it.
    pub arguments: String,
    /// The output that the client submitted.
    pub output: String,
}

impl CompletedCall {
    /// Creates a call with its output.
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
