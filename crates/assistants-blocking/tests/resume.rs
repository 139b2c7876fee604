//! Streams of runs that break off in front of a server that can continue them.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use assistants_blocking::Error;
use assistants_blocking::openai::{Client, CreateAssistant, CreateMessage, CreateRun, CreateThread, StreamEvent, Tool};
use assistants_local::LocalServer;
use test_peer::{Peer, Request, Response, Step};

/// Names the case of a request.
const CASE: &str = "X-Case";

fn address(server: &LocalServer) -> SocketAddr {
    let url = server.base_url();
    let host = url.trim_start_matches("http://").split('/').next().unwrap();
    host.parse().unwrap()
}

fn client(url: &str) -> Client {
    Client::builder().base_url(url).api_key("k").build().unwrap()
}

/// The part of a response that arrives before its connection breaks, after so many bytes of its body.
fn cut(response: &[u8], at: usize) -> Vec<u8> {
    let head = response.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    response[..(head + at).min(response.len())].to_vec()
}

/// The events of a stream: their names, with one for all deltas in a row, and the texts of the deltas.
#[derive(Debug, Default, PartialEq)]
struct Story {
    names: Vec<String>,
    texts: String,
}

impl Story {
    fn add(&mut self, event: &StreamEvent) {
        let name = event.name().to_owned();
        if self.names.last() != Some(&name) || !name.ends_with("delta") {
            self.names.push(name);
        }
        match event {
            StreamEvent::MessageDelta(delta) => self.texts += &delta.text(),
            StreamEvent::RunStepDelta(delta) => {
                let delta = serde_json::to_value(delta).unwrap();
                for call in delta["delta"]["step_details"]["tool_calls"].as_array().unwrap() {
                    let function = &call["function"];
                    self.texts += function["name"].as_str().unwrap_or_default();
                    self.texts += function["arguments"].as_str().unwrap_or_default();
                }
            }
            _ => {}
        }
    }
}

/// A thread with a message, and an assistant with a function.
fn prepare(client: &Client, message: &str) -> (String, String) {
    let tool = Tool::function("weather", serde_json::json!({"type": "object"}));
    let assistant = client
        .assistants()
        .create(CreateAssistant::new("scripted").tool(tool))
        .send()
        .unwrap();
    let thread = CreateThread::default().message(CreateMessage::user(message));
    (assistant.id, client.threads().create(thread).send().unwrap().id)
}

#[test]
fn a_stream_that_breaks_off_at_any_byte_is_continued() {
    let server = LocalServer::builder().in_memory().start().unwrap();
    let upstream = address(&server);
    let seen = Mutex::new(HashSet::new());
    let length = Arc::new(AtomicUsize::new(0));
    let longest = Arc::clone(&length);
    // The first response of a case is cut. Polling would be a request that the proxy does not expect.
    let peer = Peer::serve(move |request| {
        let response = request.forward(upstream).expect("the server responds");
        let case = request.header(CASE).expect("every request has a case");
        if !seen.lock().unwrap().insert(case.to_owned()) {
            let continues = request.method == "GET" && request.target.ends_with("/events");
            // A reset may discard what has arrived. Without the head of its response, the request itself is repeated.
            let repeats = request.method == "POST" && request.header("idempotency-key").is_some();
            assert!(
                (continues && request.header("last-event-id").is_some()) || (repeats && case.starts_with("reset")),
                "{case}: {} {} {:?}",
                request.method,
                request.target,
                request.header("idempotency-key")
            );
            return vec![Step::Send(response), Step::Close];
        }
        longest.fetch_max(response.len(), Ordering::SeqCst);
        let (how, at) = case.split_once(' ').unwrap();
        let (at, _) = at.split_once(' ').unwrap();
        let sent = cut(&response, at.parse().unwrap());
        vec![Step::Send(sent), if how == "reset" { Step::Reset } else { Step::Close }]
    });
    let (direct, through) = (client(&server.base_url()), client(&peer.url("/v1")));
    for message in ["Hello, 🦀 world", "call weather {\"city\":\"Paris in the spring\"}"] {
        let (assistant, thread) = prepare(&direct, message);
        let settle = |run: &str| {
            // The thread takes the next run when this one has ended.
            drop(direct.runs(&thread).cancel(run).send());
        };
        let mut want = Story::default();
        let mut stream = direct.runs(&thread).stream(CreateRun::new(&assistant)).send().unwrap();
        for event in &mut stream {
            want.add(&event.unwrap());
        }
        settle(&stream.finish().unwrap().run.id);
        let mut at = 0;
        // The events before the first one with an id are known to no one: the run is unknown.
        while at == 0 || at < length.load(Ordering::SeqCst) {
            let how = if at % 2 == 0 { "close" } else { "reset" };
            let call = through.runs(&thread).stream(CreateRun::new(&assistant));
            let mut stream = call.header(CASE, format!("{how} {at} {thread}")).send().unwrap();
            let mut story = Story::default();
            let mut broken = None;
            for event in &mut stream {
                match event {
                    Ok(event) => story.add(&event),
                    Err(error) => broken = Some(error),
                }
            }
            if let Some(error) = broken {
                // A reset may discard what has arrived.
                assert!(
                    story == Story::default() && (at < 1200 || how == "reset"),
                    "{how} {at}: {error}"
                );
                let active = direct.runs(&thread).list().limit(1).send().unwrap();
                let active = active.data[0].id.clone();
                direct.runs(&thread).poll(&active).send().unwrap();
                settle(&active);
            } else {
                assert_eq!(story, want, "{how} {at}");
                let finished = stream.finish().unwrap();
                settle(&finished.run.id);
            }
            at += 61;
        }
        length.store(0, Ordering::SeqCst);
    }
    peer.finish();
}

/// Forwards to the server, except for the operation that continues a stream.
fn without_events(server: &LocalServer, answer: impl Fn(&Request) -> Vec<Step> + Send + Sync + 'static) -> Peer {
    let upstream = address(server);
    Peer::serve(move |request| {
        if request.target.contains("/events") {
            return answer(request);
        }
        let response = request.forward(upstream).expect("the server responds");
        if request.method == "POST" {
            return vec![Step::Send(cut(&response, 2000)), Step::Close];
        }
        vec![Step::Send(response), Step::Close]
    })
}

/// A gateway may add ids to the events of a server that does not have the operation.
#[test]
fn a_server_without_the_operation_is_asked_once_and_polled() {
    let server = LocalServer::builder().in_memory().start().unwrap();
    let answers: [fn() -> Step; 3] = [
        || {
            Response::new("404 Not Found")
                .body(r#"{"error":{"message":"Invalid URL"}}"#)
                .into()
        },
        || Response::new("405 Method Not Allowed").body("<html>").into(),
        || Response::json(r#"{"ok":true}"#).into(),
    ];
    for answer in answers {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let peer = without_events(&server, move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            vec![answer()]
        });
        let direct = client(&server.base_url());
        let (assistant, thread) = prepare(&direct, "Hello");
        let mut stream = client(&peer.url("/v1"))
            .runs(&thread)
            .stream(CreateRun::new(&assistant))
            .send()
            .unwrap();
        let error = stream.by_ref().find_map(Result::err).unwrap();
        assert!(matches!(error, Error::StreamTruncated(_)), "{error}");
        assert_eq!(stream.finish().unwrap().completed().unwrap().text(), "Hello");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        peer.finish();
    }
}

#[test]
fn connections_that_carry_nothing_are_given_up() {
    let server = LocalServer::builder().in_memory().start().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let peer = without_events(&server, move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 99\r\n\r\nevent: thread";
        vec![Step::Send(head.as_bytes().to_vec()), Step::Close]
    });
    let direct = client(&server.base_url());
    for retries in [0, 1, 2] {
        let (assistant, thread) = prepare(&direct, "Hello");
        let call = client(&peer.url("/v1"))
            .runs(&thread)
            .stream(CreateRun::new(&assistant));
        let mut stream = call.max_retries(retries).send().unwrap();
        let error = stream.by_ref().find_map(Result::err).unwrap();
        assert!(matches!(error, Error::StreamTruncated(_)), "{error}");
        assert_eq!(asked.swap(0, Ordering::SeqCst), retries as usize);
        assert_eq!(stream.finish().unwrap().completed().unwrap().text(), "Hello");
    }
    peer.finish();
}
