//! Small requests that show what an upstream server can do.

use std::ops::ControlFlow;

use serde_json::{Value, json};

use super::flags::Flags;
use super::respond::respond;
use super::server::Upstream;
use crate::model::stop::Stop;
use crate::model::{
    Failure, Function, Image, ImageSource, ModelMessage, ModelRequest, Output, Piece, Role, ToolChoice,
};

/// What was tried, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What was asked for.
    pub request: &'static str,
    /// Whether the server did it.
    pub works: bool,
    /// The answer, or why there is none.
    pub answer: String,
}

/// What the requests have shown.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Probe {
    /// One for each request.
    pub findings: Vec<Finding>,
    /// The flags that differ from the defaults for the server, by name, because it rejected a request without them.
    pub flags: Vec<(String, Value)>,
}

/// One small image: a red pixel.
const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

impl Upstream {
    /// Sends five small requests to a model: for text, for a call of a function, for a certain function, for JSON of a
    /// schema, and about an image.
    #[must_use]
    pub fn probe(&self, model: &str) -> Probe {
        let before = self.flags(model);
        let findings = vec![
            self.finding("text", model, &question("Say hello."), |answer| !answer.text.is_empty()),
            self.finding(
                "a call of a function",
                model,
                &with_functions("What is 2 plus 3? Use the function."),
                |answer| answer.calls == ["add"],
            ),
            self.finding(
                "a call of a certain function",
                model,
                &with_choice("Say hello."),
                |answer| answer.calls == ["add"],
            ),
            self.finding("JSON of a schema", model, &with_schema("Name a colour."), |answer| {
                serde_json::from_str::<Value>(answer.text.trim()).is_ok_and(|json| json["colour"].is_string())
            }),
            self.finding("an image", model, &with_image("Which colour is this?"), |answer| {
                !answer.text.is_empty()
            }),
        ];
        Probe {
            findings,
            flags: difference(&before, &self.flags(model)),
        }
    }

    fn finding(
        &self,
        request: &'static str,
        model: &str,
        asked: &ModelRequest,
        works: impl FnOnce(&Answer) -> bool,
    ) -> Finding {
        match self.ask(model, asked) {
            Ok(answer) => Finding {
                request,
                works: works(&answer),
                answer: answer.to_string(),
            },
            Err(Failure::Stopped) => Finding {
                request,
                works: false,
                answer: "stopped".to_owned(),
            },
            Err(Failure::Failed { message, .. }) => Finding {
                request,
                works: false,
                answer: message,
            },
        }
    }

    fn ask(&self, model: &str, request: &ModelRequest) -> Result<Answer, Failure> {
        let mut answer = Answer::default();
        let stop = Stop::default();
        let mut take = |piece: Piece<'_>| {
            match piece {
                Piece::Text(text) => answer.text.push_str(text),
                Piece::Call { name } => answer.calls.push(name.to_owned()),
                _ => {}
            }
            ControlFlow::Continue(())
        };
        respond(self, model, request, &mut Output::new(&mut take, &stop))?;
        Ok(answer)
    }
}

#[derive(Debug, Default)]
struct Answer {
    text: String,
    calls: Vec<String>,
}

impl std::fmt::Display for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for call in &self.calls {
            write!(formatter, "{call}(…) ")?;
        }
        let text: String = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        formatter.write_str(&text.chars().take(80).collect::<String>())
    }
}

fn question(text: &str) -> ModelRequest {
    ModelRequest {
        messages: vec![ModelMessage::new(Role::User, text)],
        max_completion_tokens: Some(500),
        parallel_tool_calls: true,
        ..ModelRequest::default()
    }
}

fn with_functions(text: &str) -> ModelRequest {
    let mut add = Function::new("add");
    add.description = Some("Adds two numbers.".to_owned());
    add.parameters = Some(json!({
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
        "required": ["a", "b"],
        "additionalProperties": false,
    }));
    add.strict = Some(true);
    ModelRequest {
        functions: vec![add],
        ..question(text)
    }
}

fn with_choice(text: &str) -> ModelRequest {
    ModelRequest {
        tool_choice: ToolChoice::Function("add".to_owned()),
        ..with_functions(text)
    }
}

fn with_schema(text: &str) -> ModelRequest {
    let schema = json!({
        "type": "object",
        "properties": {"colour": {"type": "string"}},
        "required": ["colour"],
        "additionalProperties": false,
    });
    let format = json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": true}});
    ModelRequest {
        response_format: Some(format),
        ..question(text)
    }
}

fn with_image(text: &str) -> ModelRequest {
    let mut request = question(text);
    for message in &mut request.messages {
        message
            .images
            .push(Image::new(ImageSource::Url(PIXEL.to_owned()), None));
    }
    request
}

/// Returns the flags of `after` that differ from those of `before`.
fn difference(before: &Flags, after: &Flags) -> Vec<(String, Value)> {
    let members = |flags: &Flags| match serde_json::to_value(flags) {
        Ok(Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    };
    let before = members(before);
    let after = members(after).into_iter();
    after.filter(|(name, value)| before.get(name) != Some(value)).collect()
}
