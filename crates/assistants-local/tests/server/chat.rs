//! Chat completions and models over HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use assistants_local::LocalServer;
use assistants_local::model::{Failure, Finish, Model, ModelRequest, Output};
use serde_json::{Value, json};

use super::client::{id, serve, start};

const CHAT: &str = "/chat/completions";

fn user(text: &str) -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": text}]})
}

fn with(mut body: Value, more: Value) -> Value {
    let (Value::Object(body_members), Value::Object(more)) = (&mut body, more) else {
        panic!("bodies are objects")
    };
    body_members.extend(more);
    body
}

fn functions() -> Value {
    json!({"tools": [{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "g"}}]})
}

/// Returns the first choice: its text or its calls, and its finish reason.
#[track_caller]
fn check(body: Value, want: Value) {
    let (_server, client) = serve();
    let choice = client.post(CHAT, body).ok()["choices"][0].clone();
    let calls = choice["message"]["tool_calls"].as_array();
    let calls = calls.map(|calls| {
        let call = |call: &Value| json!([call["function"]["name"], call["function"]["arguments"]]);
        calls.iter().map(call).collect::<Value>()
    });
    let said = calls.unwrap_or_else(|| choice["message"]["content"].clone());
    assert_eq!(json!([said, choice["finish_reason"]]), want);
}

#[track_caller]
fn refuses(body: Value, want: &str) {
    let (_server, client) = serve();
    let streamed = with(body.clone(), json!({"stream": true}));
    for body in [body, streamed] {
        let error = client.post(CHAT, body).error();
        assert!(error.starts_with(want), "{error}");
    }
}

/// Returns the data of each event.
fn events(client: &super::client::Client, body: Value) -> Vec<String> {
    let mut lines = client.stream(CHAT, with(body, json!({"stream": true}))).raw_lines();
    let mut data = Vec::new();
    while let Some(line) = lines.next() {
        data.push(
            line.strip_prefix("data: ")
                .unwrap_or_else(|| panic!("{line}"))
                .to_owned(),
        );
        assert_eq!(lines.next().as_deref(), Some(""));
    }
    data
}

#[test]
fn an_answer_has_every_member_that_clients_rely_on() {
    let (_server, client) = serve();
    let mut answer = client.post(CHAT, user("Hello you")).ok();
    assert!(answer["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert!(answer["created"].is_i64());
    answer["id"] = json!("c");
    answer["created"] = json!(0);
    assert_eq!(
        answer,
        json!({
            "id": "c", "object": "chat.completion", "created": 0, "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop", "logprobs": null,
                         "message": {"role": "assistant", "content": "Hello you", "refusal": null}}],
            "usage": {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4},
        })
    );
}

#[test]
fn a_stream_names_the_role_first_and_ends_with_done() {
    let (_server, client) = serve();
    let body = with(user("Hello you"), json!({"stream_options": {"include_usage": true}}));
    let mut events = events(&client, body);
    assert_eq!(events.pop().as_deref(), Some("[DONE]"));
    let chunks: Vec<Value> = events.iter().map(|data| serde_json::from_str(data).unwrap()).collect();
    for chunk in &chunks {
        assert_eq!(
            (&chunk["id"], &chunk["object"]),
            (&chunks[0]["id"], &json!("chat.completion.chunk"))
        );
        assert_eq!((&chunk["model"], chunk["created"].is_i64()), (&json!("m"), true));
    }
    let choices: Vec<&Value> = chunks.iter().map(|chunk| &chunk["choices"]).collect();
    // Without null for a finish reason that is not known yet, which the client of one provider rejects.
    assert_eq!(
        json!(choices),
        json!([
            [{"index": 0, "delta": {"role": "assistant", "content": ""}}],
            [{"index": 0, "delta": {"content": "Hello"}}],
            [{"index": 0, "delta": {"content": " you"}}],
            [{"index": 0, "delta": {}, "finish_reason": "stop"}],
            [],
        ])
    );
    let usage = json!({"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4});
    assert_eq!(chunks.last().unwrap()["usage"], usage);
    assert!(chunks[..4].iter().all(|chunk| chunk.get("usage").is_none()));
}

#[test]
fn calls_are_streamed_in_pieces() {
    let (_server, client) = serve();
    let text = "call f {\"words\": \"more than one piece\"}\ncall g";
    let events = events(&client, with(user(text), functions()));
    let deltas: Vec<Value> = events[..events.len() - 1]
        .iter()
        .map(|data| serde_json::from_str::<Value>(data).unwrap()["choices"][0]["delta"].clone())
        .collect();
    assert_eq!(deltas[0], json!({"role": "assistant"}));
    let first = &deltas[1]["tool_calls"][0];
    assert!(first["id"].as_str().unwrap().starts_with("call_"));
    assert_eq!((&first["index"], &first["type"]), (&json!(0), &json!("function")));
    let more = &deltas[2]["tool_calls"][0];
    assert_eq!(
        (&more["index"], more.get("id"), more.get("type")),
        (&json!(0), None, None)
    );
    let of = |index: i64| -> String {
        let pieces = deltas.iter().filter_map(|delta| delta["tool_calls"].get(0));
        let pieces = pieces.filter(|piece| piece["index"] == index);
        pieces
            .filter_map(|piece| piece["function"]["arguments"].as_str())
            .collect()
    };
    assert_eq!(
        (of(0).as_str(), of(1).as_str()),
        ("{\"words\": \"more than one piece\"}", "{}")
    );
}

#[test]
fn every_call_has_its_own_index() {
    let (_server, client) = serve();
    let events = events(&client, with(user("call f\ncall g"), functions()));
    let begun: Vec<Value> = events[..events.len() - 1]
        .iter()
        .map(|data| serde_json::from_str::<Value>(data).unwrap()["choices"][0]["delta"]["tool_calls"][0].clone())
        .filter(|call| call["id"].is_string())
        .map(|call| json!([call["index"], call["function"]["name"]]))
        .collect();
    assert_eq!(json!(begun), json!([[0, "f"], [1, "g"]]));
}

#[test]
fn requests_determine_their_responses() {
    let f = || with(user("call f {\"a\":1}"), functions());
    check(f(), json!([[["f", "{\"a\":1}"]], "tool_calls"]));
    check(
        with(f(), json!({"tool_choice": "none"})),
        json!(["The run may not call the function f.", "stop"]),
    );
    let named = json!({"tool_choice": {"type": "function", "function": {"name": "g"}}});
    check(with(f(), named), json!([[["g", "{}"]], "tool_calls"]));
    let allowed = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [
        {"type": "function", "function": {"name": "g"}}]}});
    check(
        with(user("Hi"), with(functions(), json!({"tool_choice": allowed}))),
        json!([[["g", "{}"]], "tool_calls"]),
    );
    check(
        with(user("repeat 9"), json!({"max_tokens": 2})),
        json!(["word1 word2", "length"]),
    );
    check(
        json!({"model": "m", "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "image_url", "image_url": {"url": "http://a"}},
                                         {"type": "text", "text": "two"}]}]}),
        json!(["one\ntwo", "stop"]),
    );
}

#[test]
fn the_model_reports_the_outputs_of_tools() {
    let call =
        |id: &str, name: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}});
    let output = |id: &str, text: &str| json!({"role": "tool", "tool_call_id": id, "content": text});
    let asked = json!({"role": "user", "content": "call f\ncall g"});
    let body = |messages: Value| with(json!({"model": "m", "messages": messages}), functions());
    let called = json!({"role": "assistant", "content": null, "tool_calls": [call("f", "f"), call("g", "g")]});
    check(
        body(json!([asked, called, output("g", "2"), output("f", "1")])),
        json!(["f returned 1\ng returned 2", "stop"]),
    );
    // Two calls with the same id get their outputs in order.
    let twice = json!({"role": "assistant", "tool_calls": [call("f", "f"), call("f", "f")]});
    check(
        body(json!([asked, twice, output("f", "1"), output("f", "2")])),
        json!(["f returned 1\nf returned 2", "stop"]),
    );
    // Calls before the user's last message are not reported again.
    check(
        body(json!([asked, called, output("f", "1"), output("g", "2"), {"role": "user", "content": "Thanks"}])),
        json!(["Thanks", "stop"]),
    );
    refuses(
        body(json!([asked, called, output("f", "1")])),
        "400 messages.[3].role -: An assistant message with 'tool_calls' must be followed by tool messages",
    );
    refuses(
        body(json!([asked, output("f", "1")])),
        "400 messages.[1].role -: messages with role 'tool' must be a response",
    );
}

#[test]
fn several_answers_are_written_one_after_the_other() {
    let (_server, client) = serve();
    let answer = client.post(CHAT, with(user("a b"), json!({"n": 3}))).ok();
    let indexes: Vec<&Value> = answer["choices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|choice| &choice["index"])
        .collect();
    assert_eq!(json!(indexes), json!([0, 1, 2]));
    assert_eq!(
        answer["usage"],
        json!({"prompt_tokens": 2, "completion_tokens": 6, "total_tokens": 8})
    );
}

#[test]
fn limits_of_the_spec_are_enforced() {
    let message = |message: Value| json!({"model": "m", "messages": [message]});
    for (body, want) in [
        (json!({"messages": []}), "400 model missing_required_parameter"),
        (json!({"model": "m", "messages": []}), "400 messages empty_array"),
        (
            message(json!({"content": "x"})),
            "400 messages[0].role missing_required_parameter",
        ),
        (
            message(json!({"role": "robot", "content": "x"})),
            "400 messages[0].role invalid_value",
        ),
        (
            message(json!({"role": "user"})),
            "400 messages[0].content missing_required_parameter",
        ),
        (
            message(json!({"role": "tool", "content": "x"})),
            "400 messages[0].tool_call_id missing_required",
        ),
        (
            message(json!({"role": "user", "content": [{"type": "smell"}]})),
            "400 messages[0].content[0].type invalid_value",
        ),
        (with(user("x"), json!({"n": 129})), "400 n integer_above_max_value"),
        (
            with(user("x"), json!({"temperature": 2.5})),
            "400 temperature decimal_above_max_value",
        ),
        (
            with(user("x"), json!({"stop": ["a", "b", "c", "d", "e"]})),
            "400 stop array_above_max_length",
        ),
        (with(user("x"), json!({"tool_choice": "maybe"})), "400 tool_choice"),
        (
            with(user("x"), json!({"max_tokens": 0})),
            "400 max_tokens integer_below_min_value",
        ),
        (
            with(
                user("x"),
                json!({"tools": [{"type": "custom", "custom": {"name": "c"}}]}),
            ),
            "400 tools[0].type unsupported_value",
        ),
        (
            with(
                user("x"),
                json!({"tool_choice": {"type": "function", "function": {"name": "z"}}}),
            ),
            "400 tool_choice -: Tool choice 'z'",
        ),
    ] {
        refuses(body, want);
    }
}

#[test]
fn a_failure_in_the_middle_is_reported_in_the_stream() {
    let (_server, client) = serve();
    let events = events(&client, user("repeat 1\nfail out_of_words"));
    assert_eq!(events.len(), 3, "{events:?}");
    let error: Value = serde_json::from_str(&events[2]).unwrap();
    assert_eq!(error["error"]["code"], "out_of_words");
    refuses(user("fail out_of_words"), "500 - out_of_words: ");
}

#[test]
fn a_chat_ends_with_its_server() {
    let (server, client) = serve();
    let mut lines = client
        .stream(CHAT, with(user("repeat 1\nsleep 3600000"), json!({"stream": true})))
        .raw_lines();
    assert!(lines.next().unwrap().contains("assistant"));
    drop(server);
    assert!(
        lines.any(|line| line.contains("abandoned")),
        "the stream says why it ends"
    );
}

/// Writes a given text, reports that it has begun, waits, and reports whether it was stopped.
struct Watched {
    says: &'static str,
    begun: Sender<()>,
    stopped: Sender<bool>,
}

impl Model for Watched {
    fn name(&self) -> &str {
        "watched"
    }

    fn respond(&self, _: &ModelRequest, output: &mut Output<'_>) -> Result<Finish, Failure> {
        if !self.says.is_empty() {
            output.text(self.says)?;
        }
        self.begun.send(()).unwrap();
        let waited = output.wait(Duration::from_secs(3600));
        self.stopped.send(waited.is_err()).unwrap();
        waited?;
        Ok(Finish::default())
    }
}

#[test]
fn a_chat_whose_client_disconnects_is_stopped() {
    for (streamed, says) in [(false, ""), (false, "word"), (true, ""), (true, "word")] {
        let ((begun, begins), (stopped, stops)) = (channel(), channel());
        let (server, _) = start(LocalServer::builder().model(Watched { says, begun, stopped }));
        let body = with(user("Hello"), json!({"stream": streamed})).to_string();
        let mut connection = TcpStream::connect(server.address()).unwrap();
        let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json";
        write!(connection, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        let patience = Duration::from_secs(60);
        begins.recv_timeout(patience).unwrap();
        if streamed && !says.is_empty() {
            // The stream has begun.
            connection.read_exact(&mut [0; 12]).unwrap();
        }
        drop(connection);
        assert_eq!(
            stops.recv_timeout(patience),
            Ok(true),
            "streamed: {streamed}, says {says:?}"
        );
    }
}

#[test]
fn a_chat_has_the_time_limit_of_a_run() {
    let lifetime = std::time::Duration::from_millis(50);
    let (_server, client) = start(LocalServer::builder().run_lifetime(lifetime));
    let error = client.post(CHAT, user("sleep 3600000")).error();
    assert!(error.starts_with("500 - -: The completion was abandoned"), "{error}");
}

#[test]
fn runs_and_chats_have_no_request_time_limit() {
    let (_server, client) = start(LocalServer::builder().run_lifetime(std::time::Duration::MAX));
    let answer = client.post(CHAT, user("Hello")).ok();
    assert_eq!(answer["choices"][0]["message"]["content"], "Hello");
    let runs = format!("/threads/{}/runs", client.thread("Hello"));
    let run = client.post(&runs, json!({"assistant_id": client.assistant()})).ok();
    client.wait_for(&format!("{runs}/{}", id(&run)), "completed");
}

#[test]
fn the_model_of_the_server_is_listed() {
    let (_server, client) = serve();
    let model = json!({"id": "scripted", "object": "model", "created": 0, "owned_by": "assistants-local"});
    assert_eq!(client.get("/models").ok(), json!({"object": "list", "data": [model]}));
    assert_eq!(client.get("/models/scripted").ok(), model);
    for (method, name, want) in [
        (
            "GET",
            "gpt%2F4",
            "404 model model_not_found: The model 'gpt/4' does not exist.",
        ),
        (
            "DELETE",
            "gpt",
            "404 model model_not_found: The model 'gpt' does not exist.",
        ),
        (
            "DELETE",
            "scripted",
            "403 model -: Only models that the project has fine-tuned can be deleted.",
        ),
    ] {
        assert_eq!(client.call(method, &format!("/models/{name}"), "").error(), want);
    }
}
