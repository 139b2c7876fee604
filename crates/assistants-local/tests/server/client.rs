//! A client that uses only HTTP and JSON.

use std::io::{BufRead, BufReader, Read};

use assistants_local::{Builder, LocalServer};
use serde_json::{Value, json};
use ureq::http::{HeaderMap, Request};
use ureq::{Agent, RequestExt};

/// A client of one server.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) base_url: String,
    agent: Agent,
    headers: Vec<(String, String)>,
}

/// A response with its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

impl Answer {
    /// Returns the JSON of a response with status 200.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.json);
        self.json
    }

    /// Formats an error response as `STATUS param code: message`, and checks that it is in the provider's format.
    #[track_caller]
    pub(crate) fn error(&self) -> String {
        let error = &self.json["error"];
        // Sorted, because their order depends on a feature of `serde_json` that other crates of the workspace enable.
        let mut members: Vec<&str> = error.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["code", "message", "param", "type"]);
        let word = |member: &str| error[member].as_str().unwrap_or("-").to_owned();
        format!(
            "{} {} {}: {}",
            self.status,
            word("param"),
            word("code"),
            word("message")
        )
    }
}

impl Client {
    pub(crate) fn new(base_url: impl Into<String>) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).build();
        Self {
            base_url: base_url.into(),
            agent: config.into(),
            headers: Vec::new(),
        }
    }

    /// Returns the client with one more header.
    pub(crate) fn header(&self, name: &str, value: &str) -> Self {
        let mut headers = self.headers.clone();
        headers.push((name.to_owned(), value.to_owned()));
        Self {
            headers,
            ..self.clone()
        }
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

    pub(crate) fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        let response = self.send(method, path, body);
        let (parts, mut body) = response.into_parts();
        let text = body.read_to_string().unwrap();
        let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{method} {path}: {error} in {text:?}"));
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            json,
        }
    }

    /// Starts a stream, which is read only as far as the caller needs.
    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "every caller writes `json!(…)` in place")]
    pub(crate) fn stream(&self, path: &str, body: Value) -> Events {
        Self::events(self.send("POST", path, &body.to_string()))
    }

    /// Follows a run after the event with this id, or from the beginning.
    #[track_caller]
    pub(crate) fn follow(&self, run: &str, after: Option<&str>) -> Events {
        let client = match after {
            Some(id) => self.header("last-event-id", id),
            None => self.clone(),
        };
        Self::events(client.send("GET", &format!("{run}/events"), ""))
    }

    #[track_caller]
    fn events(response: ureq::http::Response<ureq::Body>) -> Events {
        let (parts, body) = response.into_parts();
        assert_eq!(parts.status, 200);
        assert_eq!(parts.headers["content-type"], "text/event-stream; charset=utf-8");
        assert!(parts.headers["x-request-id"].to_str().unwrap().starts_with("req_"));
        Events(BufReader::new(Box::new(body.into_reader())))
    }

    fn send(&self, method: &str, path: &str, body: &str) -> ureq::http::Response<ureq::Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base_url));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let is_named = self.headers.iter().any(|(name, _)| name == "content-type");
        if matches!(method, "POST" | "PATCH") && !is_named {
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
        let function = |name: &str| json!({"type": "function", "function": {"name": name}});
        let body = json!({"model": "test", "tools": [function("f"), function("g")]});
        id(&self.post("/assistants", body).ok())
    }

    /// Creates a thread with one user message.
    pub(crate) fn thread(&self, message: &str) -> String {
        let body = json!({"messages": [{"role": "user", "content": message}]});
        id(&self.post("/threads", body).ok())
    }

    /// Polls a run until it has this status. Each poll is a complete request, so no pause is needed.
    #[track_caller]
    pub(crate) fn wait_for(&self, run: &str, status: &str) -> Value {
        // Generous for slow machines; a run that fails has another final status before that.
        let patience = std::time::Duration::from_secs(120);
        let start = std::time::Instant::now();
        loop {
            let seen = self.get(run).ok();
            if seen["status"] == status {
                return seen;
            }
            assert!(start.elapsed() < patience, "the run is not {status} but {seen}");
        }
    }
}

/// Starts a server in memory, and returns it with its client.
pub(crate) fn serve() -> (LocalServer, Client) {
    start(LocalServer::builder())
}

pub(crate) fn start(builder: Builder) -> (LocalServer, Client) {
    let server = builder.start().unwrap();
    let client = Client::new(server.base_url());
    (server, client)
}

#[track_caller]
pub(crate) fn id(object: &Value) -> String {
    object["id"]
        .as_str()
        .unwrap_or_else(|| panic!("no id in {object}"))
        .to_owned()
}

/// The events of a stream, as they arrive.
pub(crate) struct Events(BufReader<Box<dyn Read>>);

/// An event: its name without `thread.`, and its data.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: Value,
    /// Empty if it has none.
    pub(crate) id: String,
}

impl Event {
    /// Returns the text of a message delta.
    pub(crate) fn text(&self) -> Option<&str> {
        self.data["delta"]["content"][0]["text"]["value"].as_str()
    }
}

impl Events {
    /// Returns the next event. Fails if the stream ends before it.
    #[track_caller]
    pub(crate) fn expect(&mut self, name: &str) -> Event {
        let event = self.next().unwrap_or_else(|| panic!("the stream ended before {name}"));
        assert_eq!(event.name, name, "{}", event.data);
        event
    }

    /// Returns the lines without their ends, for streams with unnamed events.
    pub(crate) fn raw_lines(self) -> impl Iterator<Item = String> {
        self.0.lines().map(Result::unwrap)
    }

    /// Reads up to and including the next event with this name.
    #[track_caller]
    pub(crate) fn skip_to(&mut self, name: &str) -> Event {
        self.find(|event| event.name == name)
            .unwrap_or_else(|| panic!("the stream ended before {name}"))
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let mut lines = Vec::new();
        while lines.last().is_none_or(|line| line != "\n") {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                assert!(lines.is_empty(), "the stream ended within an event");
                return None;
            }
            lines.push(line);
        }
        let (event, data, id) = match &lines[..] {
            [event, data, id, _] => (event, data, id.strip_prefix("id: ").unwrap().trim_end()),
            [event, data, _] => (event, data, ""),
            other => panic!("{other:?}"),
        };
        let name = event.strip_prefix("event: ").unwrap().trim_end();
        let data = data.strip_prefix("data: ").unwrap().trim_end();
        Some(Event {
            name: name.strip_prefix("thread.").unwrap_or(name).to_owned(),
            data: serde_json::from_str(data).unwrap_or_else(|_| data.into()),
            id: id.to_owned(),
        })
    }
}

/// Joins the names of events. A sequence of equal names becomes one with a star.
pub(crate) fn names(events: &[Event]) -> String {
    let mut names: Vec<String> = Vec::new();
    for event in events {
        match names.last_mut() {
            Some(last) if last.trim_end_matches('*') == event.name => *last = format!("{}*", event.name),
            _ => names.push(event.name.clone()),
        }
    }
    names.join(" ")
}
