//! A repeated request with the same key is done once.

use serde_json::{Value, json};

use super::client::{Event, id, names, serve};

#[test]
fn a_create_is_done_once() {
    let (_server, client) = serve();
    let keyed = client.header("idempotency-key", "key-1");
    let first = keyed.post("/assistants", json!({"model": "test"})).ok();
    assert_eq!(keyed.post("/assistants", json!({"model": "test"})).ok(), first);
    assert_eq!(client.get("/assistants").ok()["data"].as_array().unwrap().len(), 1);
    assert_eq!(
        keyed.post("/assistants", json!({"model": "other"})).error(),
        "400 - idempotency_key_reused: The idempotency key 'key-1' was used before with another body."
    );
    // Another place and another key are other requests.
    assert_ne!(id(&keyed.post("/threads", json!({})).ok()), id(&first));
    assert_ne!(
        client
            .header("idempotency-key", "key-2")
            .post("/assistants", json!({"model": "test"}))
            .ok(),
        first
    );
}

#[test]
fn requests_at_the_same_time_are_one() {
    let (_server, client) = serve();
    let keyed = client.header("idempotency-key", "key");
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| keyed.post("/threads", json!({})).ok()))
            .collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[test]
fn a_refused_request_may_be_repeated() {
    let (_server, client) = serve();
    let keyed = client.header("idempotency-key", "key");
    let path = format!("/threads/{}/runs", client.thread("Hello"));
    assert_eq!(keyed.post(&path, json!({"assistant_id": "asst_x"})).status, 404);
    keyed.post(&path, json!({"assistant_id": client.assistant()})).ok();
}

#[test]
fn a_run_is_started_once() {
    let (_server, client) = serve();
    let keyed = client.header("idempotency-key", "key");
    let (assistant, thread) = (client.assistant(), client.thread("Hello"));
    let runs = format!("/threads/{thread}/runs");
    let first = keyed.post(&runs, json!({"assistant_id": assistant})).ok();
    client.wait_for(&format!("{runs}/{}", id(&first)), "completed");
    assert_eq!(keyed.post(&runs, json!({"assistant_id": assistant})).ok(), first);
    assert_eq!(client.get(&runs).ok()["data"].as_array().unwrap().len(), 1);
}

/// The names of the events and the text of a repeated stream are those of the first, whatever its pieces.
#[track_caller]
fn same_story(first: &[Event], again: &[Event]) {
    let story = |events: &[Event]| {
        let text: String = events.iter().filter_map(Event::text).collect();
        let arguments: String = events
            .iter()
            .filter_map(|event| event.data["delta"]["step_details"]["tool_calls"][0]["function"]["arguments"].as_str())
            .collect();
        (names(events).replace('*', ""), text, arguments)
    };
    assert_eq!(story(first), story(again));
    let last = |events: &[Event]| events[events.len() - 2].data.clone();
    assert_eq!(last(first), last(again));
}

#[test]
fn a_stream_is_told_again() {
    let (_server, client) = serve();
    for message in ["Hello big world", "repeat 2\nfail server_error", "repeat 0"] {
        let keyed = client.header("idempotency-key", message.lines().next().unwrap());
        let thread = json!({"messages": [{"role": "user", "content": message}]});
        let body = json!({"assistant_id": client.assistant(), "thread": thread, "stream": true});
        let first: Vec<Event> = keyed.stream("/threads/runs", body.clone()).collect();
        let again: Vec<Event> = keyed.stream("/threads/runs", body).collect();
        same_story(&first, &again);
    }
}

#[test]
fn a_stream_of_calls_and_outputs_is_told_again() {
    let (_server, client) = serve();
    let (assistant, thread) = (client.assistant(), client.thread("call f {\"city\":\"Paris\"}\ncall g"));
    let runs = format!("/threads/{thread}/runs");
    let keyed = client.header("idempotency-key", "create");
    let body = json!({"assistant_id": assistant, "stream": true});
    let first: Vec<Event> = keyed.stream(&runs, body.clone()).collect();
    let again: Vec<Event> = keyed.stream(&runs, body).collect();
    same_story(&first, &again);

    let run = &first[first.len() - 2].data;
    let calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
        .as_array()
        .unwrap();
    let outputs: Vec<Value> = calls
        .iter()
        .map(|call| json!({"tool_call_id": call["id"], "output": "1"}))
        .collect();
    let body = json!({"tool_outputs": outputs, "stream": true});
    let keyed = client.header("idempotency-key", "submit");
    let path = format!("{runs}/{}/submit_tool_outputs", id(run));
    let first: Vec<Event> = keyed.stream(&path, body.clone()).collect();
    let again: Vec<Event> = keyed.stream(&path, body).collect();
    same_story(&first, &again);
}

#[test]
fn a_repeated_stream_follows_a_run_that_is_still_at_work() {
    let (_server, client) = serve();
    let (assistant, thread) = (client.assistant(), client.thread("repeat 2\nsleep 3600000"));
    let keyed = client.header("idempotency-key", "key");
    let runs = format!("/threads/{thread}/runs");
    let body = json!({"assistant_id": assistant, "stream": true});
    let mut first = keyed.stream(&runs, body.clone());
    let run = id(&first.expect("run.created").data);
    first.skip_to("message.delta");
    assert_eq!(first.expect("message.delta").text(), Some(" word2"));
    let mut again = keyed.stream(&runs, body);
    assert_eq!(id(&again.expect("run.created").data), run);
    assert_eq!(again.skip_to("message.delta").text(), Some("word1 word2"));
    client.post(&format!("{runs}/{run}/cancel"), json!({})).ok();
    let want = "message.incomplete run.step.cancelled run.cancelling run.cancelled done";
    assert_eq!(names(&first.collect::<Vec<_>>()), want);
    assert_eq!(names(&again.collect::<Vec<_>>()), want);
}
