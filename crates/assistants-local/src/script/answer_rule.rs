//! A rule for an answer of the model.

use std::num::NonZeroU64;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::parts::{json, milliseconds};
use super::pattern::Pattern;
use super::rules::Rule;
use crate::model::{FinishReason, ModelRequest};

/// Which prompts a rule matches, and the answer to them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AnswerRule {
    pub(super) model: Option<Pattern>,
    prompt: Option<String>,
    prompt_contains: Option<String>,
    instructions_contain: Option<String>,
    round: Option<usize>,
    tool_output_contains: Option<String>,
    times: Option<NonZeroU64>,

    pub(super) text: Option<Text>,
    pub(super) calls: Vec<ScriptedCall>,
    pub(super) file_search: Vec<String>,
    pub(super) error: Option<ScriptedError>,
    finish: Option<ScriptedFinish>,
    pub(super) usage: Option<ScriptedUsage>,
    #[serde(rename = "delay_ms", deserialize_with = "milliseconds")]
    pub(super) delay: Duration,
    #[serde(rename = "piece_delay_ms", deserialize_with = "milliseconds")]
    pub(super) piece_delay: Duration,
}

/// The text of an answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a string or a list of strings")]
pub(super) enum Text {
    /// Written word by word.
    Whole(String),
    Pieces(Vec<String>),
}

impl Text {
    /// Returns the pieces in which the text is written.
    pub(super) fn pieces(&self) -> Vec<&str> {
        match self {
            Self::Whole(text) => text.split_inclusive(char::is_whitespace).collect(),
            Self::Pieces(pieces) => pieces.iter().map(String::as_str).collect(),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScriptedCall {
    pub(super) name: String,
    /// JSON text, or any other text if the script has a string.
    #[serde(default = "no_arguments", deserialize_with = "arguments")]
    pub(super) arguments: String,
}

fn no_arguments() -> String {
    "{}".to_owned()
}

fn arguments<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match json(deserializer)? {
        Value::String(text) => Ok(text),
        members @ Value::Object(_) => Ok(members.to_string()),
        _ => Err(D::Error::custom(
            "expected a table, or a string that is passed on as it is",
        )),
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScriptedError {
    pub(super) code: String,
    pub(super) message: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ScriptedFinish {
    Stop,
    Length,
    ContentFilter,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScriptedUsage {
    pub(super) prompt_tokens: u64,
    pub(super) completion_tokens: u64,
}

impl AnswerRule {
    pub(super) fn matches(&self, request: &ModelRequest) -> bool {
        let contains = |part: &Option<String>, text: &str| part.as_ref().is_none_or(|part| text.contains(part));
        let prompt = request.last_user_text();
        let outputs = request.rounds.last().into_iter().flat_map(|answer| &answer.calls);
        self.model.as_ref().is_none_or(|model| model.matches(&request.model))
            && self.prompt.as_ref().is_none_or(|whole| whole == prompt)
            && contains(&self.prompt_contains, prompt)
            && contains(
                &self.instructions_contain,
                request.instructions.as_deref().unwrap_or_default(),
            )
            && self.round.is_none_or(|round| round == request.rounds.len())
            && (self.tool_output_contains.is_none()
                || outputs
                    .into_iter()
                    .any(|call| contains(&self.tool_output_contains, &call.output)))
    }

    pub(super) fn finish_reason(&self) -> FinishReason {
        match self.finish {
            None | Some(ScriptedFinish::Stop) => FinishReason::Stop,
            Some(ScriptedFinish::Length) => FinishReason::MaxCompletionTokens,
            Some(ScriptedFinish::ContentFilter) => FinishReason::ContentFilter,
        }
    }
}

impl Rule for AnswerRule {
    fn times(&self) -> Option<NonZeroU64> {
        self.times
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.text.is_none() && self.calls.is_empty() && self.error.is_none() && self.finish.is_none() {
            return Err("an answer needs `text`, `calls`, `error` or `finish`");
        }
        if self.error.is_some() && (self.finish.is_some() || self.usage.is_some()) {
            return Err("an answer with `error` has neither `finish` nor `usage`");
        }
        Ok(())
    }
}
