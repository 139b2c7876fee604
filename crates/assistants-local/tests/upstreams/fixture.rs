//! The format of the files, and how an exchange is compared and answered.

use assistants_local::model::upstream::Dialect;
use serde::Deserialize;
use serde_json::{Map, Value};
use test_peer::{Request, Response, Step};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fixture {
    pub(crate) quirk: String,
    pub(crate) seen: String,
    #[serde(default)]
    pub(crate) flags: Map<String, Value>,
    pub(crate) owner: Option<String>,
    pub(crate) dialect: Option<Dialect>,
    #[serde(default)]
    pub(crate) unreachable: bool,
    #[serde(default)]
    pub(crate) functions: Vec<String>,
    #[serde(default)]
    pub(crate) earlier: Vec<Value>,
    pub(crate) exchanges: Vec<Exchange>,
    #[serde(default)]
    pub(crate) cut_prompts: u64,
    // The first turn.
    #[serde(default)]
    via: Via,
    question: Option<Value>,
    #[serde(default)]
    run: Map<String, Value>,
    #[serde(default)]
    outputs: Vec<Vec<String>>,
    ends: Ends,
    #[serde(default)]
    then: Vec<Turn>,
}

impl Fixture {
    pub(crate) fn turns(&self) -> Vec<Turn> {
        let first = Turn {
            via: self.via,
            question: self.question.clone(),
            run: self.run.clone(),
            outputs: self.outputs.clone(),
            ends: self.ends.clone(),
        };
        std::iter::once(first).chain(self.then.iter().cloned()).collect()
    }
}

/// A question and what becomes of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Turn {
    #[serde(default)]
    pub(crate) via: Via,
    pub(crate) question: Option<Value>,
    #[serde(default)]
    pub(crate) run: Map<String, Value>,
    #[serde(default)]
    pub(crate) outputs: Vec<Vec<String>>,
    pub(crate) ends: Ends,
}

/// How a question is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Via {
    #[default]
    Run,
    Chat,
    ChatStream,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ends {
    pub(crate) status: String,
    pub(crate) text: Option<String>,
    /// The calls of all rounds.
    pub(crate) calls: Option<Vec<(String, String)>>,
    /// The code, and texts that the message contains.
    pub(crate) last_error: Option<(String, Vec<String>)>,
    pub(crate) usage: Option<(i64, i64)>,
    pub(crate) incomplete: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    #[serde(default)]
    sent: Map<String, Value>,
    #[serde(default)]
    unsent: Vec<String>,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: Map<String, Value>,
    body: Option<Value>,
    #[serde(default)]
    chunks: Vec<Value>,
    #[serde(default = "yes")]
    done: bool,
    #[serde(default)]
    cut: bool,
    pieces: Option<usize>,
}

fn ok() -> u16 {
    200
}

fn yes() -> bool {
    true
}

impl Exchange {
    /// Checks a request.
    pub(crate) fn check(&self, request: &Request) -> Result<(), String> {
        let sent: Value = serde_json::from_slice(&request.body).map_err(|error| error.to_string())?;
        contains(&sent, &self.sent.clone().into(), "")?;
        match self.unsent.iter().find(|pointer| sent.pointer(pointer).is_some()) {
            Some(pointer) => Err(format!("{pointer} was sent")),
            None => Ok(()),
        }
    }

    /// Returns what the peer does about it.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let (kind, body) = match &self.body {
            Some(Value::String(text)) => ("application/json", text.clone()),
            Some(body) => ("application/json", body.to_string()),
            None => ("text/event-stream", self.events()),
        };
        let mut response = Response::new(&format!("{} Status", self.status));
        let names = || self.headers.keys();
        if !names().any(|name| name.eq_ignore_ascii_case("content-type")) {
            response = response.header("Content-Type", kind);
        }
        for (name, value) in &self.headers {
            response = response.header(name, value.as_str().expect("headers are texts"));
        }
        let mut steps = Vec::new();
        if self.cut {
            // More is announced than is sent.
            response = response.length(body.len() + 1);
        }
        let response = response.body(body);
        steps.push(match self.pieces {
            Some(bytes) => Step::Split(response.bytes(), vec![bytes]),
            None => response.into(),
        });
        if self.cut {
            steps.push(Step::Close);
        }
        steps
    }

    fn events(&self) -> String {
        let mut text = String::new();
        for chunk in &self.chunks {
            match chunk {
                Value::String(line) => text.push_str(&format!("{line}\n")),
                chunk => text.push_str(&format!("data: {chunk}\n\n")),
            }
        }
        if self.done && !self.cut {
            text.push_str("data: [DONE]\n\n");
        }
        text
    }
}

/// Compares what was sent with what has to be in it.
fn contains(sent: &Value, wanted: &Value, place: &str) -> Result<(), String> {
    match (sent, wanted) {
        (Value::String(sent), Value::Object(wanted)) if wanted.contains_key("$contains") => {
            let part = wanted["$contains"].as_str().expect("a part is a text");
            if sent.contains(part) {
                Ok(())
            } else {
                Err(format!("{place}: {sent:?} was sent, without {part:?}"))
            }
        }
        (Value::Object(sent), Value::Object(wanted)) => wanted.iter().try_for_each(|(name, value)| {
            let place = format!("{place}/{name}");
            contains(sent.get(name).unwrap_or(&Value::Null), value, &place)
        }),
        (Value::Array(sent), Value::Array(wanted)) if sent.len() == wanted.len() => {
            let mut pairs = sent.iter().zip(wanted).enumerate();
            pairs.try_for_each(|(index, (sent, wanted))| contains(sent, wanted, &format!("{place}/{index}")))
        }
        _ if sent == wanted => Ok(()),
        _ => Err(format!("{place}: {sent} was sent, not {wanted}")),
    }
}
