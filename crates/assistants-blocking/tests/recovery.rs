//! Lost responses: no acknowledged object is lost, none is created twice, and no event is missed.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::thread;

use assistants_blocking::openai::{self, CreateAssistant, CreateRun};
use assistants_blocking::{Error, yandex};
use assistants_local::LocalServer;
use serde_json::{Value, json};
use test_peer::{Peer, Request, Response, Step};

const CREATES: usize = 200;

/// A proxy that drops every second response to POSTs of one name: the server has acted, but the client does not know. It
/// does so by closing, by a reset, and by truncation, in turn.
fn lossy(server: SocketAddr) -> Peer {
    let attempts = Mutex::new(HashMap::<String, usize>::new());
    Peer::serve(move |request| {
        let response = request.forward(server).expect("the server responds");
        if request.method != "POST" {
            return vec![Step::Send(response), Step::Close];
        }
        let name = name(request);
        let mut attempts = attempts.lock().unwrap();
        let attempt = attempts.entry(name.clone()).or_default();
        *attempt += 1;
        if attempt.is_multiple_of(2) {
            return vec![Step::Send(response), Step::Close];
        }
        match name.parse::<usize>().unwrap() % 3 {
            0 => vec![Step::Close],
            1 => vec![Step::Reset],
            _ => vec![Step::Send(response[..response.len() / 2].to_vec()), Step::Close],
        }
    })
}

fn name(request: &Request) -> String {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    body["name"].as_str().unwrap().to_owned()
}

fn address(server: &LocalServer) -> SocketAddr {
    let url = server.base_url();
    let host = url.trim_start_matches("http://").split('/').next().unwrap();
    host.parse().unwrap()
}

/// Calls `create` with every number at once.
fn create_all<T: Send>(create: impl Fn(usize) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let create = &create;
        let all: Vec<_> = (0..CREATES).map(|number| scope.spawn(move || create(number))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

#[test]
fn creates_whose_responses_are_dropped_create_one_object_each() {
    let server = LocalServer::builder().in_memory().start().unwrap();
    let proxy = lossy(address(&server));
    let client = openai::Client::builder()
        .base_url(proxy.url("/v1"))
        .api_key("k")
        .build()
        .unwrap();
    let made: HashSet<String> = create_all(|number| {
        let create = CreateAssistant::new("m").name(number.to_string());
        let response = client.assistants().create(create).send_raw().unwrap();
        assert_eq!(response.attempts(), 2);
        response.parse().unwrap().id
    })
    .into_iter()
    .collect();
    let direct = openai::Client::builder()
        .base_url(server.base_url())
        .api_key("k")
        .build()
        .unwrap();
    let stored = direct
        .assistants()
        .list()
        .limit(100)
        .into_iter()
        .map(|one| one.unwrap().id);
    let stored: Vec<String> = stored.collect();
    assert_eq!(stored.len(), CREATES, "none is lost and none is there twice");
    assert_eq!(
        made,
        stored.into_iter().collect::<HashSet<_>>(),
        "each caller knows the one it made"
    );
    proxy.finish();
}

/// The service ignores keys, so a create is not retried unless the caller sets one, for a server that supports them.
#[test]
fn creates_of_yandex_are_retried_with_a_key_and_reported_without_one() {
    let server = LocalServer::builder().in_memory().start().unwrap();
    let direct = yandex_client(&format!("http://{}", address(&server)));
    let count = || {
        direct
            .assistants()
            .list()
            .page_size(100)
            .into_iter()
            .map(Result::unwrap)
            .count()
    };
    for keyed in [true, false] {
        let before = count();
        let proxy = lossy(address(&server));
        let client = yandex_client(&proxy.url(""));
        let outcomes = create_all(|number| {
            let call = client
                .assistants()
                .create(yandex::CreateAssistant::new("", "yandexgpt").name(number.to_string()));
            if keyed {
                call.idempotency_key(format!("key-{number}")).send()
            } else {
                call.send()
            }
        });
        for outcome in outcomes {
            match outcome {
                Ok(_) => assert!(keyed),
                Err(Error::Transport(error)) => assert!(!keyed && error.request_sent, "{error}"),
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(count() - before, CREATES, "with a key {keyed}");
        proxy.finish();
    }
}

fn yandex_client(url: &str) -> yandex::Client {
    let client = yandex::Client::builder().base_url(url).folder_id("fld_1").api_key("k");
    client.build().unwrap()
}

// ---- streams ----

/// How a stream breaks off: after this many bytes of its body, by closing or by a reset.
const CASE: &str = "X-Case";

/// The steps for the first request of a case; `None` for later ones.
fn broken_off(request: &Request, head: &str, body: &[u8], seen: &Mutex<HashSet<String>>) -> Option<Vec<Step>> {
    let case = request.header(CASE)?;
    if !seen.lock().unwrap().insert(case.to_owned()) {
        return None;
    }
    let (end, count) = case.split_once(' ').unwrap();
    let sent = [head.as_bytes(), &body[..count.parse().unwrap()]].concat();
    let end = if end == "reset" { Step::Reset } else { Step::Close };
    Some(vec![Step::Send(sent), end])
}

fn chunks(events: &[String]) -> Vec<u8> {
    let chunk = |event: &String| format!("{:x}\r\n{event}\r\n", event.len());
    events.iter().map(chunk).collect::<String>().into_bytes()
}

fn head(content_type: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
}

/// Breaks off at every position, both ways, on a few threads.
fn every_case(length: usize, check: impl Fn(&str, usize) + Sync) {
    const THREADS: usize = 4;
    thread::scope(|scope| {
        for first in 0..THREADS {
            let check = &check;
            scope.spawn(move || {
                for at in (first..=length).step_by(THREADS) {
                    check("close", at);
                    check("reset", at);
                }
            });
        }
    });
}

fn run(status: &str) -> String {
    json!({"id": "run_1", "thread_id": "thread_1", "status": status}).to_string()
}

fn message() -> String {
    let text = json!({"type": "text", "text": {"value": "Hello", "annotations": []}});
    json!({"id": "msg_1", "role": "assistant", "content": [text]}).to_string()
}

fn openai_events() -> Vec<String> {
    let event = |name: &str, data: &str| format!("event: thread.{name}\ndata: {data}\n\n");
    let delta = |text: &str| {
        let part = json!({"index": 0, "type": "text", "text": {"value": text}});
        event(
            "message.delta",
            &json!({"id": "msg_1", "delta": {"content": [part]}}).to_string(),
        )
    };
    vec![
        event("run.in_progress", &run("in_progress")),
        delta("Hel"),
        delta("lo"),
        event("message.completed", &message()),
        event("run.completed", &run("completed")),
        "event: done\ndata: [DONE]\n\n".into(),
    ]
}

#[test]
fn a_run_stream_broken_off_at_any_byte_yields_its_complete_events_and_result() {
    let events = openai_events();
    let body = chunks(&events);
    let (head, seen) = (head("text/event-stream"), Mutex::default());
    let served = body.clone();
    let peer = Peer::serve(move |request| {
        if let Some(steps) = broken_off(request, &head, &served, &seen) {
            return steps;
        }
        let page = |items: &str| format!(r#"{{"data":[{items}],"has_more":false}}"#);
        let response = match request.target.split('?').next().unwrap() {
            "/v1/threads/thread_1/runs/run_1" => run("completed"),
            "/v1/threads/thread_1/messages" => page(&message()),
            "/v1/threads/thread_1/runs/run_1/steps" => page(r#"{"id":"step_1"}"#),
            other => panic!("{other}"),
        };
        vec![Response::json(&response).into()]
    });
    let client = openai::Client::builder()
        .base_url(peer.url("/v1"))
        .api_key("k")
        .build()
        .unwrap();
    every_case(body.len(), |end, at| {
        let call = client.runs("thread_1").stream(CreateRun::new("asst_1"));
        let mut stream = call.header(CASE, format!("{end} {at}")).send().unwrap();
        let mut whole = 0;
        let mut error = None;
        for event in &mut stream {
            match event {
                Ok(event) => {
                    assert!(events[whole].contains(event.name()), "{end} at {at}: {event:?}");
                    whole += 1;
                }
                Err(broken) => error = Some(broken),
            }
        }
        // `done` is not counted: it only marks the end.
        let sent = (0..=events.len())
            .rfind(|count| chunks(&events[..*count]).len() <= at + 2)
            .unwrap();
        let (want, is_whole) = (sent.min(events.len() - 1), sent == events.len());
        assert!(
            whole == want || (end == "reset" && whole < want),
            "{end} at {at}: {whole} of {want}"
        );
        assert!(
            matches!(error, Some(Error::StreamTruncated(_))) || (is_whole && error.is_none()),
            "{end} at {at}: {error:?}"
        );
        match stream.finish() {
            Ok(finished) => assert_eq!(finished.completed().unwrap().text(), "Hello", "{end} at {at}"),
            // Without the first event, the run is unknown.
            Err(error) => assert!(
                whole == 0 && matches!(error, Error::StreamTruncated(_)),
                "{end} at {at}: {error}"
            ),
        }
    });
    peer.finish();
}

fn listen_events() -> Vec<String> {
    let content = |text: &str| json!({"content": [{"text": {"content": text}}]});
    let partial = |text: &str| json!({"eventType": "PARTIAL_MESSAGE", "partialMessage": content(text)});
    let done = json!({"eventType": "DONE", "completedMessage": {"id": "m", "content": content("Hello")}});
    let events = [partial("He"), partial("Hell"), partial("Hello"), done];
    let numbered = events.into_iter().enumerate().map(|(index, mut event)| {
        event["streamCursor"] = json!({"currentEventIdx": index.to_string()});
        json!({ "result": event }).to_string() + "\n"
    });
    numbered.collect()
}

#[test]
fn a_listen_broken_off_at_any_byte_yields_every_event_once_and_in_order() {
    let events = listen_events();
    let count = events.len();
    let body = chunks(&events);
    let (head, seen) = (head("application/json"), Mutex::default());
    let served = body.clone();
    let peer = Peer::serve(move |request| {
        if let Some(steps) = broken_off(request, &head, &served, &seen) {
            return steps;
        }
        let start = request
            .target
            .split("eventsStartIdx=")
            .nth(1)
            .map_or(0, |start| start.parse().unwrap());
        let rest = events.get(start..).unwrap_or_default();
        let whole = [head.as_bytes(), &chunks(rest), b"0\r\n\r\n"].concat();
        vec![Step::Send(whole), Step::Close]
    });
    let client = yandex_client(&peer.url(""));
    every_case(body.len(), |end, at| {
        let call = client.runs().listen("run_1").header(CASE, format!("{end} {at}"));
        let stream = call.send().unwrap_or_else(|error| panic!("{end} at {at}: {error}"));
        let events: Vec<_> = stream
            .map(|event| event.unwrap_or_else(|error| panic!("{end} at {at}: {error}")))
            .collect();
        let numbers: Vec<usize> = events.iter().map(|event| event.index().try_into().unwrap()).collect();
        assert_eq!(numbers, (0..count).collect::<Vec<_>>(), "{end} at {at}");
        assert_eq!(events[count - 1].text().as_deref(), Some("Hello"), "{end} at {at}");
    });
    peer.finish();
}
