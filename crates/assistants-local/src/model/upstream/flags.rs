//! What an upstream server accepts: servers that speak "the same" protocol differ in what they reject.

use serde::{Deserialize, Serialize};

/// Differences between upstream servers.
///
/// The defaults depend on the server's address ([`Flags::of_server`]) and can be overridden one by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Flags {
    /// The member that limits the length of an answer.
    pub max_tokens_field: MaxTokensField,
    /// The lowest limit on the length of an answer that is accepted over responses, in tokens. Lower ones are raised to it.
    pub min_output_tokens: u64,
    /// The role of the message with the instructions.
    pub instructions_role: InstructionsRole,
    /// Whether functions may have the member `strict`.
    pub strict: bool,
    /// Whether the member `reasoning_effort` is accepted.
    pub reasoning_effort: bool,
    /// Whether functions can be offered to a model that reasons. If not, `reasoning_effort` is `none` with them.
    pub reasoning_with_tools: bool,
    /// Whether the reasoning of an answer with calls is sent back together with the outputs.
    pub reasoning_back: bool,
    /// Whether every answer with calls must have reasoning. An answer without it is sent with an empty one.
    pub reasoning_required: bool,
    /// Whether the member `parallel_tool_calls` is accepted.
    pub parallel_tool_calls: bool,
    /// The forms of `tool_choice` that are accepted.
    pub tool_choice: ToolChoiceForms,
    /// How images are sent.
    pub images: ImageForm,
    /// The form of call ids that are sent back.
    pub call_ids: CallIds,
    /// Whether a stream can be asked for the token usage.
    pub usage_in_stream: bool,
    /// The response formats that are accepted. Others are described to the model in the instructions.
    pub response_format: ResponseFormats,
    /// Whether a response format can be combined with functions.
    pub format_with_tools: bool,
    /// Whether an assistant message must stand between the output of a call and the next user message.
    pub assistant_after_tool: bool,
    /// The context length of the models in tokens, if known. Longer conversations are shortened before they are sent.
    pub context_tokens: Option<u64>,
}

impl Default for Flags {
    /// The common denominator, for servers that are not known.
    fn default() -> Self {
        Self {
            max_tokens_field: MaxTokensField::MaxTokens,
            min_output_tokens: 1,
            instructions_role: InstructionsRole::System,
            strict: false,
            reasoning_effort: false,
            reasoning_with_tools: true,
            reasoning_back: true,
            reasoning_required: false,
            parallel_tool_calls: true,
            tool_choice: ToolChoiceForms::All,
            images: ImageForm::Data,
            call_ids: CallIds::Any,
            usage_in_stream: true,
            response_format: ResponseFormats::All,
            format_with_tools: true,
            assistant_after_tool: false,
            context_tokens: None,
        }
    }
}

/// The member that limits the length of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MaxTokensField {
    /// `max_tokens`, which most servers know.
    MaxTokens,
    /// `max_completion_tokens`, which OpenAI's reasoning models require.
    MaxCompletionTokens,
}

/// The role of the message with the instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum InstructionsRole {
    /// `system`, which all servers know.
    System,
    /// `developer`, as OpenAI recommends for its reasoning models.
    Developer,
}

/// The accepted forms of `tool_choice`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolChoiceForms {
    /// Strings, and an object that names a function.
    All,
    /// Strings only. A function that must be called is then the only one offered, with `required`.
    Strings,
    /// The member is rejected or ignored, so it is not sent.
    None,
}

/// How images are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ImageForm {
    /// URLs as the user gave them; the upstream server fetches them. Files are sent as `data:` URLs.
    Url,
    /// `data:` URLs only; other URLs are fetched first.
    Data,
    /// Not at all; a note in the text says that there was an image.
    None,
}

/// The form of call ids that are sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallIds {
    /// Any text.
    Any,
    /// Nine letters or digits.
    NineAlphanumerics,
}

/// The accepted response formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResponseFormats {
    /// Text, JSON, and JSON of a schema.
    All,
    /// Text and JSON. A schema is described in the instructions.
    JsonObject,
    /// Text only. JSON and schemas are described in the instructions.
    Text,
}

impl Flags {
    /// Returns the defaults for the server at a host and port.
    #[must_use]
    pub fn of_server(host: &str, port: Option<u16>) -> Self {
        let flags = Self::default();
        let of = |domain: &str| host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        if of("openai.com") || of("azure.com") {
            return Self {
                max_tokens_field: MaxTokensField::MaxCompletionTokens,
                min_output_tokens: 16,
                instructions_role: InstructionsRole::Developer,
                strict: true,
                reasoning_effort: true,
                images: ImageForm::Url,
                ..flags
            };
        }
        if of("mistral.ai") {
            return Self {
                call_ids: CallIds::NineAlphanumerics,
                reasoning_back: false,
                assistant_after_tool: true,
                images: ImageForm::Url,
                ..flags
            };
        }
        if of("deepseek.com") {
            return Self {
                response_format: ResponseFormats::JsonObject,
                images: ImageForm::None,
                ..flags
            };
        }
        if of("anthropic.com") {
            return Self {
                response_format: ResponseFormats::Text,
                images: ImageForm::Url,
                ..flags
            };
        }
        if of("openrouter.ai") || of("groq.com") || of("x.ai") || of("together.xyz") {
            return Self {
                reasoning_effort: true,
                images: ImageForm::Url,
                ..flags
            };
        }
        match port {
            // LM Studio.
            Some(1234) => Self {
                tool_choice: ToolChoiceForms::Strings,
                ..flags
            },
            // Ollama, which ignores the member.
            Some(11434) => Self {
                tool_choice: ToolChoiceForms::Strings,
                reasoning_effort: true,
                ..flags
            },
            _ => flags,
        }
    }

    /// Returns these flags changed by what a list of models says about its server: Ollama, llama.cpp and vLLM name
    /// themselves as the owner.
    #[must_use]
    pub fn of_owner(self, owner: &str) -> Self {
        match owner {
            "library" => Self {
                tool_choice: ToolChoiceForms::Strings,
                reasoning_effort: true,
                ..self
            },
            // The grammar of a response format excludes calls.
            "llamacpp" => Self {
                format_with_tools: false,
                ..self
            },
            "vllm" => Self {
                images: ImageForm::Url,
                ..self
            },
            _ => self,
        }
    }

    /// Returns these flags with some replaced, given as a JSON object.
    ///
    /// # Errors
    ///
    /// The name of a flag that does not exist, or the reason why a value is not one of its flag.
    pub fn overridden(&self, flags: &serde_json::Map<String, serde_json::Value>) -> Result<Self, String> {
        let mut all = serde_json::to_value(self).map_err(|error| error.to_string())?;
        for (name, value) in flags {
            all[name] = value.clone();
        }
        serde_json::from_value(all).map_err(|error| error.to_string())
    }

    /// Changes the flag that an upstream's rejection is about, and returns its name. `None` if the rejection is about
    /// something else, or if the flag has that value already.
    pub(crate) fn learn(&mut self, rejection: &str) -> Option<&'static str> {
        let text = rejection.to_ascii_lowercase();
        let rule = RULES
            .iter()
            .find(|rule| rule.words.iter().all(|words| text.contains(words)))?;
        let before = self.clone();
        (rule.change)(self);
        (*self != before).then_some(rule.flag)
    }
}

/// What a rejection says about a flag.
struct Rule {
    /// The words that all occur in the rejection, in lower case.
    words: &'static [&'static str],
    flag: &'static str,
    change: fn(&mut Flags),
}

const fn rule(words: &'static [&'static str], flag: &'static str, change: fn(&mut Flags)) -> Rule {
    Rule { words, flag, change }
}

/// The rules, of which the first that matches counts.
const RULES: &[Rule] = &[
    // vLLM was started without support for calls. No flag helps.
    rule(&["--enable-auto-tool-choice"], "tool_choice", |_| {}),
    // "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    rule(
        &["'max_tokens'", "max_completion_tokens"],
        "max_tokens_field",
        |flags| {
            flags.max_tokens_field = MaxTokensField::MaxCompletionTokens;
        },
    ),
    rule(&["max_completion_tokens"], "max_tokens_field", |flags| {
        flags.max_tokens_field = MaxTokensField::MaxTokens;
    }),
    rule(&["stream_options"], "usage_in_stream", |flags| {
        flags.usage_in_stream = false;
    }),
    rule(&["tool_choice"], "tool_choice", |flags| {
        flags.tool_choice = match flags.tool_choice {
            ToolChoiceForms::All => ToolChoiceForms::Strings,
            _ => ToolChoiceForms::None,
        };
    }),
    rule(&["response_format"], "response_format", fewer_formats),
    rule(&["json_schema"], "response_format", fewer_formats),
    rule(&["parallel_tool_calls"], "parallel_tool_calls", |flags| {
        flags.parallel_tool_calls = false;
    }),
    // "Function tools with reasoning_effort are not supported … set reasoning_effort to 'none'", also if none was sent.
    rule(
        &["function tools", "reasoning_effort"],
        "reasoning_with_tools",
        |flags| {
            flags.reasoning_with_tools = false;
        },
    ),
    rule(&["reasoning_effort"], "reasoning_effort", |flags| {
        flags.reasoning_effort = false;
    }),
    rule(&["reasoning.effort"], "reasoning_effort", |flags| {
        flags.reasoning_effort = false;
    }),
    rule(&["text.format"], "response_format", fewer_formats),
    // "Encrypted content is not supported with this model."
    rule(&["encrypted content"], "reasoning_back", |flags| {
        flags.reasoning_back = false;
    }),
    rule(&["encrypted_content"], "reasoning_back", |flags| {
        flags.reasoning_back = false;
    }),
    // "The `reasoning_content` in the thinking mode must be passed back"
    rule(&["reasoning_content", "passed back"], "reasoning_required", |flags| {
        flags.reasoning_back = true;
        flags.reasoning_required = true;
    }),
    rule(&["reasoning_content"], "reasoning_back", |flags| {
        flags.reasoning_back = false;
    }),
    rule(&["reasoning_details"], "reasoning_back", |flags| {
        flags.reasoning_back = false;
    }),
    rule(&["strict"], "strict", |flags| flags.strict = false),
    rule(&["developer"], "instructions_role", |flags| {
        flags.instructions_role = InstructionsRole::System;
    }),
    rule(&["invalid image"], "images", other_images),
    rule(&["image_url"], "images", other_images),
    // "Tool call id was … but must be a-z, A-Z, 0-9, with a length of 9."
    rule(&["a-z, 0-9", "length of 9"], "call_ids", |flags| {
        flags.call_ids = CallIds::NineAlphanumerics;
    }),
];

fn fewer_formats(flags: &mut Flags) {
    flags.response_format = match flags.response_format {
        ResponseFormats::All => ResponseFormats::JsonObject,
        _ => ResponseFormats::Text,
    };
}

fn other_images(flags: &mut Flags) {
    flags.images = match flags.images {
        ImageForm::Url => ImageForm::Data,
        _ => ImageForm::None,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// The flags that differ from those of an unknown server.
    fn differences(flags: &Flags) -> Value {
        let mut flags = serde_json::to_value(flags).unwrap();
        let unknown = serde_json::to_value(Flags::default()).unwrap();
        flags
            .as_object_mut()
            .unwrap()
            .retain(|name, value| *value != unknown[&**name]);
        flags
    }

    #[test]
    fn the_defaults_depend_on_the_server() {
        let openai = json!({
            "max_tokens_field": "max_completion_tokens", "min_output_tokens": 16, "instructions_role": "developer",
            "strict": true, "reasoning_effort": true, "images": "url",
        });
        let reasoning = json!({"reasoning_effort": true, "images": "url"});
        for (host, port, want) in [
            ("api.openai.com", None, &openai),
            ("me.openai.azure.com", None, &openai),
            ("notopenai.com", None, &json!({})),
            (
                "api.mistral.ai",
                None,
                &json!({
                    "call_ids": "nine_alphanumerics", "reasoning_back": false, "assistant_after_tool": true, "images": "url",
                }),
            ),
            (
                "api.deepseek.com",
                None,
                &json!({"response_format": "json_object", "images": "none"}),
            ),
            (
                "api.anthropic.com",
                None,
                &json!({"response_format": "text", "images": "url"}),
            ),
            ("openrouter.ai", None, &reasoning),
            ("api.groq.com", None, &reasoning),
            ("api.x.ai", None, &reasoning),
            ("api.together.xyz", None, &reasoning),
            ("127.0.0.1", Some(1234), &json!({"tool_choice": "strings"})),
            (
                "127.0.0.1",
                Some(11434),
                &json!({"tool_choice": "strings", "reasoning_effort": true}),
            ),
            ("127.0.0.1", Some(8080), &json!({})),
        ] {
            assert_eq!(differences(&Flags::of_server(host, port)), *want, "{host}");
        }
        for (owner, want) in [
            ("library", json!({"tool_choice": "strings", "reasoning_effort": true})),
            ("llamacpp", json!({"format_with_tools": false})),
            ("vllm", json!({"images": "url"})),
            ("someone", json!({})),
        ] {
            assert_eq!(differences(&Flags::default().of_owner(owner)), want, "{owner}");
        }
    }

    #[test]
    fn every_flag_can_be_overridden_and_no_other_name() {
        let flags = Flags::default();
        let with = |name: &str, value| flags.overridden(&[(name.to_owned(), value)].into_iter().collect());
        assert_eq!(
            with("max_tokens_field", json!("max_completion_tokens"))
                .unwrap()
                .max_tokens_field,
            MaxTokensField::MaxCompletionTokens
        );
        assert_eq!(with("context_tokens", json!(8192)).unwrap().context_tokens, Some(8192));
        let error = with("max_token_field", json!("max_tokens")).unwrap_err();
        assert!(error.contains("max_token_field"), "{error}");
        let error = with("images", json!("png")).unwrap_err();
        assert!(error.contains("png"), "{error}");
    }

    #[test]
    fn a_rejection_changes_its_flag_once() {
        for (text, name) in [
            ("Unsupported parameter: 'max_completion_tokens'", None),
            (
                "Use 'max_completion_tokens' instead of 'max_tokens'.",
                Some("max_tokens_field"),
            ),
            (
                "Invalid tool_choice type: 'object'. Supported string values: none, auto, required",
                Some("tool_choice"),
            ),
            ("This response_format type is unavailable now", Some("response_format")),
            (
                "stream_options: Extra inputs are not permitted",
                Some("usage_in_stream"),
            ),
            ("The model is overloaded", None),
        ] {
            assert_eq!(Flags::default().learn(text), name, "{text}");
        }
    }
}
