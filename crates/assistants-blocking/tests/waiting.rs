//! Deadlines of calls that send several requests, and waits for work in progress on the server.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use assistants_blocking::openai::{
    Client, CreateRun, CreateVectorStore, CreateVectorStoreFile, CreateVectorStoreFileBatch, ToolOutput,
};
use assistants_blocking::{Error, TimeoutError, TimeoutPhase, Tools, yandex};
use serde_json::{Value, json};
use test_peer::{Peer, Request, Response, Step};

const HOUR: Duration = Duration::from_secs(3600);

fn openai(peer: &Peer) -> Client {
    Client::builder()
        .base_url(peer.url("/v1"))
        .api_key("k")
        .build()
        .unwrap()
}

fn yandex(peer: &Peer) -> yandex::Client {
    let builder = yandex::Client::builder().base_url(peer.url("")).folder_id("f");
    builder.api_key("k").build().unwrap()
}

fn run(status: &str) -> Value {
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}});
    json!({"id": "run_1", "object": "thread.run", "thread_id": "thread_1", "status": status,
        "required_action": {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}}})
}

/// A function that takes as long as `time`, by waiting for a signal that never comes.
fn slow(time: Duration) -> Tools {
    let (never, wait) = mpsc::channel::<()>();
    let wait = Mutex::new((never, wait));
    Tools::new()
        .max_rounds(20)
        .function("look", json!({}), move |_: Value| {
            let wait = wait.lock().unwrap();
            Ok::<_, String>(wait.1.recv_timeout(time).is_ok())
        })
}

#[track_caller]
fn timeout(error: Error) -> TimeoutError {
    match error {
        Error::Timeout(error) => *error,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn is_deadline(error: Error, limit: Duration) -> TimeoutError {
    let error = timeout(error);
    assert_eq!((error.phase, error.after), (TimeoutPhase::Deadline, limit), "{error}");
    error
}

#[test]
fn a_deadline_covers_all_rounds_of_a_run_with_tools() {
    let limit = Duration::from_millis(300);
    let peer = Peer::serve(|_| vec![Response::json(&run("requires_action").to_string()).into()]);
    let tools = slow(Duration::from_millis(100));
    let runs = openai(&peer).runs("thread_1");
    let call = runs.run_with_tools(CreateRun::new("asst_1"), &tools).deadline(limit);
    is_deadline(call.send().unwrap_err(), limit);
}

#[test]
fn a_deadline_ends_the_wait_for_a_function() {
    let limit = Duration::from_millis(100);
    let peer = Peer::serve(|_| vec![Response::json(&run("requires_action").to_string()).into()]);
    let started = Instant::now();
    let runs = openai(&peer).runs("thread_1");
    let call = runs
        .run_with_tools(CreateRun::new("asst_1"), &slow(HOUR))
        .deadline(limit);
    is_deadline(call.send().unwrap_err(), limit);
    assert!(started.elapsed() < HOUR / 100);
}

#[test]
fn a_deadline_covers_all_pages_of_a_list() {
    let limit = Duration::from_millis(200);
    let page = AtomicU32::new(0);
    let peer = Peer::serve(move |_| {
        let id = page.fetch_add(1, Ordering::Relaxed);
        vec![Response::json(&json!({"data": [{"id": format!("asst_{id}")}], "has_more": true}).to_string()).into()]
    });
    let (_never, wait) = mpsc::channel::<()>();
    let walk = openai(&peer).assistants().list().deadline(limit).into_iter().take(100);
    // The reader is slow: a hundred times 10 ms exceed the limit.
    let mut last = None;
    for item in walk {
        last = Some(item);
        assert!(wait.recv_timeout(Duration::from_millis(10)).is_err());
    }
    is_deadline(last.unwrap().unwrap_err(), limit);
}

#[test]
fn a_deadline_ends_a_wait_in_its_first_pause_and_names_the_state() {
    let limit = Duration::from_millis(200);
    let peer = Peer::serve(|_| vec![Response::json(&run("queued").to_string()).into()]);
    let call = openai(&peer).runs("thread_1").create_and_poll(CreateRun::new("asst_1"));
    let started = Instant::now();
    let error = is_deadline(call.poll_interval(HOUR).deadline(limit).send().unwrap_err(), limit);
    assert!(started.elapsed() >= limit, "it is not given up before");
    assert!(error.what.contains("the run is `queued`"), "{error}");
    let requests: Vec<_> = peer.finish().iter().map(Request::line).collect();
    let last = "GET /v1/threads/thread_1/runs/run_1";
    assert_eq!(
        requests,
        ["POST /v1/threads/thread_1/runs", last],
        "a last poll is made in time"
    );
}

#[test]
fn a_poll_that_hangs_ends_with_the_callers_deadline() {
    let limit = Duration::from_millis(150);
    let polls = AtomicU32::new(0);
    let peer = Peer::serve(move |_| match polls.fetch_add(1, Ordering::Relaxed) {
        0 => vec![Response::json(&run("queued").to_string()).into()],
        _ => vec![Step::Stall(None)],
    });
    let error = openai(&peer).runs("thread_1").poll("run_1").deadline(limit).send();
    let error = is_deadline(error.unwrap_err(), limit);
    assert!(error.what.contains("the run is `queued`"), "{error}");
}

/// Everything that can be waited for: how to wait with an interval and a limit, and the server's responses.
struct Kind {
    name: &'static str,
    wait: fn(&Peer, Duration, Duration) -> Result<String, Error>,
    body: fn(id: &str, status: &str) -> Value,
    id: &'static str,
    done: &'static str,
}

fn plain(id: &str, status: &str) -> Value {
    json!({"id": id, "status": status})
}

fn kinds() -> [Kind; 10] {
    let run = |id: &str, status: &str| json!({"id": id, "thread_id": "thread_1", "status": status});
    [
        Kind {
            name: "run",
            wait: |peer, interval, limit| {
                let call = openai(peer).runs("thread_1").poll("run_1");
                Ok(call.poll_interval(interval).poll_timeout(limit).send()?.id)
            },
            body: run,
            id: "run_1",
            done: "completed",
        },
        Kind {
            name: "run with outputs",
            wait: |peer, interval, limit| {
                let outputs = [ToolOutput::default().tool_call_id("call_1").output("7")];
                let call = openai(peer)
                    .runs("thread_1")
                    .submit_tool_outputs_and_poll("run_1", outputs);
                Ok(call.poll_interval(interval).poll_timeout(limit).send()?.id)
            },
            body: run,
            id: "run_1",
            done: "requires_action",
        },
        Kind {
            name: "file",
            wait: |peer, interval, limit| {
                let call = openai(peer).files().wait_for_processing("file-1");
                Ok(call.poll_interval(interval).poll_timeout(limit).send()?.id)
            },
            body: plain,
            id: "file-1",
            done: "processed",
        },
        Kind {
            name: "new file of a store",
            wait: |peer, interval, limit| {
                let call = openai(peer).vector_store_files("vs_1");
                let call = call.create_and_poll(CreateVectorStoreFile::new("file-1"));
                Ok(call.poll_interval(interval).poll_timeout(limit).send()?.id)
            },
            body: plain,
            id: "file-1",
            done: "completed",
        },
        Kind {
            name: "file of a store",
            wait: |peer, interval, limit| {
                let call = openai(peer).vector_store_files("vs_1").poll("file-1");
                Ok(call.poll_interval(interval).poll_timeout(limit).send()?.id)
            },
            body: plain,
            id: "file-1",
            done: "failed",
        },
        Kind {
            name: "batch",
            wait: |peer, interval, limit| {
                let call = openai(peer).vector_store_batches("vs_1").poll("vsfb_1");
                Ok(call.poll_interval(interval).poll_timeout(limit).send()?.id)
            },
            body: plain,
            id: "vsfb_1",
            done: "cancelled",
        },
        Kind {
            name: "new batch",
            wait: |peer, interval, limit| {
                let params = CreateVectorStoreFileBatch::default().file_ids(["file-1"]);
                let call = openai(peer).vector_store_batches("vs_1").create_and_poll(params);
                Ok(call.poll_interval(interval).poll_timeout(limit).send()?.id)
            },
            body: plain,
            id: "vsfb_1",
            done: "completed",
        },
        Kind {
            name: "new store",
            wait: |peer, interval, limit| {
                let call = openai(peer)
                    .vector_stores()
                    .create_and_poll(CreateVectorStore::default());
                Ok(call.poll_interval(interval).poll_timeout(limit).send()?.id)
            },
            body: plain,
            id: "vs_1",
            done: "completed",
        },
        Kind {
            name: "run of Yandex",
            wait: |peer, interval, limit| {
                let call = yandex(peer).runs().wait("run_1");
                Ok(call.poll_interval(interval).poll_timeout(limit).send()?.id.clone())
            },
            body: |id, status| json!({"id": id, "state": {"status": status}}),
            id: "run_1",
            done: "COMPLETED",
        },
        Kind {
            name: "operation",
            wait: |peer, interval, limit| {
                let operations = yandex(peer).operations();
                let state = serde_json::from_value(json!({"id": "op_1"})).unwrap();
                let operation = operations.of::<yandex::SearchIndex>(state);
                let wait = operation.wait().poll_interval(interval).poll_timeout(limit);
                Ok(wait.send()?.id)
            },
            body: |id, status| {
                let index = json!({"id": "op_1",
                    "@type": "type.googleapis.com/yandex.cloud.ai.assistants.v1.searchindex.SearchIndex"});
                match status {
                    "done" => json!({"id": id, "done": true, "response": index}),
                    _ => json!({"id": id, "done": false}),
                }
            },
            id: "op_1",
            done: "done",
        },
    ]
}

/// Responds with these bodies, one after the other.
fn responses(bodies: Vec<Value>) -> Peer {
    let left = Mutex::new(bodies.into_iter());
    Peer::serve(move |request| {
        let body = left.lock().unwrap().next();
        let body = body.unwrap_or_else(|| panic!("one request too many: {}", request.line()));
        vec![Response::json(&body.to_string()).into()]
    })
}

#[test]
fn the_last_poll_is_made_when_the_limit_is_reached() {
    // Longer than the first interval of our own, shorter than the first two.
    let limit = Duration::from_millis(80);
    for kind in kinds() {
        let body = |status| (kind.body)(kind.id, status);
        let peer = responses(vec![body("in_progress"), body(kind.done)]);
        let id = (kind.wait)(&peer, HOUR, limit);
        assert_eq!(id.unwrap(), kind.id, "{}", kind.name);
        assert_eq!(peer.finish().len(), 2, "{}", kind.name);
        let peer = responses(vec![body("in_progress"), body("in_progress")]);
        let error = timeout((kind.wait)(&peer, HOUR, limit).unwrap_err());
        assert_eq!((error.phase, error.after), (TimeoutPhase::Poll, limit), "{}", kind.name);
        assert_eq!(peer.finish().len(), 2, "{}", kind.name);
    }
}

#[test]
fn an_unknown_status_is_waited_for() {
    for kind in kinds() {
        let body = |status| (kind.body)(kind.id, status);
        let peer = responses(vec![body("hibernating"), body("hibernating"), body(kind.done)]);
        let id = (kind.wait)(&peer, Duration::from_millis(1), HOUR);
        assert_eq!(id.unwrap(), kind.id, "{}", kind.name);
        assert_eq!(peer.finish().len(), 3, "{}", kind.name);
    }
}

#[test]
fn a_response_about_another_object_is_rejected() {
    for kind in kinds() {
        let other = (kind.body)("other_2", kind.done);
        let peer = responses(vec![(kind.body)(kind.id, "in_progress"), other]);
        let error = (kind.wait)(&peer, Duration::from_millis(1), HOUR).unwrap_err();
        let Error::Decode(error) = error else {
            panic!("{}: {error}", kind.name)
        };
        assert_eq!(
            (error.path.as_str(), error.excerpt.as_str()),
            ("id", "other_2"),
            "{}",
            kind.name
        );
    }
}

#[test]
fn an_object_without_a_status_is_not_waited_for() {
    let peer = responses(vec![json!({"id": "file-1"})]);
    let wait = openai(&peer).files().wait_for_processing("file-1");
    assert_eq!(wait.send().unwrap().id, "file-1");
}

#[test]
fn short_work_is_not_waited_for_longer_than_necessary() {
    let kinds = kinds();
    let operation = kinds.iter().find(|kind| kind.name == "operation").unwrap();
    let body = |status| (operation.body)(operation.id, status);
    let peer = responses(vec![body("in_progress"), body("in_progress"), body("done")]);
    let operations = yandex(&peer).operations();
    let state = serde_json::from_value(json!({"id": operation.id})).unwrap();
    let started = Instant::now();
    let wait = operations.of::<yandex::SearchIndex>(state).wait().send();
    assert_eq!(wait.unwrap().id, operation.id);
    // By default after 50 and 75 ms.
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(peer.finish().len(), 3);
}
