//! How soon `cancel()` unblocks a thread in a call, a tool loop, or a drop.
//!
//! `CANCELS=200 cargo test --release --test prompt_cancel -- --nocapture` measures this many, and checks that the worst
//! takes at most the promised 50 ms. Without the variable only a few are made, with a limit that suits a busy machine.

use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use assistants_blocking::openai::{Client, CreateRun};
use assistants_blocking::{CancelToken, Error, Tools};
use serde_json::{Value, json};
use test_peer::{Connection, Gate, Listener, PATIENCE, Peer, SCHEMES, Scheme};

const PROMISED: Duration = Duration::from_millis(50);

const RUN: &str = r#"{"id":"run_1","object":"thread.run","thread_id":"thread_1","status":"in_progress"}"#;

fn client(peer: &Peer) -> Client {
    let builder = Client::builder().base_url(peer.url("/v1")).api_key("k");
    let builder = match peer.certificate() {
        Some(pem) => builder.root_certificate(pem.as_bytes()).unwrap(),
        None => builder,
    };
    builder.build().unwrap()
}

fn asks_for_a_call() -> String {
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "wait", "arguments": "{}"}});
    json!({"id": "run_1", "thread_id": "thread_1", "status": "requires_action", "required_action":
        {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}}})
    .to_string()
}

/// The number of repetitions of each case, and the limit for the worst.
fn measure() -> (u32, Duration) {
    match std::env::var("CANCELS") {
        Ok(count) => (count.parse().expect("CANCELS is a number"), PROMISED),
        Err(_) => (3, PROMISED * 40),
    }
}

/// Cancels while `blocked` runs, once `ready` is open, and returns the time from the cancel to its return.
fn time(ready: &Gate, blocked: impl FnOnce(&CancelToken) -> Result<(), Error>) -> Duration {
    let token = CancelToken::new();
    let cancelled = Mutex::new(None);
    let outcome = thread::scope(|scope| {
        scope.spawn(|| {
            assert!(ready.wait(PATIENCE), "the call is never where it should be cancelled");
            let mut at = cancelled.lock().unwrap();
            *at = Some(Instant::now());
            token.cancel();
        });
        let outcome = blocked(&token);
        (outcome, Instant::now())
    });
    assert!(matches!(outcome.0, Err(Error::Cancelled(_))), "{:?}", outcome.0);
    let at = cancelled.into_inner().unwrap().expect("the token was cancelled");
    outcome.1.saturating_duration_since(at)
}

type Script = fn(&Listener, &Gate);
type Blocked = fn(&Peer, &CancelToken, &Gate) -> Result<(), Error>;

/// Waits for the client's request to cancel the run, if it sends one.
fn rest(listener: &Listener, mut connection: Connection, asks: bool) {
    connection.wait_for_close();
    if asks {
        let mut connection = listener.accept();
        if connection.next_request().is_some() {
            connection.answer("200 OK", &["Content-Type: application/json"], RUN);
        }
    }
}

const CASES: [(&str, Script, Blocked); 5] = [
    (
        "a response that does not come",
        |listener, ready| {
            let mut connection = listener.accept();
            connection.request();
            ready.open();
            rest(listener, connection, false);
        },
        |peer, token, _| {
            client(peer)
                .threads()
                .retrieve("thread_1")
                .cancel_with(token)
                .send()
                .map(drop)
        },
    ),
    (
        "the next byte of a stream",
        |listener, ready| {
            let mut connection = listener.accept();
            connection.request();
            connection.begin_stream();
            connection.chunk(&format!("event: thread.run.in_progress\ndata: {RUN}\n\n"));
            ready.open();
            rest(listener, connection, false);
        },
        |peer, token, _| {
            let call = client(peer).runs("thread_1").stream(CreateRun::new("asst_1"));
            call.cancel_with(token).send()?.try_for_each(|event| event.map(drop))
        },
    ),
    (
        "a stream, whose drop cancels the run",
        |listener, ready| {
            let mut connection = listener.accept();
            connection.request();
            connection.begin_stream();
            connection.chunk(&format!("event: thread.run.in_progress\ndata: {RUN}\n\n"));
            ready.open();
            rest(listener, connection, true);
        },
        |peer, token, _| {
            let call = client(peer).runs("thread_1").stream(CreateRun::new("asst_1"));
            let mut stream = call.cancel_run_on_drop(true).cancel_with(token).send()?;
            stream.try_for_each(|event| event.map(drop))
        },
    ),
    (
        "a function of a tool loop",
        |listener, _| {
            let mut connection = listener.accept();
            connection.request();
            connection.answer("200 OK", &["Content-Type: application/json"], &asks_for_a_call());
            // The request to cancel the run arrives on this connection, or not before the test has ended.
            if connection.next_request().is_some() {
                connection.answer("200 OK", &["Content-Type: application/json"], RUN);
            }
        },
        |peer, token, ready| {
            let (never, wait) = mpsc::channel::<()>();
            let (wait, ready) = (Mutex::new(wait), ready.clone());
            let tools = Tools::new().function("wait", json!({}), move |_: Value| {
                ready.open();
                Ok::<_, String>(wait.lock().unwrap().recv().is_ok())
            });
            let call = client(peer)
                .runs("thread_1")
                .run_with_tools(CreateRun::new("asst_1"), &tools);
            let outcome = call.cancel_with(token).send().map(drop);
            drop(never);
            outcome
        },
    ),
    (
        "a poll of a tool loop",
        |listener, ready| {
            let mut connection = listener.accept();
            connection.request();
            connection.answer("200 OK", &["Content-Type: application/json"], RUN);
            connection.request();
            ready.open();
            rest(listener, connection, true);
        },
        |peer, token, _| {
            let tools = Tools::new();
            let call = client(peer)
                .runs("thread_1")
                .run_with_tools(CreateRun::new("asst_1"), &tools);
            call.cancel_with(token).send().map(drop)
        },
    ),
];

fn check(scheme: Scheme) {
    let (count, limit) = measure();
    for (name, script, blocked) in CASES {
        let mut times: Vec<_> = (0..count)
            .map(|_| {
                let ready = Gate::new();
                let opened = ready.clone();
                let peer = Peer::start(scheme, move |listener| script(listener, &opened));
                time(&ready, |token| blocked(&peer, token, &ready))
            })
            .collect();
        times.sort_unstable();
        let worst = times.last().expect("at least one");
        println!(
            "{scheme:?}, {name}: median {:?}, worst {worst:?} of {count}",
            times[times.len() / 2]
        );
        assert!(*worst < limit, "{scheme:?}, {name}: {worst:?}");
    }
}

#[test]
fn a_cancel_unblocks_the_thread_promptly() {
    SCHEMES.into_iter().for_each(check);
}
