//! Plays a fixture: the peer, the server, and the client that asks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use assistants_blocking::chat::{ChatCompletion, ChatMessage, CreateChatCompletion};
use assistants_blocking::openai::{
    Client, CreateAssistant, CreateMessage, CreateRun, CreateThread, Run, RunStatus, RunStep, StepToolCall, ToolOutput,
};
use assistants_blocking::{Error, FileSource};
use assistants_local::LocalServer;
use assistants_local::model::Catalog;
use assistants_local::model::upstream::{Endpoint, Upstream};
use serde_json::{Value, json};
use test_peer::{Nobody, Peer, Request, Response};

use crate::fixture::{Ends, Exchange, Fixture, Turn, Via};

/// The requests for an answer, in either dialect.
const ASKS: [&str; 2] = ["POST /v1/chat/completions", "POST /v1/responses"];

/// The start of a PNG file.
const IMAGE: &[u8] = b"\x89PNG\r\n\x1a\n";

pub(crate) fn play(fixture: &Fixture) {
    let faults = Arc::default();
    let owner = fixture.owner.as_deref().unwrap_or("someone");
    let peer = peer(fixture.exchanges.clone(), owner, &faults);
    let nobody = fixture.unreachable.then(Nobody::new);
    let url = match &nobody {
        Some(nobody) => format!("http://{}/v1", nobody.address()),
        None => peer.url("/v1"),
    };
    let mut endpoint = Endpoint::new(url);
    endpoint.flags = fixture.flags.clone();
    endpoint.dialect = fixture.dialect;
    let models = catalog(endpoint);
    let server = LocalServer::builder().model(Arc::clone(&models)).start().unwrap();
    let client = Client::builder().base_url(server.base_url()).build().unwrap();
    let mut stage = Stage::new(client, fixture);
    for (index, turn) in fixture.turns().iter().enumerate() {
        let outcome = match turn.via {
            Via::Run => stage.run(turn),
            Via::Chat | Via::ChatStream => stage.chat(turn),
        };
        let faults = faults.lock().unwrap().join("\n");
        assert!(faults.is_empty(), "{faults}");
        outcome.compare(&turn.ends, index);
    }
    assert_eq!(
        models.upstreams()[0].cut_prompts(),
        fixture.cut_prompts,
        "prompts were cut"
    );
    drop(server);
    let requests = peer.finish();
    let asked = requests.iter().filter(|request| request.method == "POST").count();
    assert_eq!(asked, fixture.exchanges.len(), "requests for completions");
}

/// Returns the models of a server, which is asked again without a noticeable wait.
pub(crate) fn catalog(mut endpoint: Endpoint) -> Arc<Catalog> {
    endpoint.retries.wait = Duration::from_millis(1);
    endpoint.retries.longest_wait = Duration::from_millis(100);
    let upstream = Upstream::new("up", endpoint).unwrap();
    Arc::new(Catalog::new(vec![upstream], std::iter::empty().collect()))
}

/// Returns the list of the peer's models.
pub(crate) fn models(owner: &str) -> Response {
    let models = json!({"object": "list", "data": [{"id": "m", "object": "model", "created": 0, "owned_by": owner}]});
    Response::json(&models.to_string())
}

/// Answers requests with these exchanges in their order, and adds what is wrong with them to `faults`.
pub(crate) fn peer(exchanges: Vec<Exchange>, owner: &str, faults: &Arc<Mutex<Vec<String>>>) -> Peer {
    let exchanges = Mutex::new(exchanges.into_iter().enumerate());
    let (owner, faults) = (owner.to_owned(), Arc::clone(faults));
    Peer::serve(move |request: &Request| {
        if request.line() == "GET /v1/models" {
            return vec![models(&owner).into()];
        }
        let next = exchanges.lock().unwrap().next();
        let fault = match &next {
            _ if !ASKS.contains(&request.line().as_str()) => request.line(),
            None => "one more request than expected".to_owned(),
            Some((index, exchange)) => match exchange.check(request) {
                Ok(()) => return exchange.steps(),
                Err(fault) => format!("exchange {index}: {fault}"),
            },
        };
        faults.lock().unwrap().push(fault);
        vec![Response::new("418 Unexpected").into()]
    })
}

/// A client with an assistant and a thread.
struct Stage {
    client: Client,
    assistant_id: String,
    thread_id: String,
    image: Option<String>,
    tools: Vec<Value>,
}

/// What has become of a question.
#[derive(Debug, Default)]
struct Outcome {
    status: String,
    text: String,
    calls: Vec<(String, String)>,
    error: Option<(String, String)>,
    usage: Option<(i64, i64)>,
    incomplete: Option<String>,
}

impl Stage {
    fn new(client: Client, fixture: &Fixture) -> Self {
        let tools = fixture.functions.iter().map(|name| {
            json!({"type": "function", "function": {"name": name, "parameters": {
                "type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"],
            }}})
        });
        let tools: Vec<Value> = tools.collect();
        let assistant = json!({"model": "m", "instructions": "Be brief.", "tools": tools});
        let assistant: CreateAssistant = serde_json::from_value(assistant).unwrap();
        let mut stage = Self {
            assistant_id: client.assistants().create(assistant).send().unwrap().id,
            thread_id: client.threads().create(CreateThread::default()).send().unwrap().id,
            image: None,
            client,
            tools,
        };
        for message in &fixture.earlier {
            stage.add_message(message.clone());
        }
        stage
    }

    fn add_message(&mut self, mut message: Value) {
        self.expand(&mut message["content"]);
        let message: CreateMessage = serde_json::from_value(message).unwrap();
        self.client.messages(&self.thread_id).create(message).send().unwrap();
    }

    /// Replaces `words:N` and the file id `image`.
    fn expand(&mut self, content: &mut Value) {
        if let Some(words) = content.as_str().and_then(|text| text.strip_prefix("words:")) {
            *content = "word ".repeat(words.parse().unwrap()).trim_end().into();
        }
        for part in content.as_array_mut().into_iter().flatten() {
            if let Some(id) = part.pointer_mut("/image_file/file_id") {
                let files = self.client.files();
                let upload = || files.upload(FileSource::bytes("a.png", IMAGE), "vision").send();
                *id = self.image.get_or_insert_with(|| upload().unwrap().id).as_str().into();
            }
        }
    }

    /// Asks by a run, and submits the outputs that the turn has.
    fn run(&mut self, turn: &Turn) -> Outcome {
        let question = turn.question.clone().unwrap_or_else(|| "Question".into());
        self.add_message(json!({"role": "user", "content": question}));
        let mut params = turn.run.clone();
        params.insert("assistant_id".to_owned(), self.assistant_id.as_str().into());
        let params: CreateRun = serde_json::from_value(params.into()).unwrap();
        let runs = self.client.runs(&self.thread_id);
        let mut run = runs.create(params).send().unwrap();
        let mut outputs = turn.outputs.iter();
        loop {
            run = runs.poll(&run.id).send().unwrap();
            if run.status != RunStatus::RequiresAction {
                return self.outcome(&run);
            }
            let outputs = outputs.next().expect("outputs for every round of calls");
            assert_eq!(run.tool_calls().len(), outputs.len(), "calls of a round");
            let calls = run.tool_calls().iter().zip(outputs);
            let outputs = calls.map(|(call, output)| ToolOutput::default().tool_call_id(&call.id).output(output));
            let outputs: Vec<ToolOutput> = outputs.collect();
            run = runs.submit_tool_outputs(&run.id, outputs).send().unwrap();
        }
    }

    fn outcome(&self, run: &Run) -> Outcome {
        let messages = self
            .client
            .messages(&run.thread_id)
            .list()
            .into_iter()
            .map(Result::unwrap);
        let mut answers = messages.filter(|message| message.run_id.as_deref() == Some(&run.id));
        let steps = self.client.run_steps(&run.thread_id, &run.id).list().into_iter();
        let mut steps: Vec<RunStep> = steps.map(Result::unwrap).collect();
        steps.reverse();
        let calls = steps.iter().flat_map(RunStep::tool_calls);
        let calls = calls.filter_map(|call| match call {
            StepToolCall::Function(call) => Some((call.function.name.clone(), call.function.arguments.clone())),
            _ => None,
        });
        let details = run.incomplete_details.as_ref();
        Outcome {
            status: run.status.as_str().to_owned(),
            text: answers.next().map(|message| message.text()).unwrap_or_default(),
            calls: calls.collect(),
            error: run
                .last_error
                .as_ref()
                .map(|error| (error.code.as_str().to_owned(), error.message.clone())),
            usage: run
                .usage
                .as_ref()
                .map(|usage| (usage.prompt_tokens, usage.completion_tokens)),
            incomplete: details.and_then(|details| Some(details.reason.as_ref()?.to_string())),
        }
    }

    /// Asks by a chat completion, and continues it with the outputs that the turn has.
    fn chat(&mut self, turn: &Turn) -> Outcome {
        let mut question = turn.question.clone().unwrap_or_else(|| "Question".into());
        self.expand(&mut question);
        let mut body = turn.run.clone();
        body.insert("model".to_owned(), "m".into());
        body.insert(
            "messages".to_owned(),
            json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}]),
        );
        if !self.tools.is_empty() {
            body.insert("tools".to_owned(), self.tools.clone().into());
        }
        let mut params: CreateChatCompletion = serde_json::from_value(body.into()).unwrap();
        let (mut outputs, mut calls) = (turn.outputs.iter(), Vec::new());
        loop {
            let completion = match self.complete(params.clone(), turn.via) {
                Ok(completion) => completion,
                Err(Error::Api(error)) => {
                    return Outcome {
                        status: error.status.map_or_else(String::new, |status| status.to_string()),
                        error: Some((error.code.unwrap_or_default(), error.message)),
                        ..Outcome::default()
                    };
                }
                Err(error) => panic!("{error}"),
            };
            let new = completion.function_calls();
            calls.extend(new.map(|call| (call.function.name.clone(), call.function.arguments.clone())));
            let Some(outputs) = outputs.next() else {
                return Outcome {
                    status: completion.finish_reason().unwrap().to_string(),
                    text: completion.text().to_owned(),
                    calls,
                    usage: completion
                        .usage
                        .as_ref()
                        .map(|usage| (usage.prompt_tokens, usage.completion_tokens)),
                    ..Outcome::default()
                };
            };
            params.messages.push(completion.to_message());
            for (call, output) in completion.function_calls().zip(outputs) {
                params.messages.push(ChatMessage::tool(&call.id, output.as_str()));
            }
        }
    }

    fn complete(&self, params: CreateChatCompletion, via: Via) -> Result<ChatCompletion, Error> {
        if via == Via::Chat {
            self.client.chat().create(params).max_retries(0).send()
        } else {
            self.client.chat().stream(params).max_retries(0).send()?.finish()
        }
    }
}

impl Outcome {
    #[track_caller]
    fn compare(&self, ends: &Ends, turn: usize) {
        assert_eq!(self.status, ends.status, "turn {turn}: {:?}", self.error);
        if let Some(text) = &ends.text {
            assert_eq!(&self.text, text, "turn {turn}");
        }
        if let Some(calls) = &ends.calls {
            assert_eq!(&self.calls, calls, "turn {turn}");
        }
        if let Some((code, texts)) = &ends.last_error {
            let (found, message) = self.error.as_ref().expect("an error");
            assert_eq!(found, code, "{message}");
            for text in texts {
                assert!(message.contains(text.as_str()), "{text:?} is not in {message:?}");
            }
        }
        if ends.usage.is_some() {
            assert_eq!(self.usage, ends.usage, "turn {turn}");
        }
        if ends.incomplete.is_some() {
            assert_eq!(self.incomplete, ends.incomplete, "turn {turn}");
        }
    }
}
