//! The order of events, and their consistency with what is stored.

use serde_json::{Value, json};

use super::client::{Client, Event, id, names, serve};

const BEGUN: &str = "run.created run.queued run.in_progress";
const ANSWER: &str = "run.step.created run.step.in_progress message.created message.in_progress message.delta* \
    message.completed run.step.completed run.completed done";
const CALLS: &str = "run.step.created run.step.in_progress run.step.delta* run.requires_action done";

fn collect(client: &Client, path: &str, body: Value) -> Vec<Event> {
    client.stream(path, body).collect()
}

/// Starts a streamed run on a new thread with this message. `run` is added to its parameters.
fn run(client: &Client, message: &str, run: Value) -> (String, Vec<Event>) {
    let (assistant, thread) = (client.assistant(), client.thread(message));
    let mut body = json!({"assistant_id": assistant, "stream": true});
    body.as_object_mut().unwrap().extend(run.as_object().unwrap().clone());
    (
        format!("/threads/{thread}"),
        collect(client, &format!("/threads/{thread}/runs"), body),
    )
}

#[track_caller]
fn check(message: &str, params: Value, want: &str) -> Vec<Event> {
    let (_server, client) = serve();
    let (_, events) = run(&client, message, params);
    assert_eq!(names(&events), want);
    events
}

fn last_run(events: &[Event]) -> &Value {
    &events[events.len() - 2].data
}

#[test]
fn a_plain_answer() {
    let events = check("Hello big world", json!({}), &format!("{BEGUN} {ANSWER}"));
    let deltas: Vec<&Event> = events.iter().filter(|event| event.name == "message.delta").collect();
    assert_eq!(
        deltas.iter().map(|delta| delta.text().unwrap()).collect::<Vec<_>>(),
        ["Hello", " big", " world"]
    );
    let roles: Vec<&Value> = deltas.iter().map(|delta| &delta.data["delta"]["role"]).collect();
    assert_eq!(roles, [&json!("assistant"), &Value::Null, &Value::Null]);
    assert_eq!(
        last_run(&events)["usage"],
        json!({"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6})
    );
}

#[test]
fn an_empty_answer() {
    let want = format!("{BEGUN} {}", ANSWER.replace("message.delta* ", ""));
    check("repeat 0", json!({}), &want);
}

#[test]
fn events_match_what_is_stored() {
    let (_server, client) = serve();
    let (thread, events) = run(&client, "Hello world", json!({}));
    let last = |name: &str| &events.iter().rfind(|event| event.name == name).unwrap().data;
    let run = last("run.completed");
    let run_path = format!("{thread}/runs/{}", id(run));
    assert_eq!(&client.get(&run_path).ok(), run);
    let message = last("message.completed");
    assert_eq!(&client.get(&format!("{thread}/messages/{}", id(message))).ok(), message);
    let step = last("run.step.completed");
    assert_eq!(&client.get(&format!("{run_path}/steps/{}", id(step))).ok(), step);
    assert_eq!(
        message["content"],
        json!([{"type": "text", "text": {"value": "Hello world", "annotations": []}}])
    );
    assert_eq!(
        (&message["run_id"], &message["assistant_id"]),
        (&run["id"], &run["assistant_id"])
    );
    assert_eq!(step["step_details"]["message_creation"]["message_id"], message["id"]);
    for (object, members) in [
        (run, ["started_at", "completed_at", "created_at"].as_slice()),
        (message, ["completed_at", "created_at"].as_slice()),
        (step, ["completed_at", "created_at"].as_slice()),
    ] {
        for member in members {
            assert!(object[*member].is_i64(), "{member} of {object}");
        }
    }
}

#[test]
fn create_thread_and_run() {
    let (_server, client) = serve();
    let thread = json!({"messages": [{"role": "user", "content": "Hello"}]});
    let body = json!({"assistant_id": client.assistant(), "thread": thread, "stream": true});
    let events = collect(&client, "/threads/runs", body);
    assert_eq!(
        names(&events),
        format!("thread.created {BEGUN} {}", ANSWER.replace('*', "")).replace("thread.created", "created")
    );
    assert_eq!(events[0].data["object"], "thread");
    assert_eq!(last_run(&events)["thread_id"], events[0].data["id"]);
}

#[test]
fn function_calls_and_their_outputs() {
    let (_server, client) = serve();
    let (thread, events) = run(&client, "call f {\"city\":\"Paris\"}\ncall g 1", json!({}));
    assert_eq!(names(&events), format!("{BEGUN} {CALLS}"));

    let deltas: Vec<&Value> = events
        .iter()
        .filter(|event| event.name == "run.step.delta")
        .map(|event| &event.data["delta"]["step_details"]["tool_calls"][0])
        .collect();
    let told: Vec<Value> = deltas
        .iter()
        .map(|call| json!([call["index"], call["function"]]))
        .collect();
    assert_eq!(
        told,
        [
            json!([0, {"arguments": "", "name": "f"}]),
            json!([0, {"arguments": "{\"city\":\"Par"}]),
            json!([0, {"arguments": "is\"}"}]),
            json!([1, {"arguments": "", "name": "g"}]),
            json!([1, {"arguments": "1"}]),
        ]
    );
    let run = last_run(&events);
    let calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
        .as_array()
        .unwrap();
    assert_eq!(
        calls[0]["function"],
        json!({"name": "f", "arguments": "{\"city\":\"Paris\"}"})
    );
    assert_eq!(calls[1]["function"], json!({"name": "g", "arguments": "1"}));
    assert_eq!((&calls[0]["id"], &calls[1]["id"]), (&deltas[0]["id"], &deltas[3]["id"]));
    assert_eq!(run["usage"], Value::Null);

    let run_path = format!("{thread}/runs/{}", id(run));
    let outputs = json!([
        {"tool_call_id": calls[1]["id"], "output": "two"},
        {"tool_call_id": calls[0]["id"], "output": "one"},
    ]);
    let body = json!({"tool_outputs": outputs, "stream": true});
    let events = collect(&client, &format!("{run_path}/submit_tool_outputs"), body);
    assert_eq!(
        names(&events),
        format!("run.step.completed run.queued run.in_progress {ANSWER}")
    );
    let calls = &events[0].data["step_details"]["tool_calls"];
    assert_eq!(
        (&calls[0]["function"]["output"], &calls[1]["function"]["output"]),
        (&json!("one"), &json!("two"))
    );
    // Two calls with one word of arguments each, then "f returned one\ng returned two".
    assert_eq!(events[0].data["usage"]["completion_tokens"], 4);
    assert_eq!(last_run(&events)["usage"]["completion_tokens"], 4 + 6);
    let text: String = events.iter().filter_map(Event::text).collect();
    assert_eq!(text, "f returned one\ng returned two");

    let steps = client.get(&format!("{run_path}/steps?order=asc")).ok();
    let kinds: Vec<&str> = steps["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["tool_calls", "message_creation"]);
}

#[test]
fn a_failure() {
    let events = check(
        "fail rate_limit_exceeded",
        json!({}),
        &format!("{BEGUN} run.failed done"),
    );
    let run = last_run(&events);
    assert_eq!(run["last_error"]["code"], "rate_limit_exceeded");
    assert!(run["failed_at"].is_i64());
}

#[test]
fn a_failure_in_the_middle_of_an_answer() {
    let want = "run.step.created run.step.in_progress message.created message.in_progress message.delta* \
        message.incomplete run.step.failed run.failed done";
    let events = check("repeat 2\nfail server_error", json!({}), &format!("{BEGUN} {want}"));
    let message = &events[events.len() - 4].data;
    assert_eq!(message["incomplete_details"]["reason"], "run_failed");
    assert_eq!(message["content"][0]["text"]["value"], "word1 word2");
    assert_eq!(events[events.len() - 3].data["last_error"]["code"], "server_error");
}

#[test]
fn a_token_limit() {
    let want = "run.step.created run.step.in_progress message.created message.in_progress message.delta* \
        message.incomplete run.step.completed run.incomplete done";
    let events = check(
        "repeat 300",
        json!({"max_completion_tokens": 256}),
        &format!("{BEGUN} {want}"),
    );
    let run = last_run(&events);
    assert_eq!(run["incomplete_details"]["reason"], "max_completion_tokens");
    assert_eq!(run["usage"]["completion_tokens"], 256);
    assert_eq!(
        events[events.len() - 4].data["incomplete_details"]["reason"],
        "max_tokens"
    );
}

#[test]
fn a_prompt_that_is_too_long() {
    let message = "word ".repeat(257);
    let events = check(
        &message,
        json!({"max_prompt_tokens": 256}),
        &format!("{BEGUN} run.incomplete done"),
    );
    assert_eq!(last_run(&events)["incomplete_details"]["reason"], "max_prompt_tokens");
}

#[test]
fn a_long_stream_loses_nothing() {
    let (_server, client) = serve();
    let (thread, events) = run(&client, "repeat 20000", json!({}));
    let texts: Vec<&str> = events.iter().filter_map(Event::text).collect();
    assert_eq!(texts.len(), 20_000);
    let stored = client.get(&format!("{thread}/messages?limit=1")).ok();
    assert_eq!(stored["data"][0]["content"][0]["text"]["value"], texts.concat());
}
