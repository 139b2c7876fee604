//! The kinds of calls, and the responses of a server without faults.

use std::time::Duration;

use assistants_blocking::chat::{ChatMessage, CreateChatCompletion};
use assistants_blocking::openai::{self, CreateRun, CreateThread};
use assistants_blocking::{Error, FileSource, Tools, yandex};
use serde_json::json;
use test_peer::Request;

use crate::cell::{DEADLINE, LIMIT, Observer};

/// The provider whose client makes the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    OpenAi,
    Yandex,
}

/// A kind of call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) provider: Provider,
    pub(crate) name: &'static str,
    /// The affected request: how its first line begins, and how many such requests succeed before it.
    pub(crate) victim: (&'static str, usize),
    pub(crate) is_stream: bool,
    /// Makes the call; without a fault, the result is `want`.
    pub(crate) make: fn(&Clients) -> Result<String, Error>,
    pub(crate) want: &'static str,
}

impl Call {
    pub(crate) fn title(&self) -> String {
        let provider = match self.provider {
            Provider::OpenAi => "OpenAI",
            Provider::Yandex => "Yandex",
        };
        format!("{provider} {}", self.name)
    }
}

/// The clients of a cell.
pub(crate) struct Clients {
    pub(crate) openai: openai::Client,
    pub(crate) yandex: yandex::Client,
}

macro_rules! configured {
    ($builder:expr, $observer:expr) => {{
        let observer = $observer.clone();
        $builder
            .timeout(LIMIT)
            .idle_timeout(LIMIT)
            .connect_timeout(LIMIT)
            .deadline(DEADLINE)
            .max_retries(1)
            .max_body_bytes(1 << 20)
            .max_line_bytes(1 << 18)
            .max_event_bytes(1 << 19)
            .no_proxy()
            .on_retry(move |retry| observer.note(retry))
            .build()
            .expect("a valid configuration")
    }};
}

impl Clients {
    /// Clients of the server at this URL, which ends without a slash.
    pub(crate) fn new(url: &str, observer: &Observer) -> Self {
        let openai = openai::Client::builder()
            .base_url(format!("{url}/v1"))
            .api_key("sk-hush");
        let yandex = yandex::Client::builder()
            .base_url(url)
            .chat_url(format!("{url}/llm/v1"))
            .folder_id("fld_1")
            .api_key("AQVN-hush");
        Self {
            openai: configured!(openai, observer),
            yandex: configured!(yandex, observer),
        }
    }
}

const fn openai(name: &'static str, victim: (&'static str, usize), make: Make, want: &'static str) -> Call {
    Call {
        provider: Provider::OpenAi,
        name,
        victim,
        is_stream: false,
        make,
        want,
    }
}

const fn yandex(name: &'static str, victim: (&'static str, usize), make: Make, want: &'static str) -> Call {
    Call {
        provider: Provider::Yandex,
        ..openai(name, victim, make, want)
    }
}

const fn stream(call: Call) -> Call {
    Call {
        is_stream: true,
        ..call
    }
}

type Make = fn(&Clients) -> Result<String, Error>;

const RUN: &str = "GET /v1/threads/thread_1/runs/run_2";
const START: &str = "POST /v1/threads/thread_1/runs ";
const SUBMIT: &str = "POST /v1/threads/thread_1/runs/run_1/submit";
const LISTEN: &str = "GET /assistants/v1/runs/listen";
const CHAT: &str = "POST /v1/chat";
const YANDEX_CHAT: &str = "POST /llm/v1/chat";

/// The contents of uploads and downloads.
const CONTENT: &str = "The quick brown fox jumps over the lazy dog, and then it rests for a while.";

pub(crate) const CALLS: &[Call] = &[
    openai(
        "retrieve",
        ("GET /v1/threads/thread_1 ", 0),
        |c| c.openai.threads().retrieve("thread_1").send().map(|thread| thread.id),
        "thread_1",
    ),
    openai(
        "create",
        ("POST /v1/threads ", 0),
        |c| {
            c.openai
                .threads()
                .create(CreateThread::default())
                .send()
                .map(|thread| thread.id)
        },
        "thread_1",
    ),
    openai("list", ("GET /v1/assistants", 1), openai_list, "asst_1 asst_2"),
    openai(
        "upload",
        ("POST /v1/files", 0),
        |c| {
            let source = FileSource::bytes("a.txt", CONTENT);
            c.openai.files().upload(source, "assistants").send().map(|file| file.id)
        },
        "file_1",
    ),
    openai(
        "download",
        ("GET /v1/files/file_1/content", 0),
        |c| c.openai.files().content("file_1").send().map(text),
        CONTENT,
    ),
    openai(
        "poll",
        (RUN, 1),
        |c| {
            let poll = c
                .openai
                .runs("thread_1")
                .poll("run_2")
                .poll_interval(Duration::from_millis(1));
            poll.send().map(|run| run.status.to_string())
        },
        "completed",
    ),
    openai(
        "run with tools",
        (SUBMIT, 0),
        |c| {
            let call = c
                .openai
                .runs("thread_1")
                .run_with_tools(CreateRun::new("asst_1"), &tools());
            call.send().map(|finished| finished.text())
        },
        "Hello",
    ),
    stream(openai("run stream", (START, 0), openai_stream, "Hello")),
    stream(openai(
        "run stream, `finish`",
        (START, 0),
        |c| {
            let stream = c.openai.runs("thread_1").stream(CreateRun::new("asst_1")).send()?;
            Ok(stream.finish()?.text())
        },
        "Hello",
    )),
    openai(
        "chat",
        (CHAT, 0),
        |c| {
            c.openai
                .chat()
                .create(asking())
                .send()
                .map(|chat| chat.text().to_owned())
        },
        "Hello",
    ),
    stream(openai(
        "chat stream",
        (CHAT, 0),
        |c| {
            c.openai
                .chat()
                .stream(asking())
                .send()?
                .finish()
                .map(|chat| chat.text().to_owned())
        },
        "Hello",
    )),
    yandex(
        "retrieve",
        ("GET /assistants/v1/threads/th_1", 0),
        |c| c.yandex.threads().get("th_1").send().map(|thread| thread.id),
        "th_1",
    ),
    yandex(
        "create",
        ("POST /assistants/v1/threads", 0),
        |c| {
            c.yandex
                .threads()
                .create(yandex::CreateThread::new(""))
                .send()
                .map(|thread| thread.id)
        },
        "th_1",
    ),
    yandex("list", ("GET /assistants/v1/assistants", 1), yandex_list, "as_1 as_2"),
    yandex(
        "upload",
        ("POST /files/v1/files", 0),
        |c| {
            c.yandex
                .files()
                .upload(CONTENT.as_bytes().to_vec())
                .send()
                .map(|file| file.id)
        },
        "file_1",
    ),
    yandex(
        "download",
        ("GET /download", 0),
        |c| c.yandex.files().download("file_1").send().map(text),
        CONTENT,
    ),
    yandex(
        "wait",
        ("GET /assistants/v1/runs/run_2", 1),
        |c| {
            let wait = c.yandex.runs().wait("run_2").poll_interval(Duration::from_millis(1));
            wait.send().map(|result| result.text().unwrap_or_default())
        },
        "Hello",
    ),
    yandex(
        "run with tools",
        ("PATCH /assistants/v1/runs/submit", 0),
        |c| {
            let call = c
                .yandex
                .runs()
                .run_with_tools(yandex::CreateRun::new("as_1", "th_1"), &tools());
            call.send().map(|result| result.text().unwrap_or_default())
        },
        "Hello",
    ),
    stream(yandex("listen", (LISTEN, 0), yandex_stream, "Hello")),
    stream(yandex(
        "listen, `finish`",
        (LISTEN, 0),
        |c| {
            let stream = c.yandex.runs().listen("run_1").max_retries(2).send()?;
            Ok(stream.finish()?.text().unwrap_or_default())
        },
        "Hello",
    )),
    yandex(
        "chat",
        (YANDEX_CHAT, 0),
        |c| {
            c.yandex
                .chat()
                .model("yandexgpt")
                .run("Hi")
                .send()
                .map(|chat| chat.text().to_owned())
        },
        "Hello",
    ),
    stream(yandex(
        "chat stream",
        (YANDEX_CHAT, 0),
        |c| {
            let stream = c.yandex.chat().model("yandexgpt").run_stream("Hi").send()?;
            stream.finish().map(|chat| chat.text().to_owned())
        },
        "Hello",
    )),
];

fn asking() -> CreateChatCompletion {
    CreateChatCompletion::new("m", [ChatMessage::user("Hi")])
}

fn tools() -> Tools {
    Tools::new().function("double", json!({"type": "object"}), |_: serde_json::Value| {
        Ok::<_, String>(4)
    })
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

fn openai_list(c: &Clients) -> Result<String, Error> {
    let ids: Result<Vec<_>, Error> = c
        .openai
        .assistants()
        .list()
        .into_iter()
        .map(|one| Ok(one?.id))
        .collect();
    Ok(ids?.join(" "))
}

fn yandex_list(c: &Clients) -> Result<String, Error> {
    let ids: Result<Vec<_>, Error> = c
        .yandex
        .assistants()
        .list()
        .into_iter()
        .map(|one| Ok(one?.id))
        .collect();
    Ok(ids?.join(" "))
}

fn openai_stream(c: &Clients) -> Result<String, Error> {
    let mut stream = c.openai.runs("thread_1").stream(CreateRun::new("asst_1")).send()?;
    for event in &mut stream {
        event?;
    }
    Ok(stream.message().map(openai::Message::text).unwrap_or_default())
}

fn yandex_stream(c: &Clients) -> Result<String, Error> {
    let mut text = String::new();
    for event in c.yandex.runs().listen("run_1").max_retries(2).send()? {
        text = event?.text().unwrap_or(text);
    }
    Ok(text)
}

/// A response of a server without faults.
#[derive(Clone, Debug)]
pub(crate) struct Good {
    pub(crate) content_type: &'static str,
    /// The body; for a stream, one item per event.
    pub(crate) pieces: Vec<String>,
    pub(crate) is_stream: bool,
    /// An error in the middle of a stream.
    pub(crate) error_event: &'static str,
    /// What keeps the stream alive without an event.
    pub(crate) keep_alive: &'static str,
}

impl Good {
    pub(crate) fn body(&self) -> Vec<u8> {
        self.pieces.concat().into_bytes()
    }

    fn json(body: &str) -> Self {
        Self {
            content_type: "application/json",
            pieces: vec![body.to_owned()],
            is_stream: false,
            error_event: "",
            keep_alive: "",
        }
    }

    fn bytes(body: &str) -> Self {
        Self {
            content_type: "application/octet-stream",
            ..Self::json(body)
        }
    }

    fn events(pieces: Vec<String>, error_event: &'static str) -> Self {
        Self {
            content_type: "text/event-stream",
            pieces,
            is_stream: true,
            error_event,
            keep_alive: ": still here\n",
        }
    }

    fn objects(pieces: Vec<String>) -> Self {
        Self {
            content_type: "application/json",
            keep_alive: "\n",
            ..Self::events(
                pieces,
                "{\"error\":{\"code\":14,\"message\":\"overloaded\",\"details\":[]}}\n",
            )
        }
    }

    /// The response to a request after `turn` requests with the same method and path.
    pub(crate) fn response(request: &Request, turn: usize) -> Self {
        let line = request.line() + " ";
        let streams = request.text().contains(r#""stream":true"#);
        let address = request.header("host").unwrap_or_default();
        let path = line.split(['?', ' ']).nth(1).unwrap_or_default();
        match (request.method.as_str(), path) {
            ("GET" | "POST", "/v1/threads/thread_1" | "/v1/threads") => {
                Self::json(r#"{"id":"thread_1","object":"thread","created_at":1,"metadata":{}}"#)
            }
            ("GET", "/v1/assistants") => Self::json(&openai_page(&line)),
            ("POST", "/v1/files") => Self::json(r#"{"id":"file_1","object":"file","bytes":75}"#),
            ("GET", "/v1/files/file_1/content" | "/download") => Self::bytes(CONTENT),
            ("POST", "/v1/threads/thread_1/runs") if streams => Self::events(openai_events(), SSE_ERROR),
            ("POST", "/v1/threads/thread_1/runs") => Self::json(&asking_run()),
            ("GET", "/v1/threads/thread_1/runs/run_2") if turn == 0 => Self::json(&openai_run("run_2", "in_progress")),
            ("GET", "/v1/threads/thread_1/runs/run_2") => Self::json(&openai_run("run_2", "completed")),
            ("GET", "/v1/threads/thread_1/runs/run_1")
            | (
                "POST",
                "/v1/threads/thread_1/runs/run_1/submit_tool_outputs" | "/v1/threads/thread_1/runs/run_1/cancel",
            ) => Self::json(&openai_run("run_1", "completed")),
            ("GET", "/v1/threads/thread_1/messages") => {
                Self::json(&format!(r#"{{"data":[{}],"has_more":false}}"#, openai_message()))
            }
            ("GET", "/v1/threads/thread_1/runs/run_1/steps") => Self::json(r#"{"data":[],"has_more":false}"#),
            ("POST", "/v1/chat/completions" | "/llm/v1/chat/completions") if streams => {
                Self::events(chat_chunks(), CHAT_ERROR)
            }
            ("POST", "/v1/chat/completions" | "/llm/v1/chat/completions") => Self::json(
                r#"{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}]}"#,
            ),
            ("GET" | "POST", "/assistants/v1/threads/th_1" | "/assistants/v1/threads") => {
                Self::json(r#"{"id":"th_1","folderId":"fld_1"}"#)
            }
            ("GET", "/assistants/v1/assistants") => Self::json(&yandex_page(&line)),
            ("POST", "/files/v1/files") => Self::json(r#"{"id":"file_1","folderId":"fld_1"}"#),
            ("GET", "/files/v1/files:getUrl") => {
                Self::json(&format!(r#"{{"url":"http://{address}/download?secret=hush"}}"#))
            }
            ("POST", "/assistants/v1/runs") => Self::json(&yandex_run("run_3", "PENDING")),
            ("GET", "/assistants/v1/runs/run_2") if turn == 0 => Self::json(&yandex_run("run_2", "IN_PROGRESS")),
            ("GET", "/assistants/v1/runs/run_2") => Self::json(&yandex_run("run_2", "COMPLETED")),
            ("GET", "/assistants/v1/runs/run_1" | "/assistants/v1/runs/run_3") => {
                Self::json(&yandex_run("run_1", "COMPLETED"))
            }
            ("PATCH", "/assistants/v1/runs/submit") => Self::json("{}"),
            ("GET", "/assistants/v1/runs/listen") => Self::objects(yandex_events(&line)),
            _ => panic!("a request that no call makes: {}", request.text()),
        }
    }
}

const SSE_ERROR: &str = "event: error\ndata: {\"error\":{\"message\":\"overloaded\",\"code\":\"server_error\"}}\n\n";
const CHAT_ERROR: &str = "data: {\"error\":{\"message\":\"overloaded\",\"code\":\"server_error\"}}\n\n";

fn openai_page(line: &str) -> String {
    if line.contains("after=asst_1") {
        r#"{"data":[{"id":"asst_2","object":"assistant"}],"first_id":"asst_2","last_id":"asst_2","has_more":false}"#
            .into()
    } else {
        r#"{"data":[{"id":"asst_1","object":"assistant"}],"first_id":"asst_1","last_id":"asst_1","has_more":true}"#
            .into()
    }
}

fn yandex_page(line: &str) -> String {
    if line.contains("pageToken=t") {
        r#"{"assistants":[{"id":"as_2"}]}"#.into()
    } else {
        r#"{"assistants":[{"id":"as_1"}],"nextPageToken":"t"}"#.into()
    }
}

fn openai_run(id: &str, status: &str) -> String {
    json!({"id": id, "object": "thread.run", "thread_id": "thread_1", "status": status}).to_string()
}

/// A run that is waiting for one function call.
fn asking_run() -> String {
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "double", "arguments": "{}"}});
    json!({"id": "run_1", "object": "thread.run", "thread_id": "thread_1", "status": "requires_action",
        "required_action": {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}}})
    .to_string()
}

fn openai_message() -> String {
    json!({"id": "msg_1", "object": "thread.message", "role": "assistant", "run_id": "run_1",
        "content": [{"type": "text", "text": {"value": "Hello", "annotations": []}}]})
    .to_string()
}

fn openai_events() -> Vec<String> {
    let event = |name: &str, data: &str| format!("event: {name}\ndata: {data}\n\n");
    let delta = |text: &str| {
        let part = json!({"index": 0, "type": "text", "text": {"value": text}});
        let data = json!({"id": "msg_1", "object": "thread.message.delta", "delta": {"content": [part]}});
        event("thread.message.delta", &data.to_string())
    };
    vec![
        event("thread.run.in_progress", &openai_run("run_1", "in_progress")),
        delta("Hel"),
        delta("lo"),
        event("thread.message.completed", &openai_message()),
        event("thread.run.completed", &openai_run("run_1", "completed")),
        event("done", "[DONE]"),
    ]
}

fn chat_chunks() -> Vec<String> {
    let chunk = |delta: serde_json::Value, finish: Option<&str>| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "choices": [choice]});
        format!("data: {chunk}\n\n")
    };
    vec![
        chunk(json!({"role": "assistant", "content": "Hel"}), None),
        chunk(json!({"content": "lo"}), None),
        chunk(json!({}), Some("stop")),
        "data: [DONE]\n\n".into(),
    ]
}

fn yandex_content() -> serde_json::Value {
    json!({"content": [{"text": {"content": "Hello"}}]})
}

fn yandex_run(id: &str, status: &str) -> String {
    let state = if status == "COMPLETED" {
        json!({"status": status, "completed_message": {"id": "m", "content": yandex_content()}})
    } else {
        json!({"status": status})
    };
    json!({"id": id, "assistantId": "as_1", "threadId": "th_1", "state": state}).to_string()
}

/// The events of `run_1`, which answers `Hello`, or of `run_3`, which first calls a function, starting at the index that
/// the request names.
fn yandex_events(line: &str) -> Vec<String> {
    let start = line.split("eventsStartIdx=").nth(1).map_or(0, |rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("the number of an event")
    });
    let message = json!({"id": "m", "content": yandex_content()});
    let done = json!({"eventType": "DONE", "completedMessage": message});
    let call = json!({"functionCall": {"name": "double", "arguments": {}}});
    let calls = json!({"eventType": "TOOL_CALLS", "toolCallList": {"toolCalls": [call]}});
    let partial = |text: &str| {
        let content = json!({"content": [{"text": {"content": text}}]});
        json!({"eventType": "PARTIAL_MESSAGE", "partialMessage": content})
    };
    let events = match (line.contains("runId=run_3"), start) {
        (true, 0) => vec![calls],
        (true, _) => vec![json!(null), done],
        (false, _) => vec![partial("He"), partial("Hell"), partial("Hello"), done],
    };
    let numbered = events.into_iter().enumerate().skip(start).map(|(index, mut event)| {
        event["streamCursor"] = json!({"currentEventIdx": index.to_string()});
        json!({ "result": event }).to_string() + "\n"
    });
    numbered.collect()
}
