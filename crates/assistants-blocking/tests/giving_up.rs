//! Runs that are abandoned: by a drop, a cancelled token, a deadline, a tool that fails. The client cancels them.

use std::sync::Mutex;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use assistants_blocking::openai::{Client, CreateRun, EventHandler, RunStatus, RunStream, StreamCall, ToolOutput};
use assistants_blocking::{CancelToken, Error, OnToolError, Tools};
use serde_json::{Value, json};
use test_peer::{Gate, PATIENCE, Peer, Request, Response, Step};

const RUNS: &str = "POST /v1/threads/thread_1/runs";
const RUN: &str = "GET /v1/threads/thread_1/runs/run_1";
const CANCEL: &str = "POST /v1/threads/thread_1/runs/run_1/cancel";
const SUBMIT: &str = "POST /v1/threads/thread_1/runs/run_1/submit_tool_outputs";

fn client(peer: &Peer) -> Client {
    Client::builder()
        .base_url(peer.url("/v1"))
        .api_key("k")
        .build()
        .unwrap()
}

fn run(status: &str) -> String {
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}});
    let mut run = json!({"id": "run_1", "object": "thread.run", "thread_id": "thread_1", "status": status});
    if status == "requires_action" {
        run["required_action"] = json!({"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}});
    }
    run.to_string()
}

fn event(name: &str, data: &str) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

/// Starts a stream, sends this much of it, and leaves it open.
fn stream(events: &str) -> Vec<Step> {
    let head = Response::new("200 OK")
        .header("Content-Type", "text/event-stream")
        .until_close()
        .head();
    vec![Step::Send([&head, events.as_bytes()].concat()), Step::Stall(None)]
}

fn ended(events: &str) -> Vec<Step> {
    let mut steps = stream(events);
    steps.pop();
    steps.push(Step::Close);
    steps
}

/// A server that streams a run that never ends, and opens the gate when the run is cancelled.
struct World {
    peer: Peer,
    cancelled: Gate,
}

impl World {
    fn new(respond: impl Fn(&Request) -> Option<Vec<Step>> + Send + Sync + 'static) -> Self {
        let cancelled = Gate::new();
        let gate = cancelled.clone();
        let peer = Peer::serve(move |request| match (respond(request), request.line().as_str()) {
            (Some(steps), _) => steps,
            (None, CANCEL) => {
                gate.open();
                vec![Response::json(&run("cancelling")).into()]
            }
            (None, RUNS | SUBMIT) => stream(&event("thread.run.created", &run("queued"))),
            (None, line) => panic!("unexpected: {line}"),
        });
        Self { peer, cancelled }
    }

    fn call(&self) -> StreamCall {
        let call = client(&self.peer).runs("thread_1").stream(CreateRun::new("asst_1"));
        call.header("x-tenant", "t1").cancel_run_on_drop(true)
    }

    /// Waits for the request that cancels the run, and checks that it has the headers of the call.
    #[track_caller]
    fn expect_cancel(self, case: &str) {
        assert!(self.cancelled.wait(PATIENCE), "{case}: nobody cancels the run");
        let requests = self.peer.finish();
        let cancels: Vec<_> = requests.iter().filter(|request| request.line() == CANCEL).collect();
        assert_eq!(cancels.len(), 1, "{case}");
        assert_eq!(cancels[0].header("x-tenant"), Some("t1"), "{case}");
    }
}

#[test]
fn a_dropped_stream_cancels_its_run_for_any_reason() {
    type Case = (&'static str, fn(StreamCall));
    let cases: [Case; 5] = [
        ("drop", |call| {
            let mut stream = call.send().unwrap();
            stream.next().unwrap().unwrap();
        }),
        ("drop of a stream that was not read", |call| drop(call.send().unwrap())),
        ("token", |call| {
            let token = CancelToken::new();
            let mut stream = call.cancel_with(&token).send().unwrap();
            stream.next().unwrap().unwrap();
            token.cancel();
            assert!(matches!(stream.next(), Some(Err(Error::Cancelled(_)))));
        }),
        ("deadline", |call| {
            let stream = call.deadline(Duration::from_millis(300)).send().unwrap();
            assert!(stream.last().unwrap().unwrap_err().is_timeout());
        }),
        ("finish that is cancelled", |call| {
            let token = CancelToken::new();
            let mut stream = call.cancel_with(&token).send().unwrap();
            stream.next().unwrap().unwrap();
            token.cancel();
            assert!(matches!(stream.finish(), Err(Error::Cancelled(_))));
        }),
    ];
    for (name, case) in cases {
        let world = World::new(|_| None);
        case(world.call());
        world.expect_cancel(name);
    }
}

#[test]
fn a_run_is_cancelled_even_if_its_token_was_cancelled_before_the_first_event() {
    let named = Gate::new();
    let gate = named.clone();
    let world = World::new(move |request| {
        let mut steps = stream("");
        steps.insert(1, Step::Stall(Some(gate.clone())));
        steps.insert(2, Step::Send(event("thread.run.created", &run("queued")).into_bytes()));
        (request.line() == RUNS).then_some(steps)
    });
    let token = CancelToken::new();
    let mut stream = world.call().cancel_with(&token).send().unwrap();
    token.cancel();
    assert!(matches!(stream.next(), Some(Err(Error::Cancelled(_)))));
    named.open();
    drop(stream);
    world.expect_cancel("the id comes after the token was cancelled");
}

#[test]
fn a_stream_of_submitted_outputs_is_cancelled_before_its_first_event() {
    let world = World::new(|request| (request.line() == SUBMIT).then(|| stream("")));
    let outputs = [ToolOutput::default().tool_call_id("call_1").output("7")];
    let call = client(&world.peer)
        .runs("thread_1")
        .submit_tool_outputs_stream("run_1", outputs);
    drop(call.header("x-tenant", "t1").cancel_run_on_drop(true).send().unwrap());
    world.expect_cancel("submitted outputs");
}

#[test]
fn a_drop_blocks_for_at_most_two_seconds_and_hardly_at_all_after_a_cancel() {
    for cancel in [false, true] {
        let world = World::new(|request| (request.line() == CANCEL).then(|| vec![Step::Stall(None)]));
        let token = CancelToken::new();
        let mut stream = world.call().cancel_with(&token).send().unwrap();
        stream.next().unwrap().unwrap();
        if cancel {
            token.cancel();
        }
        let started = Instant::now();
        drop(stream);
        // On an idle machine, 2 s and 5 ms.
        let limit = if cancel {
            Duration::from_secs(2)
        } else {
            Duration::from_secs(5)
        };
        assert!(started.elapsed() < limit, "{:?}", started.elapsed());
    }
}

/// Streams or polls a run with tools.
type ToolRun = fn(&Peer, &Tools, Option<&CancelToken>) -> Error;

const TOOL_RUNS: [(&str, ToolRun); 2] = [
    ("polled", |peer, tools, token| {
        let runs = client(peer).runs("thread_1");
        let call = runs
            .run_with_tools(CreateRun::new("asst_1"), tools)
            .header("x-tenant", "t1");
        let call = call.max_retries(0);
        match token {
            Some(token) => call.cancel_with(token).send().unwrap_err(),
            None => call.send().unwrap_err(),
        }
    }),
    ("streamed", |peer, tools, token| {
        struct Deaf;
        impl EventHandler for Deaf {}
        let runs = client(peer).runs("thread_1");
        let call = runs
            .run_with_tools(CreateRun::new("asst_1"), tools)
            .header("x-tenant", "t1");
        let call = call.max_retries(0);
        match token {
            Some(token) => call.cancel_with(token).stream(&mut Deaf).unwrap_err(),
            None => call.stream(&mut Deaf).unwrap_err(),
        }
    }),
];

/// A server whose run calls a function immediately; `submitted` is its reaction to the outputs.
fn calling(submitted: impl Fn() -> Vec<Step> + Send + Sync + 'static) -> World {
    let respond = move |request: &Request| match request.line().as_str() {
        RUNS if request.text().contains(r#""stream":true"#) => {
            let asks = event("thread.run.requires_action", &run("requires_action"));
            Some(ended(&(asks + &event("done", "[DONE]"))))
        }
        RUNS => Some(vec![Response::json(&run("requires_action")).into()]),
        SUBMIT => Some(submitted()),
        _ => None,
    };
    World::new(respond)
}

#[test]
fn an_abandoned_tool_loop_cancels_its_run() {
    for (name, tool_run) in TOOL_RUNS {
        let world = calling(Vec::new);
        let tools = Tools::new().on_error(OnToolError::Stop);
        let tools = tools.function("look", json!({}), |_: Value| Err::<(), _>("no"));
        assert!(matches!(tool_run(&world.peer, &tools, None), Error::Tool(_)));
        world.expect_cancel(&format!("{name}: a function that fails"));

        let world = calling(Vec::new);
        let token = CancelToken::new();
        let (never, wait) = mpsc::channel::<()>();
        let (wait, cancel) = (Mutex::new(wait), token.clone());
        let tools = Tools::new().function("look", json!({}), move |_: Value| {
            cancel.cancel();
            Ok::<_, String>(wait.lock().unwrap().recv().is_ok())
        });
        assert!(matches!(
            tool_run(&world.peer, &tools, Some(&token)),
            Error::Cancelled(_)
        ));
        drop(never);
        world.expect_cancel(&format!("{name}: a token that is cancelled in a function"));

        let refused = || vec![Response::new("500 Internal Server Error").into()];
        let world = calling(refused);
        let tools = Tools::new().function("look", json!({}), |_: Value| Ok::<_, String>(7));
        assert_eq!(tool_run(&world.peer, &tools, None).status(), Some(500));
        world.expect_cancel(&format!("{name}: outputs that are refused"));
    }
}

#[test]
fn a_tool_loop_whose_stream_fails_cancels_its_run() {
    let (_, tool_run) = TOOL_RUNS[1];
    let broken = event("thread.run.in_progress", &run("in_progress")) + &event("error", r#"{"message":"broken"}"#);
    let first = broken.clone();
    for (name, world) in [
        (
            "the first stream",
            World::new(move |request| (request.line() == RUNS).then(|| stream(&first))),
        ),
        ("the stream of the outputs", calling(move || stream(&broken))),
    ] {
        let tools = Tools::new().function("look", json!({}), |_: Value| Ok::<_, String>(7));
        assert!(matches!(tool_run(&world.peer, &tools, None), Error::Api(_)), "{name}");
        world.expect_cancel(name);
    }
}

#[test]
fn submitted_outputs_whose_stream_breaks_before_its_first_event_are_recovered() {
    let list = json!({"data": [], "has_more": false}).to_string();
    let whole = Response::new("200 OK").header("Content-Type", "text/event-stream");
    for (name, submitted) in [
        ("closed", ended("")),
        ("cut in the first event", ended("event: thread.run.in_pro")),
        ("reset", vec![Step::Send(whole.clone().chunked().head()), Step::Reset]),
        ("an empty body", vec![whole.body("").into()]),
    ] {
        let list = list.clone();
        let peer = Peer::serve(move |request| match request.line().as_str() {
            SUBMIT => submitted.clone(),
            RUN => vec![Response::json(&run("completed")).into()],
            _ => vec![Response::json(&list).into()],
        });
        let outputs = [ToolOutput::default().tool_call_id("call_1").output("7")];
        let call = client(&peer)
            .runs("thread_1")
            .submit_tool_outputs_stream("run_1", outputs);
        let finished = call.send().and_then(RunStream::finish);
        assert_eq!(finished.unwrap().run.status, RunStatus::Completed, "{name}");
        peer.finish();
    }
}
