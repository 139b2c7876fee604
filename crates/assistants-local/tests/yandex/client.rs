//! A client that uses only HTTP and JSON.

use std::io::{BufRead, BufReader, Read};

use assistants_local::{Builder, LocalServer};
use serde_json::{Value, json};
use ureq::http::{HeaderMap, Request};
use ureq::{Agent, RequestExt};

/// A client of one server.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) url: String,
    agent: Agent,
    headers: Vec<(String, String)>,
}

/// A response with its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {:?}", self.text))
    }

    /// Returns the JSON of a response with status 200.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()
    }

    /// Returns the members `result` of the lines of a response with status 200.
    #[track_caller]
    pub(crate) fn lines(self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.text);
        self.text.lines().map(result).collect()
    }

    /// Formats an error response as `STATUS code: message`, and checks that it is in the provider's format.
    #[track_caller]
    pub(crate) fn error(&self) -> String {
        let error = self.json();
        assert_eq!(error["details"], json!([]), "{error}");
        let message = error["message"].as_str().unwrap();
        format!("{} {}: {message}", self.status, error["code"])
    }
}

/// Returns the event or message of a line.
#[track_caller]
pub(crate) fn result(line: &str) -> Value {
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line.as_object().unwrap().len(), 1, "{line}");
    assert!(line["result"].is_object(), "{line}");
    line["result"].clone()
}

impl Client {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).build();
        Self {
            url: url.into(),
            agent: config.into(),
            headers: Vec::new(),
        }
    }

    /// Returns the client with one more header.
    pub(crate) fn header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "")
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, "")
    }

    #[expect(clippy::needless_pass_by_value, reason = "every caller writes `json!(…)` in place")]
    pub(crate) fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, &body.to_string())
    }

    #[expect(clippy::needless_pass_by_value, reason = "every caller writes `json!(…)` in place")]
    pub(crate) fn patch(&self, path: &str, body: Value) -> Answer {
        self.call("PATCH", path, &body.to_string())
    }

    pub(crate) fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        let (parts, mut body) = self.send(method, path, body).into_parts();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: body.read_to_string().unwrap(),
        }
    }

    /// Starts to listen. The response is read only as far as the caller needs.
    #[track_caller]
    pub(crate) fn listen(&self, run: &str, first: u64) -> Lines {
        let path = format!("/assistants/v1/runs/listen?runId={run}&eventsStartIdx={first}");
        let (parts, body) = self.send("GET", &path, "").into_parts();
        assert_eq!(parts.status, 200);
        assert_eq!(parts.headers["content-type"], "application/json");
        assert_eq!(parts.headers["transfer-encoding"], "chunked");
        Lines(BufReader::new(Box::new(body.into_reader())))
    }

    fn send(&self, method: &str, path: &str, body: &str) -> ureq::http::Response<ureq::Body> {
        // URLs returned by the server are absolute.
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.url)
        };
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if matches!(method, "POST" | "PATCH") {
            request = request.header("content-type", "application/json");
        }
        let sent = if matches!(method, "POST" | "PATCH") {
            request.body(body.to_owned()).unwrap().with_agent(&self.agent).run()
        } else {
            request.body(()).unwrap().with_agent(&self.agent).run()
        };
        sent.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Creates an assistant with the functions `f` and `g`.
    pub(crate) fn assistant(&self) -> String {
        let function = |name: &str| json!({"function": {"name": name}});
        let body =
            json!({"folderId": "fld", "modelUri": "gpt://fld/test/latest", "tools": [function("f"), function("g")]});
        id(&self.post("/assistants/v1/assistants", body).ok())
    }

    /// Creates a thread with one user message.
    pub(crate) fn thread(&self, message: &str) -> String {
        let body = json!({"folderId": "fld", "messages": [{"content": content(message)}]});
        id(&self.post("/assistants/v1/threads", body).ok())
    }

    /// Starts a streamed run of a new assistant on a new thread.
    pub(crate) fn run(&self, message: &str) -> String {
        let body = json!({"assistantId": self.assistant(), "threadId": self.thread(message), "stream": true});
        id(&self.post("/assistants/v1/runs", body).ok())
    }

    /// Polls a run until it has this status. Each poll is a complete request, so no pause is needed.
    #[track_caller]
    pub(crate) fn wait_for(&self, run: &str, status: &str) -> Value {
        let start = std::time::Instant::now();
        loop {
            let seen = self.get(&format!("/assistants/v1/runs/{run}")).ok();
            if seen["state"]["status"] == status {
                return seen;
            }
            assert!(start.elapsed().as_secs() < 120, "the run is not {status} but {seen}");
        }
    }
}

/// Starts a server in memory, and returns it with its client.
pub(crate) fn serve() -> (LocalServer, Client) {
    start(LocalServer::builder())
}

pub(crate) fn start(builder: Builder) -> (LocalServer, Client) {
    let server = builder.start().unwrap();
    let client = Client::new(server.yandex_url());
    (server, client)
}

#[track_caller]
pub(crate) fn id(object: &Value) -> String {
    object["id"]
        .as_str()
        .unwrap_or_else(|| panic!("no id in {object}"))
        .to_owned()
}

/// Returns message content that consists of one text.
pub(crate) fn content(text: &str) -> Value {
    json!({"content": [{"text": {"content": text}}]})
}

/// The lines of a response, as they arrive.
pub(crate) struct Lines(BufReader<Box<dyn Read>>);

impl Iterator for Lines {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        (self.0.read_line(&mut line).unwrap() > 0).then(|| result(line.trim_end()))
    }
}

/// Abbreviates events: `0:text …`, with `CALLS name…`, `DONE text` or `ERROR message`.
pub(crate) fn short(events: impl IntoIterator<Item = Value>) -> String {
    let each = events.into_iter().map(|event| {
        let index = event["streamCursor"]["currentEventIdx"]
            .as_str()
            .unwrap_or("0")
            .to_owned();
        let text = |content: &Value| {
            content["content"][0]["text"]["content"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let what = match event["eventType"].as_str().unwrap() {
            "PARTIAL_MESSAGE" => text(&event["partialMessage"]),
            "DONE" => format!("DONE {}", text(&event["completedMessage"]["content"])),
            "ERROR" => format!("ERROR {}", event["error"]["message"].as_str().unwrap()),
            "TOOL_CALLS" => {
                let calls = event["toolCallList"]["toolCalls"].as_array().unwrap().iter();
                let calls = calls.map(|call| {
                    let call = &call["functionCall"];
                    format!(" {} {}", call["name"].as_str().unwrap(), call["arguments"])
                });
                format!("CALLS{}", calls.collect::<String>())
            }
            other => other.to_owned(),
        };
        format!("{index}:{what}")
    });
    each.collect::<Vec<_>>().join(" | ")
}
