//! Repeated requests with the same idempotency key are executed once.

use serde_json::{Value, json};

use super::client::{Event, id, names, serve};

#[test]
fn a_create_is_executed_once() {
    let (_server, client) = serve();
    let keyed = client.header("idempotency-key", "key-1");
    let first = keyed.post("/assistants", json!({"model": "test"})).ok();
    assert_eq!(keyed.post("/assistants", json!({"model": "test"})).ok(), first);
    assert_eq!(client.get("/assistants").ok()["data"].as_array().unwrap().len(), 1);
    assert_eq!(
        keyed.post("/assistants", json!({"model": "other"})).error(),
        "400 - idempotency_key_reused: The idempotency key 'key-1' was used before with another body."
    );
    // Another path and another key make it another request.
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
fn concurrent_requests_are_executed_once() {
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
fn a_rejected_request_may_be_repeated() {
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

/// Checks that a repeated stream has the same event names and the same text as the first, however the text is split.
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
    assert_eq!(first.last().map(|event| event.name.as_str()), Some("done"));
    assert_eq!(story(first), story(again));
    let last = |events: &[Event]| events[events.len() - 2].data.clone();
    assert_eq!(last(first), last(again));
}

#[test]
fn a_repeated_stream_has_the_same_events() {
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
fn a_repeated_stream_of_calls_and_outputs_has_the_same_events() {
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
fn a_repeated_stream_follows_a_run_in_progress() {
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

#[test]
fn every_write_with_a_key_can_be_repeated() {
    let (_server, client) = serve();
    let file = |purpose: &str| {
        let part = |disposition: &str, value: &str| {
            format!("--XX\r\ncontent-disposition: form-data; {disposition}\r\n\r\n{value}\r\n")
        };
        part("name=purpose", purpose) + &part("name=file; filename=a.txt", "some words") + "--XX--"
    };
    let part = "--XX\r\ncontent-disposition: form-data; name=data; filename=a\r\n\r\nx\r\n--XX--".to_owned();
    let sending = client.header("content-type", "multipart/form-data; boundary=XX");
    let mut keys = 0;
    // Twice concurrently, and once more at the end, after later requests may have changed the object.
    let mut sent: Vec<(super::client::Client, String, String, Value)> = Vec::new();
    let mut twice = |client: &super::client::Client, path: &str, body: String| {
        keys += 1;
        let keyed = client.header("idempotency-key", &format!("key-{keys}"));
        let first = keyed.call("POST", path, &body).ok();
        assert_eq!(keyed.call("POST", path, &body).ok(), first, "{path}");
        sent.push((keyed, path.to_owned(), body, first.clone()));
        first
    };
    let none = || "{}".to_owned();
    let assistant = twice(&client, "/assistants", json!({"model": "m"}).to_string());
    twice(
        &client,
        &format!("/assistants/{}", id(&assistant)),
        json!({"name": "n"}).to_string(),
    );
    let thread = id(&twice(&client, "/threads", none()));
    twice(
        &client,
        &format!("/threads/{thread}"),
        json!({"metadata": {"a": "b"}}).to_string(),
    );
    let message = json!({"role": "user", "content": "sleep 3600000"});
    let message = id(&twice(
        &client,
        &format!("/threads/{thread}/messages"),
        message.to_string(),
    ));
    twice(&client, &format!("/threads/{thread}/messages/{message}"), none());
    let run = json!({"assistant_id": id(&assistant)}).to_string();
    let run = format!(
        "/threads/{thread}/runs/{}",
        id(&twice(&client, &format!("/threads/{thread}/runs"), run))
    );
    twice(&client, &run, json!({"metadata": {"a": "b"}}).to_string());
    let cancelled = twice(&client, &format!("{run}/cancel"), none());
    assert_eq!(cancelled["status"], "cancelling");
    let thread_and_run = json!({"assistant_id": id(&assistant), "thread": {"messages":
        [{"role": "user", "content": "call f"}]}, "tools": [{"type": "function", "function": {"name": "f"}}]});
    let run = twice(&client, "/threads/runs", thread_and_run.to_string());
    let run = format!("/threads/{}/runs/{}", run["thread_id"].as_str().unwrap(), id(&run));
    let waiting = client.wait_for(&run, "requires_action");
    let call = &waiting["required_action"]["submit_tool_outputs"]["tool_calls"][0]["id"];
    let outputs = json!({"tool_outputs": [{"tool_call_id": call, "output": "1"}]});
    twice(&client, &format!("{run}/submit_tool_outputs"), outputs.to_string());
    client.wait_for(&run, "completed");

    let kept = id(&twice(&sending, "/files", file("assistants")));
    let upload = json!({"filename": "a", "purpose": "batch", "bytes": 1, "mime_type": "text/plain"}).to_string();
    let first = format!("/uploads/{}", id(&twice(&client, "/uploads", upload.clone())));
    let sent_part = id(&twice(&sending, &format!("{first}/parts"), part.clone()));
    twice(
        &client,
        &format!("{first}/complete"),
        json!({"part_ids": [sent_part]}).to_string(),
    );
    let second = format!("/uploads/{}", id(&twice(&client, "/uploads", upload)));
    twice(&sending, &format!("{second}/parts"), part);
    twice(&client, &format!("{second}/cancel"), none());

    let store = format!("/vector_stores/{}", id(&twice(&client, "/vector_stores", none())));
    twice(&client, &store, json!({"name": "n"}).to_string());
    let attached = json!({"file_id": kept}).to_string();
    let with_attributes = json!({"file_id": kept, "attributes": {"a": 0}}).to_string();
    twice(&client, &format!("{store}/files"), with_attributes);
    twice(
        &client,
        &format!("{store}/files/{kept}"),
        json!({"attributes": {"a": 1}}).to_string(),
    );
    twice(
        &client,
        &format!("{store}/file_batches"),
        json!({"file_ids": [kept]}).to_string(),
    );
    let legacy = client.header("openai-beta", "assistants=v1");
    twice(&legacy, &format!("/assistants/{}/files", id(&assistant)), attached);

    for (keyed, path, body, first) in sent {
        assert_eq!(keyed.call("POST", &path, &body).ok(), first, "{path}");
    }
    let count = |path: &str| client.get(path).ok()["data"].as_array().unwrap().len();
    assert_eq!(
        (count("/assistants"), count("/files"), count("/vector_stores")),
        (1, 2, 1)
    );
    // As attached again by the batch: the earlier requests were not executed again.
    let file = client.get(&format!("{store}/files/{kept}")).ok();
    assert_eq!(file["attributes"], json!({}));
}

#[test]
fn a_run_is_cancelled_once() {
    let (_server, client) = serve();
    let runs = format!("/threads/{}/runs", client.thread("sleep 3600000"));
    let run = client.post(&runs, json!({"assistant_id": client.assistant()})).ok();
    let cancel = format!("{runs}/{}/cancel", id(&run));
    let keyed = client.header("idempotency-key", "key");
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| keyed.post(&cancel, json!({})).ok()))
            .collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let late = client.header("idempotency-key", "another");
    for other in [&client, &late] {
        assert!(
            other
                .post(&cancel, json!({}))
                .error()
                .contains("Cannot cancel run with status")
        );
    }
    let reused = keyed.post(&cancel, json!({"a": 1}));
    assert!(reused.error().contains("idempotency_key_reused"), "{}", reused.error());
    let unknown = keyed.post(&format!("{runs}/run_none/cancel"), json!({}));
    assert_eq!(unknown.status, 404);
}
