//! Chats over HTTP with models that are named by a URI of Yandex.

use assistants_local::LocalServer;
use serde_json::{Value, json};

use super::client::{Client, serve, start};

const CHAT: &str = "/chat/completions";
const URI: &str = "gpt://fld_1/scripted/latest";

fn body(text: &str, more: &Value) -> Value {
    let mut body = json!({
        "model": URI, "messages": [{"role": "user", "content": text}],
        // As the provider's own client sends them.
        "tools": [{"type": "function", "function": {"name": "f", "description": null, "parameters": {"type": "object"},
                                                    "strict": null}}],
    });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

/// Returns the data of each event, without the values that differ between runs, which are checked here.
fn chunks(client: &Client, text: &str) -> Vec<Value> {
    let lines = client.stream(CHAT, body(text, &json!({"stream": true}))).raw_lines();
    let mut data: Vec<String> = lines
        .filter_map(|line| Some(line.strip_prefix("data: ")?.to_owned()))
        .collect();
    assert_eq!(data.pop().as_deref(), Some("[DONE]"));
    data.iter()
        .map(|data| {
            let mut chunk: Value = serde_json::from_str(data).unwrap();
            let members = chunk.as_object_mut().unwrap();
            assert_eq!(members.remove("model"), Some(json!(URI)));
            assert_eq!(members.remove("object"), Some(json!("chat.completion.chunk")));
            assert!(members.remove("created").unwrap().is_i64());
            assert_eq!(members.remove("id").unwrap().as_str().unwrap().len(), 36);
            chunk
        })
        .collect()
}

#[test]
fn answers_have_the_form_of_the_provider() {
    let (_server, client) = serve();
    let mut answer = client
        .post(CHAT, body("Hello you", &json!({"stream": false, "top_k": 3})))
        .ok();
    assert_eq!(answer["id"].as_str().unwrap().len(), 36, "a UUID");
    answer["id"] = json!("c");
    answer["created"] = json!(0);
    assert_eq!(
        answer,
        json!({
            "id": "c", "object": "chat.completion", "created": 0, "model": URI,
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello you"}}],
            "usage": {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4},
        })
    );
    // The id of a call is the name of its function.
    let answer = client
        .post(CHAT, body("call f {\"a\":1}\ncall f", &json!({"tool_choice": "AUTO"})))
        .ok();
    let call = |index: i64, arguments: &str| json!({"index": index, "id": "f", "type": "function", "function": {"name": "f", "arguments": arguments}});
    assert_eq!(
        answer["choices"][0],
        json!({"index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": "", "tool_calls": [call(0, "{\"a\":1}"), call(1, "{}")]}})
    );
}

#[test]
fn streams_have_the_form_of_the_provider() {
    let (_server, client) = serve();
    let usage = json!({"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4});
    assert_eq!(
        chunks(&client, "Hello you"),
        [
            json!({"choices": [{"index": 0, "delta": {"role": "assistant"}}]}),
            json!({"choices": [{"index": 0, "delta": {"content": "Hello"}}]}),
            json!({"choices": [{"index": 0, "delta": {"content": " you"}}]}),
            json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
            json!({"choices": [], "usage": usage}),
        ]
    );
    let call = |index: i64, arguments: &str| json!({"index": index, "id": "f", "type": "function", "function": {"name": "f", "arguments": arguments}});
    let calls = chunks(&client, "call f {\"words\": \"more than one piece\"}\ncall f");
    assert_eq!(
        calls[..2],
        [
            json!({"choices": [{"index": 0, "delta": {"role": "assistant"}}]}),
            json!({"choices": [{"index": 0, "finish_reason": "tool_calls", "delta": {"content": "", "tool_calls": [
                call(0, "{\"words\": \"more than one piece\"}"), call(1, "{}")]}}]}),
        ]
    );
    assert!(calls[2]["usage"].is_object() && calls.len() == 3, "{calls:?}");
}

#[test]
fn a_folder_has_its_models_by_their_uris() {
    let (_server, client) = serve();
    let ids = |project: &str| client.header("OpenAI-Project", project).get("/models").ok()["data"][0]["id"].clone();
    assert_eq!(ids("fld_1"), json!(URI));
    assert_eq!(ids("proj_1"), json!("scripted"));
    assert_eq!(ids(""), json!("scripted"));
    assert_eq!(
        client.get("/models/gpt:%2F%2Ffld_1%2Fscripted%2Flatest").ok()["id"],
        json!(URI)
    );
    let other = client.get("/models/gpt:%2F%2Ffld_1%2Fother%2Flatest").error();
    assert!(other.starts_with("404 model model_not_found"), "{other}");
}

#[test]
fn keys_are_accepted_under_both_schemes() {
    let (_server, client) = start(LocalServer::builder().api_key("hush"));
    for (header, want) in [
        ("Bearer hush", 200),
        ("Api-Key hush", 200),
        ("api-key  hush ", 200),
        ("Api-Key wrong", 401),
        ("Apikey hush", 401),
        ("hush", 401),
    ] {
        let answer = client.header("Authorization", header).get("/models");
        assert_eq!(answer.status, want, "{header}");
    }
    let answer = client.header("x-client-request-id", "mine").get("/models");
    assert_eq!(
        (answer.status, &answer.headers["x-client-request-id"]),
        (401, &"mine".parse().unwrap())
    );
}
