//! Scripts: what the server answers to certain prompts and requests, for tests of programs whose prompts are fixed.

mod answer_rule;
mod answers;
mod error;
mod parts;
mod pattern;
mod request_rule;
mod rules;

use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;

pub use self::error::ScriptError;
pub(crate) use self::request_rule::RequestRule;
pub(crate) use self::rules::Rules;

use self::answer_rule::AnswerRule;
use self::answers::ScriptedAnswers;
use crate::model::Model;

/// What a server answers to certain prompts and requests; see [`Builder::script`](crate::Builder::script).
///
/// A script is TOML, or JSON of the same shape. Its two lists, `answers` and `requests`, consist of rules; the first rule
/// that matches is used. `docs/testing.md` in the repository describes every member.
///
/// - A rule of `answers` is an answer of the model. It matches by the name of the model, the last user message, the
///   instructions, the round of function calls and their outputs. It writes text and calls of functions, or fails.
/// - A rule of `requests` is about HTTP. It matches by method, path and texts of the body. It responds with a status and
///   headers, delays the response, or breaks off a stream.
///
/// Prompts that no rule matches go to the model of the server, or fail if the script is `strict`.
///
/// ```
/// use assistants_local::{LocalServer, Script};
///
/// let script = Script::parse(
///     r#"
///     [[answers]]
///     prompt_contains = "weather"
///     round = 0
///     calls = [{ name = "get_weather", arguments = { city = "Paris" } }]
///
///     [[answers]]
///     prompt_contains = "weather"
///     round = 1
///     text = "It is sunny in Paris."
///     "#,
/// )?;
/// let server = LocalServer::builder().script(script).start()?;
/// # drop(server);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// Whether a prompt that no rule matches is an error.
    strict: bool,
    #[serde(deserialize_with = "rules::read")]
    answers: Vec<AnswerRule>,
    #[serde(deserialize_with = "rules::read")]
    requests: Vec<RequestRule>,
}

impl Script {
    /// Reads a script: JSON if its first character is `{`, otherwise TOML.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Invalid`] if the text is neither, or has an unknown member or an invalid value.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        // No TOML document begins with a brace.
        let parsed = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| error.to_string())
        } else {
            toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
        };
        parsed.map_err(|message| ScriptError::Invalid { path: None, message })
    }

    /// Reads a script from a file.
    ///
    /// # Errors
    ///
    /// - [`ScriptError::Read`] if the file cannot be read, or is not UTF-8.
    /// - [`ScriptError::Invalid`] as for [`parse`](Self::parse).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ScriptError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|source| ScriptError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|error| error.in_file(path))
    }

    /// Returns a model that answers as the script says, and passes other prompts on to `model`; and the rules for requests.
    pub(crate) fn apply_to(self, model: Arc<dyn Model>) -> (Arc<dyn Model>, Vec<RequestRule>) {
        let model = ScriptedAnswers::new(self.answers, self.strict, model);
        (Arc::new(model), self.requests)
    }
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        Self::parse(text)
    }
}
