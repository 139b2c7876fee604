//! Answers of upstream servers as they were seen: each file beside this one is a quirk of some server, played by a peer over
//! a socket, with what the run has to become.
//!
//! A file contains:
//!
//! | member | meaning |
//! | --- | --- |
//! | `quirk`, `seen` | what the server does, and who does it |
//! | `flags`, `owner` | flags of the upstream server; the `owned_by` of its models |
//! | `functions` | names of the run's functions, each with an object `{a: integer}` as its parameters |
//! | `question`, `run` | the user's message (`Question`), and members of the run's request |
//! | `exchanges` | the requests for completions in their order, each with its response |
//! | `outputs` | the outputs that the client submits, one list per round of calls |
//! | `ends` | the end of the run: `status`, `text`, `calls` as pairs of name and arguments, `last_error`, `usage` |
//!
//! An exchange has `sent`, what the request must contain (objects are compared member by member, lists item by item),
//! `unsent`, JSON pointers that must not exist in it, and a response: `status`, `headers`, and either `body` or `chunks`.
//! A chunk is the data of an event, or as a string a line of the stream as it is. `[DONE]` follows unless `done` is false.

mod probe;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use assistants_blocking::openai::{
    Client, CreateAssistant, CreateMessage, CreateRun, CreateThread, Run, RunStatus, ToolOutput,
};
use assistants_local::LocalServer;
use assistants_local::model::Catalog;
use assistants_local::model::upstream::{Endpoint, Upstream};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use test_peer::{Peer, Request, Response, Step};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    quirk: String,
    seen: String,
    #[serde(default)]
    flags: Map<String, Value>,
    owner: Option<String>,
    #[serde(default)]
    functions: Vec<String>,
    question: Option<Value>,
    #[serde(default)]
    run: Map<String, Value>,
    exchanges: Vec<Exchange>,
    #[serde(default)]
    outputs: Vec<Vec<String>>,
    ends: Ends,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
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
}

fn ok() -> u16 {
    200
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ends {
    status: String,
    text: Option<String>,
    /// The calls of all rounds.
    calls: Option<Vec<(String, String)>>,
    /// The code, and texts that the message contains.
    last_error: Option<(String, Vec<String>)>,
    usage: Option<(i64, i64)>,
    incomplete: Option<String>,
}

impl Exchange {
    fn response(&self) -> Response {
        let mut response = Response::new(&format!("{} Status", self.status));
        for (name, value) in &self.headers {
            response = response.header(name, value.as_str().expect("headers are texts"));
        }
        let has_type = self
            .headers
            .keys()
            .any(|name| name.eq_ignore_ascii_case("content-type"));
        if let Some(body) = &self.body {
            let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
            let response = if has_type {
                response
            } else {
                response.header("Content-Type", "application/json")
            };
            return response.body(text);
        }
        let mut text = String::new();
        for chunk in &self.chunks {
            match chunk {
                Value::String(line) => text.push_str(&format!("{line}\n")),
                chunk => text.push_str(&format!("data: {chunk}\n\n")),
            }
        }
        if self.done {
            text.push_str("data: [DONE]\n\n");
        }
        let response = if has_type {
            response
        } else {
            response.header("Content-Type", "text/event-stream")
        };
        response.body(text)
    }
}

/// Compares what was sent with what has to be in it.
fn contains(sent: &Value, wanted: &Value, place: &str) -> Result<(), String> {
    match (sent, wanted) {
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

impl Exchange {
    fn check(&self, request: &Request) -> Result<(), String> {
        let sent: Value = serde_json::from_slice(&request.body).map_err(|error| error.to_string())?;
        contains(&sent, &self.sent.clone().into(), "")?;
        match self.unsent.iter().find(|pointer| sent.pointer(pointer).is_some()) {
            Some(pointer) => Err(format!("{pointer} was sent")),
            None => Ok(()),
        }
    }
}

/// Answers the requests of a fixture in their order, and adds what is wrong with them to `faults`.
fn peer(fixture: &Fixture, faults: &Arc<Mutex<Vec<String>>>) -> Peer {
    let exchanges = Mutex::new(fixture.exchanges.clone().into_iter());
    let models = json!({"object": "list", "data": [
        {"id": "m", "object": "model", "created": 0, "owned_by": fixture.owner.as_deref().unwrap_or("someone")},
    ]});
    let faults = Arc::clone(faults);
    Peer::serve(move |request: &Request| {
        if request.line() == "GET /v1/models" {
            return vec![Response::json(&models.to_string()).into()];
        }
        let exchange = exchanges.lock().unwrap().next();
        let outcome = match &exchange {
            _ if request.line() != "POST /v1/chat/completions" => Err(request.line()),
            Some(exchange) => exchange.check(request),
            None => Err("one more request than expected".to_owned()),
        };
        match (outcome, exchange) {
            (Ok(()), Some(exchange)) => vec![Step::from(exchange.response())],
            (outcome, _) => {
                faults.lock().unwrap().extend(outcome.err());
                vec![Response::new("418 Unexpected").into()]
            }
        }
    })
}

fn check(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let fixture: Fixture = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(!fixture.quirk.is_empty() && !fixture.seen.is_empty());
    let faults = Arc::default();
    let peer = peer(&fixture, &faults);
    let mut endpoint = Endpoint::new(peer.url("/v1"));
    endpoint.flags = fixture.flags.clone();
    let upstream = Upstream::new("up", endpoint).unwrap();
    let server = LocalServer::builder()
        .model(Catalog::new(vec![upstream], std::iter::empty().collect()))
        .start()
        .unwrap();
    let client = Client::builder().base_url(server.base_url()).build().unwrap();
    let run = run(&client, &fixture);
    let faults = faults.lock().unwrap().join("\n");
    assert!(faults.is_empty(), "{faults}");
    compare(&client, &run, &fixture);
    drop(server);
    let requests = peer.finish();
    let asked = requests
        .iter()
        .filter(|request| request.line().starts_with("POST"))
        .count();
    assert_eq!(asked, fixture.exchanges.len(), "requests for completions");
}

/// Runs the fixture's question to its end, with the outputs that it has.
fn run(client: &Client, fixture: &Fixture) -> Run {
    let tools = fixture.functions.iter().map(|name| {
        json!({"type": "function", "function": {"name": name, "parameters": {
            "type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"],
        }}})
    });
    let assistant: CreateAssistant =
        serde_json::from_value(json!({"model": "m", "instructions": "Be brief.", "tools": tools.collect::<Vec<_>>()}))
            .unwrap();
    let assistant = client.assistants().create(assistant).send().unwrap();
    let thread = client.threads().create(CreateThread::default()).send().unwrap();
    let question = fixture.question.clone().unwrap_or_else(|| "Question".into());
    let message: CreateMessage = serde_json::from_value(json!({"role": "user", "content": question})).unwrap();
    client.messages(&thread).create(message).send().unwrap();
    let mut params = fixture.run.clone();
    params.insert("assistant_id".to_owned(), assistant.id.into());
    let params: CreateRun = serde_json::from_value(params.into()).unwrap();
    let mut run = client.runs(&thread).create(params).send().unwrap();
    let mut outputs = fixture.outputs.iter();
    loop {
        run = client.runs(&thread).poll(&run.id).send().unwrap();
        if run.status != RunStatus::RequiresAction {
            return run;
        }
        let outputs = outputs
            .next()
            .expect("more rounds of calls than the file has outputs for");
        assert_eq!(run.tool_calls().len(), outputs.len(), "calls of a round");
        let outputs = run
            .tool_calls()
            .iter()
            .zip(outputs)
            .map(|(call, output)| ToolOutput::default().tool_call_id(&call.id).output(output));
        let outputs: Vec<ToolOutput> = outputs.collect();
        run = client
            .runs(&thread)
            .submit_tool_outputs(&run.id, outputs)
            .send()
            .unwrap();
    }
}

#[track_caller]
fn compare(client: &Client, run: &Run, fixture: &Fixture) {
    let ends = &fixture.ends;
    assert_eq!(run.status.as_str(), ends.status, "{:?}", run.last_error);
    if let Some(text) = &ends.text {
        let messages = client.messages(&run.thread_id).list().into_iter().map(Result::unwrap);
        let answer = messages.take(1).map(|message| message.text()).collect::<String>();
        assert_eq!(&answer, text);
    }
    if let Some(calls) = &ends.calls {
        let mut steps: Vec<_> = client
            .run_steps(&run.thread_id, &run.id)
            .list()
            .into_iter()
            .map(Result::unwrap)
            .collect();
        steps.reverse();
        let made: Vec<(String, String)> = steps
            .iter()
            .flat_map(assistants_blocking::openai::RunStep::tool_calls)
            .filter_map(|call| match call {
                assistants_blocking::openai::StepToolCall::Function(call) => {
                    Some((call.function.name.clone(), call.function.arguments.clone()))
                }
                _ => None,
            })
            .collect();
        assert_eq!(&made, calls);
    }
    if let Some((code, texts)) = &ends.last_error {
        let error = run.last_error.as_ref().expect("the run has a last_error");
        assert_eq!(error.code.as_str(), code, "{}", error.message);
        for text in texts {
            assert!(
                error.message.contains(text.as_str()),
                "{text:?} is not in {:?}",
                error.message
            );
        }
    }
    if let Some((prompt, completion)) = ends.usage {
        let usage = run.usage.as_ref().expect("the run has a usage");
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (prompt, completion));
    }
    if let Some(reason) = &ends.incomplete {
        let details = run
            .incomplete_details
            .as_ref()
            .and_then(|details| details.reason.as_ref());
        assert_eq!(details.map(ToString::to_string).as_ref(), Some(reason));
    }
}

#[test]
fn every_quirk_has_its_outcome() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upstreams");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    assert!(!files.is_empty());
    let only = std::env::var("FIXTURE").ok();
    let mut failed = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        // All are tried, so that one run shows every difference.
        if std::panic::catch_unwind(|| check(&path)).is_err() {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}
