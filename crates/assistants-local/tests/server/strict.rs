//! Unknown members of bodies.

use assistants_local::LocalServer;
use serde_json::{Value, json};

use super::client::{Answer, Client, serve, start};

/// Bodies that differ from valid ones by one member, with its path.
fn odd() -> Vec<(&'static str, Value, &'static str)> {
    let tool = json!({"type": "function", "function": {"name": "f", "mood": "fine"}});
    let part = json!({"type": "text", "text": "Hello", "mood": "fine"});
    let format = json!({"type": "json_object", "mood": "fine"});
    let message = json!({"role": "user", "content": "Hello"});
    vec![
        ("/assistants", json!({"model": "test", "mood": "fine"}), "mood"),
        ("/assistants", json!({"model": "test", "file_ids": []}), "file_ids"),
        (
            "/assistants",
            json!({"model": "test", "tools": [tool]}),
            "tools[0].function.mood",
        ),
        (
            "/assistants",
            json!({"model": "test", "response_format": format}),
            "response_format.mood",
        ),
        (
            "/threads",
            json!({"messages": [{"role": "user", "content": [part]}]}),
            "messages[0].content[0].mood",
        ),
        (
            "/threads",
            json!({"messages": [{"role": "user", "content": "Hello", "file_ids": []}]}),
            "messages[0].file_ids",
        ),
        (
            "/vector_stores",
            json!({"expires_after": {"anchor": "last_active_at", "days": 1, "mood": 1}}),
            "expires_after.mood",
        ),
        (
            "/chat/completions",
            json!({"model": "test", "messages": [message], "mood": null}),
            "mood",
        ),
    ]
}

fn post(client: &Client, path: &str, body: &Value) -> Answer {
    client.post(path, body.clone())
}

#[test]
fn unknown_members_are_ignored_unless_the_server_is_strict() {
    let (_server, tolerant) = serve();
    let (_strict, strict) = start(LocalServer::builder().strict(true));
    for (path, body, param) in odd() {
        post(&tolerant, path, &body).ok();
        assert_eq!(
            post(&strict, path, &body).error(),
            format!("400 {param} unknown_parameter: Unknown parameter: '{param}'.")
        );
    }
}

#[test]
fn a_strict_server_accepts_everything_in_the_protocol() {
    let (_server, strict) = start(LocalServer::builder().strict(true));
    let parameters = json!({"type": "object", "properties": {"mood": {"type": "string"}}, "x-mood": 1});
    let tool = json!({"type": "function", "function": {"name": "f", "parameters": parameters}});
    let body = json!({"model": "test", "tools": [tool], "metadata": {"mood": "fine"}});
    strict.post("/assistants?mood=fine", body).ok();
    let legacy = strict.header("openai-beta", "assistants=v1");
    legacy
        .post("/assistants", json!({"model": "test", "file_ids": []}))
        .ok();
    let message = json!({"role": "user", "content": "Hello", "file_ids": []});
    legacy.post("/threads", json!({"messages": [message]})).ok();
}
