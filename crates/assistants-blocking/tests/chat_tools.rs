//! Chats whose function calls the client answers: the requests, the results, and what stops the loop.

use std::time::Duration;

use assistants_blocking::chat::{ChatMessage, ChatToolChoice, CreateChatCompletion};
use assistants_blocking::openai::Client;
use assistants_blocking::{CancelToken, Error, OnToolError, Tools};
use assistants_local::LocalServer;
use serde_json::{Value, json};
use test_peer::{Peer, Scheme};

fn doubling() -> Tools {
    Tools::new().function("double", json!({"type": "integer"}), |n: i64| {
        n.checked_mul(2).ok_or("too large")
    })
}

fn asking(text: &str) -> CreateChatCompletion {
    CreateChatCompletion::new("m", [ChatMessage::user(text)])
}

/// An answer with this message.
fn answer(message: Value) -> String {
    json!({"id": "chatcmpl-1", "choices": [{"index": 0, "message": message}]}).to_string()
}

fn calling(tool_calls: Value) -> String {
    answer(json!({"role": "assistant", "content": null, "tool_calls": tool_calls}))
}

fn call(id: &str, n: i64) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "double", "arguments": n.to_string()}})
}

/// Runs a chat against a server that returns these answers in turn; returns the bodies it received, and the outcome.
fn talk<T>(answers: Vec<String>, with: impl FnOnce(&Client) -> T) -> (Vec<Value>, Vec<String>, T) {
    let (sender, received) = std::sync::mpsc::channel();
    let peer = Peer::start(Scheme::Http, move |listener| {
        let mut connection = listener.accept();
        for answer in answers {
            sender.send(connection.request()).unwrap();
            connection.answer("200 OK", &[], &answer);
        }
    });
    let client = Client::builder().base_url(peer.url("/v1")).build().unwrap();
    let outcome = with(&client);
    peer.finish();
    let requests: Vec<String> = received.iter().collect();
    let bodies = requests
        .iter()
        .map(|request| serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap());
    (bodies.collect(), requests, outcome)
}

#[test]
fn calls_are_answered_until_there_are_no_more() {
    let answers = vec![
        calling(json!([call("a", 1), call("b", 2)])),
        calling(json!([call("c", 4)])),
        answer(json!({"role": "assistant", "content": "done"})),
    ];
    let (bodies, requests, finished) = talk(answers, |client| {
        let params = asking("go").tool_choice(ChatToolChoice::Required);
        let call = client.chat().run_with_tools(params, &doubling());
        call.idempotency_key("mine").body_field("user", "me").send().unwrap()
    });
    assert_eq!(finished.text(), "done");
    assert_eq!(finished.calling.len(), 2);
    assert_eq!(bodies.len(), 3);

    assert_eq!(bodies[0]["tool_choice"], "required");
    assert_eq!(bodies[0]["tools"][0]["function"]["name"], "double");
    for body in &bodies[1..] {
        assert_eq!(body["tool_choice"], Value::Null, "it would have to call for ever");
        assert_eq!(body["tools"], bodies[0]["tools"]);
        assert_eq!(body["user"], "me");
    }
    let said = |body: &Value| -> Vec<String> {
        let messages = body["messages"].as_array().unwrap().iter();
        messages
            .map(|message| match message["tool_call_id"].as_str() {
                Some(id) => format!("{id}={}", message["content"].as_str().unwrap()),
                None => message["role"].as_str().unwrap().to_owned(),
            })
            .collect()
    };
    assert_eq!(said(&bodies[1]), ["user", "assistant", "a=2", "b=4"]);
    assert_eq!(
        said(&bodies[2]),
        ["user", "assistant", "a=2", "b=4", "assistant", "c=8"]
    );
    let all = json!({ "messages": finished.messages });
    assert_eq!(
        said(&all)[6..],
        ["assistant"],
        "the last answer is part of the conversation"
    );

    let mine = |request: &String| request.contains("idempotency-key: mine\r\n");
    assert_eq!(requests.iter().map(mine).collect::<Vec<_>>(), [true, false, false]);
}

#[test]
fn calls_that_cannot_be_answered_are_returned() {
    let custom = json!({"id": "x", "type": "custom", "custom": {"name": "shell", "input": "ls"}});
    let (bodies, _, finished) = talk(vec![calling(json!([call("a", 1), custom]))], |client| {
        client.chat().run_with_tools(asking("go"), &doubling()).send().unwrap()
    });
    assert_eq!(bodies.len(), 1);
    assert_eq!(finished.completion.tool_calls().len(), 2);
    assert!(finished.calling.is_empty());
}

#[test]
fn a_model_that_never_stops_calling_is_stopped() {
    let answers = (0..3).map(|_| calling(json!([call("a", 1)]))).collect();
    let (bodies, _, error) = talk(answers, |client| {
        let tools = doubling().max_rounds(2);
        client.chat().run_with_tools(asking("go"), &tools).send().unwrap_err()
    });
    assert_eq!(bodies.len(), 3);
    assert!(
        matches!(error, Error::Tool(_)) && error.to_string().contains("double"),
        "{error}"
    );
}

#[test]
fn a_failure_is_reported_to_the_model_or_ends_the_chat() {
    let failing = || calling(json!([call("a", i64::MAX)]));
    let answers = vec![failing(), answer(json!({"content": "I see"}))];
    let (bodies, _, finished) = talk(answers, |client| {
        client.chat().run_with_tools(asking("go"), &doubling()).send().unwrap()
    });
    assert_eq!(finished.text(), "I see");
    assert_eq!(bodies[1]["messages"][2]["content"], r#"{"error":"too large"}"#);

    let (_, _, error) = talk(vec![failing()], |client| {
        let tools = doubling().on_error(OnToolError::Stop);
        client.chat().run_with_tools(asking("go"), &tools).send().unwrap_err()
    });
    let Error::Tool(error) = error else { panic!("{error}") };
    assert_eq!(error.name, "double");
}

#[test]
fn one_deadline_and_one_token_apply_to_all_requests() {
    let token = CancelToken::new();
    let cancel = token.clone();
    let tools = Tools::new().function("stop", json!({}), move |_: Value| {
        cancel.cancel();
        Ok::<_, String>("stopped")
    });
    let called = json!({"id": "a", "type": "function", "function": {"name": "stop", "arguments": "{}"}});
    let (bodies, _, error) = talk(vec![calling(json!([called]))], |client| {
        let call = client.chat().run_with_tools(asking("go"), &tools).cancel_with(&token);
        call.send().unwrap_err()
    });
    assert_eq!(bodies.len(), 1, "nothing is asked after the end");
    assert!(matches!(error, Error::Cancelled(_)), "{error}");

    let (bodies, _, error) = talk(vec![calling(json!([call("a", 1)]))], |client| {
        let limit = Duration::from_millis(200);
        let tools = Tools::new().function("double", json!({}), move |_: i64| {
            let start = std::time::Instant::now();
            while start.elapsed() < limit {
                std::thread::yield_now();
            }
            Ok::<_, String>("late")
        });
        let call = client.chat().run_with_tools(asking("go"), &tools).deadline(limit);
        call.send().unwrap_err()
    });
    assert_eq!(bodies.len(), 1);
    assert!(error.is_timeout(), "{error}");
}

#[test]
fn streams_show_every_answer() {
    let server = LocalServer::builder().start().unwrap();
    let client = Client::builder().base_url(server.base_url()).build().unwrap();
    let mut shown = String::new();
    let mut calls = 0;
    let call = client.chat().run_with_tools(asking("call double 21"), &doubling());
    let finished = call
        .stream(|chunk| {
            shown.push_str(chunk.text());
            calls += chunk
                .choices
                .iter()
                .filter(|one| one.delta.tool_calls.is_some())
                .count();
        })
        .unwrap();
    assert_eq!(finished.text(), "double returned 42");
    assert_eq!(shown, finished.text());
    assert!(calls > 0);
    assert_eq!(finished.messages.len(), 4);
}
