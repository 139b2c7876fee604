//! Responses over HTTP.

use serde_json::{Value, json};

use super::client::{Client, serve};

const RESPONSES: &str = "/responses";

fn user(text: &str) -> Value {
    json!({"model": "m", "input": text})
}

fn with(mut body: Value, more: Value) -> Value {
    let (Value::Object(body_members), Value::Object(more)) = (&mut body, more) else {
        panic!("bodies are objects")
    };
    body_members.extend(more);
    body
}

fn functions() -> Value {
    json!({"tools": [{"type": "function", "name": "f"}, {"type": "function", "name": "g", "parameters": null, "strict": true}]})
}

/// Compares the output, as texts and as calls with their name and arguments, and the status.
#[track_caller]
fn check(body: Value, want: Value) {
    let (_server, client) = serve();
    let response = client.post(RESPONSES, body).ok();
    let output = response["output"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| match &item["type"] {
            Value::String(kind) if kind == "function_call" => json!([item["name"], item["arguments"]]),
            _ => item["content"][0]["text"].clone(),
        });
    let output: Vec<Value> = output.collect();
    assert_eq!(json!([output, response["status"]]), want);
}

#[track_caller]
fn refuses(body: Value, want: &str) {
    let (_server, client) = serve();
    let streamed = with(body.clone(), json!({"stream": true}));
    for body in [body, streamed] {
        let error = client.post(RESPONSES, body).error();
        assert!(error.starts_with(want), "{error}");
    }
}

/// Returns the data of each event, after checks that its name is its type and that the events are numbered.
fn events(client: &Client, body: Value) -> Vec<Value> {
    let mut lines = client
        .stream(RESPONSES, with(body, json!({"stream": true})))
        .raw_lines();
    let mut events = Vec::new();
    while let Some(name) = lines.next() {
        let data = lines.next().unwrap();
        let event: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(name.strip_prefix("event: "), event["type"].as_str());
        assert_eq!(event["sequence_number"], events.len());
        assert_eq!(lines.next().as_deref(), Some(""));
        events.push(event);
    }
    events
}

fn types(events: &[Value]) -> Vec<&str> {
    let types = events.iter().map(|event| event["type"].as_str().unwrap());
    types
        .map(|name| name.strip_prefix("response.").unwrap_or(name))
        .collect()
}

#[test]
fn a_response_has_every_member_that_clients_rely_on() {
    let (_server, client) = serve();
    let body = with(
        user("Hello you"),
        json!({"temperature": 0.5, "store": true, "previous_response_id": null}),
    );
    let mut response = client.post(RESPONSES, body).ok();
    assert!(response["id"].as_str().unwrap().starts_with("resp_"));
    assert!(response["created_at"].is_i64());
    assert!(response["output"][0]["id"].as_str().unwrap().starts_with("msg_"));
    response["id"] = json!("r");
    response["created_at"] = json!(0);
    response["output"][0]["id"] = json!("m");
    assert_eq!(
        response,
        json!({
            "id": "r", "object": "response", "created_at": 0, "model": "m", "status": "completed",
            "error": null, "incomplete_details": null, "background": false, "instructions": null, "max_output_tokens": null,
            "metadata": {}, "parallel_tool_calls": true, "previous_response_id": null,
            "reasoning": {"effort": null, "summary": null}, "store": false, "temperature": 0.5,
            "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": 1.0, "truncation": "disabled",
            "output": [{"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [
                {"type": "output_text", "text": "Hello you", "annotations": []},
            ]}],
            "usage": {"input_tokens": 2, "input_tokens_details": {"cached_tokens": 0},
                      "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 4},
        })
    );
}

#[test]
fn a_text_is_streamed_between_the_beginning_and_the_end_of_its_item() {
    let (_server, client) = serve();
    let events = events(&client, user("Hello you"));
    assert_eq!(
        types(&events),
        [
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "completed",
        ]
    );
    assert_eq!(events[0]["response"]["status"], "in_progress");
    assert_eq!(
        (&events[0]["response"]["output"], &events[0]["response"]["usage"]),
        (&json!([]), &Value::Null)
    );
    assert_eq!(events[2]["item"]["content"], json!([]));
    assert_eq!(
        (&events[4]["delta"], &events[5]["delta"]),
        (&json!("Hello"), &json!(" you"))
    );
    assert_eq!(events[6]["text"], "Hello you");
    assert_eq!(events[9]["response"]["output"], json!([events[8]["item"]]));
    for event in &events[3..8] {
        assert_eq!(event["item_id"], events[2]["item"]["id"]);
    }
}

#[test]
fn every_call_is_an_item() {
    let (_server, client) = serve();
    let text = "repeat 1\ncall f {\"words\": \"more than one piece\"}\ncall g";
    let events = events(&client, with(user(text), functions()));
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.completed");
    let items = last["response"]["output"].as_array().unwrap();
    let kinds: Vec<&str> = items.iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["message", "function_call", "function_call"]);
    for (index, item) in items.iter().enumerate() {
        let of_item = |event: &&Value| event["output_index"] == index;
        let done = events.iter().rfind(of_item).unwrap();
        assert_eq!(
            (&done["type"], &done["item"]),
            (&json!("response.output_item.done"), item)
        );
        let arguments: String = events
            .iter()
            .filter(of_item)
            .filter(|event| event["type"] == "response.function_call_arguments.delta")
            .map(|event| event["delta"].as_str().unwrap())
            .collect();
        assert_eq!(arguments, item["arguments"].as_str().unwrap_or_default());
    }
    assert!(items[1]["call_id"].as_str().unwrap().starts_with("call_"));
}

#[test]
fn requests_determine_their_responses() {
    let f = || with(user("call f {\"a\":1}"), functions());
    check(f(), json!([[["f", "{\"a\":1}"]], "completed"]));
    check(
        with(f(), json!({"tool_choice": "none"})),
        json!([["The run may not call the function f."], "completed"]),
    );
    check(
        with(f(), json!({"tool_choice": {"type": "function", "name": "g"}})),
        json!([[["g", "{}"]], "completed"]),
    );
    check(
        with(user("repeat 9"), json!({"max_output_tokens": 2})),
        json!([["word1 word2"], "incomplete"]),
    );
    check(
        json!({"model": "m", "instructions": "i", "input": [
            {"role": "developer", "content": "d"},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "one"}, {"type": "input_image", "image_url": "http://a"},
                {"type": "input_text", "text": "two"}]}]}),
        json!([["one\ntwo"], "completed"]),
    );
}

#[test]
fn the_model_reports_the_outputs_of_calls() {
    let call = |id: &str, name: &str| json!({"type": "function_call", "call_id": id, "name": name, "arguments": "{}"});
    let output = |id: &str, text: Value| json!({"type": "function_call_output", "call_id": id, "output": text});
    let asked = json!({"role": "user", "content": "call f\ncall g"});
    let reasoning = json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "abc"});
    let body = |input: Value| with(json!({"model": "m", "input": input}), functions());
    let (f, g) = (call("f", "f"), call("g", "g"));
    let text = json!([{"type": "input_text", "text": "1"}]);
    check(
        body(json!([
            asked,
            reasoning,
            f,
            g,
            output("g", json!("2")),
            output("f", text)
        ])),
        json!([["f returned 1\ng returned 2"], "completed"]),
    );
    // Each call directly before its output.
    check(
        body(json!([asked, f, output("f", json!("1")), g, output("g", json!("2"))])),
        json!([["f returned 1\ng returned 2"], "completed"]),
    );
    // Calls before the user's last message are not reported again.
    check(
        body(json!([asked, f, output("f", json!("1")), {"role": "user", "content": "Thanks"}])),
        json!([["Thanks"], "completed"]),
    );
    refuses(
        body(json!([asked, f, g, output("f", json!("1"))])),
        "400 input -: No tool output found for function call g.",
    );
    refuses(
        body(json!([asked, output("f", json!("1"))])),
        "400 input[1] -: No tool call found for function call output with call_id f.",
    );
}

#[test]
fn what_cannot_be_done_is_refused() {
    for (body, want) in [
        (json!({"model": "m"}), "400 input missing_required_parameter"),
        (json!({"input": "x"}), "400 model missing_required_parameter"),
        (
            with(user("x"), json!({"previous_response_id": "resp_1"})),
            "400 previous_response_id unsupported_parameter: This server does not store responses",
        ),
        (
            with(user("x"), json!({"conversation": "conv_1"})),
            "400 conversation unsupported_parameter",
        ),
        (
            json!({"model": "m", "input": [{"role": "robot", "content": "x"}]}),
            "400 input[0].role invalid_value",
        ),
        (
            json!({"model": "m", "input": [{"type": "item_reference", "id": "msg_1"}]}),
            "400 input[0].type invalid_value",
        ),
        (
            with(user("x"), json!({"tools": [{"type": "web_search"}]})),
            "400 tools[0].type invalid_value",
        ),
        (
            with(user("x"), json!({"tool_choice": {"type": "function", "name": "z"}})),
            "400 tool_choice -: Tool choice 'z'",
        ),
        (
            with(user("x"), json!({"max_output_tokens": 0})),
            "400 max_output_tokens integer_below_min_value",
        ),
        (
            user("fail context_length_exceeded"),
            "400 input context_length_exceeded",
        ),
        (user("fail rate_limit_exceeded"), "429 - rate_limit_exceeded"),
    ] {
        refuses(body, want);
    }
}

#[test]
fn a_failure_in_the_middle_is_the_last_event() {
    let (_server, client) = serve();
    let events = events(&client, user("repeat 1\nfail out_of_words"));
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.failed");
    assert_eq!(last["response"]["status"], "failed");
    assert_eq!(last["response"]["error"]["code"], "out_of_words");
    assert!(types(&events).contains(&"output_text.delta"));
}

#[test]
fn a_response_that_is_cut_off_says_why() {
    let (_server, client) = serve();
    let events = events(&client, with(user("repeat 9"), json!({"max_output_tokens": 2})));
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(
        last["response"]["incomplete_details"],
        json!({"reason": "max_output_tokens"})
    );
    assert_eq!(last["response"]["output"][0]["status"], "incomplete");
}
