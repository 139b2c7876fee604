//! Requests that the server rejects, and their errors.

use assistants_local::{Error, LocalServer};
use serde_json::json;

use super::client::{id, serve, start};

#[track_caller]
fn check(method: &str, path: &str, body: &str, want: &str) {
    let (_server, client) = serve();
    let answer = client.call(method, path, body);
    assert_eq!(answer.error(), want);
    assert_eq!(answer.json["error"]["type"], "invalid_request_error");
    assert!(answer.headers["x-request-id"].to_str().unwrap().starts_with("req_"));
    assert!(
        answer.headers["openai-processing-ms"]
            .to_str()
            .unwrap()
            .parse::<u64>()
            .is_ok()
    );
    assert_eq!(answer.headers["openai-version"], "2020-10-01");
    assert_eq!(answer.headers["content-type"], "application/json");
}

#[test]
fn unknown_ids_are_named() {
    for (method, path, body, what, id) in [
        ("GET", "/assistants/asst_x", "", "assistant", "asst_x"),
        ("GET", "/assistants/a%2Fb%20c", "", "assistant", "a/b c"),
        ("POST", "/threads/thread_x", "{}", "thread", "thread_x"),
        ("DELETE", "/threads/thread_x", "", "thread", "thread_x"),
        ("GET", "/threads/thread_x/messages", "", "thread", "thread_x"),
        ("GET", "/threads/thread_x/runs", "", "thread", "thread_x"),
        ("GET", "/threads/thread_x/runs/run_x/steps", "", "thread", "thread_x"),
        ("POST", "/threads/thread_x/runs/run_x/cancel", "", "thread", "thread_x"),
    ] {
        check(method, path, body, &format!("404 - -: No {what} found with id '{id}'."));
    }
}

#[test]
fn an_object_of_another_thread_is_unknown() {
    let (_server, client) = serve();
    let (thread, other) = (client.thread("Hello"), client.thread("Hello"));
    let message = id(&client.get(&format!("/threads/{thread}/messages")).ok()["data"][0]);
    for method in ["GET", "DELETE"] {
        let answer = client.call(method, &format!("/threads/{other}/messages/{message}"), "");
        assert_eq!(
            answer.error(),
            format!("404 - -: No message found with id '{message}'.")
        );
    }
    let answer = client.get(&format!("/threads/{thread}/runs/{message}"));
    assert_eq!(answer.error(), format!("404 - -: No run found with id '{message}'."));
    let page = client.get(&format!("/threads/{other}/messages?after={message}"));
    assert_eq!(page.status, 400);
}

#[test]
fn unknown_paths_and_methods() {
    check(
        "GET",
        "/nowhere",
        "",
        "404 - unknown_url: Invalid URL (GET /v1/nowhere)",
    );
    check(
        "DELETE",
        "/threads",
        "",
        "405 - method_not_allowed: Invalid method for URL (DELETE /v1/threads)",
    );
}

#[test]
fn bodies_that_are_not_as_specified() {
    let metadata: serde_json::Map<_, _> = (0..17).map(|number| (number.to_string(), "".into())).collect();
    let tools = vec![json!({"type": "file_search"}); 129];
    let functions = json!([{"type": "function", "function": {}}]);
    let messages = json!([{"role": "system", "content": "No."}]);
    for (path, body, want) in [
        (
            "/assistants",
            json!({}),
            "400 model missing_required_parameter: Missing required parameter: 'model'.",
        ),
        (
            "/assistants",
            json!({"model": "test", "name": "n".repeat(257)}),
            "400 name string_above_max_length: Invalid 'name': string too long. \
             Expected a string with maximum length 256, but got a string with length 257 instead.",
        ),
        (
            "/assistants",
            json!({"model": "test", "tools": tools}),
            "400 tools array_above_max_length: Invalid 'tools': array too long. \
             Expected an array with maximum length 128, but got an array with length 129 instead.",
        ),
        (
            "/assistants",
            json!({"model": "test", "temperature": 2.1}),
            "400 temperature decimal_above_max_value: Invalid 'temperature': decimal above maximum value. \
             Expected a value <= 2, but got 2.1 instead.",
        ),
        (
            "/assistants",
            json!({"model": "test", "tools": functions}),
            "400 tools[0].function.name missing_required_parameter: \
             Missing required parameter: 'tools[0].function.name'.",
        ),
        (
            "/threads",
            json!({"messages": messages}),
            "400 messages[0].role invalid_value: Invalid value: 'system'. \
             Supported values are: 'user' and 'assistant'.",
        ),
        (
            "/threads",
            json!({"metadata": metadata}),
            "400 metadata object_above_max_properties: Invalid 'metadata': too many properties. \
             Expected an object with at most 16 properties, but got an object with 17 properties instead.",
        ),
        (
            "/threads/runs",
            json!({"assistant_id": "asst_x", "max_prompt_tokens": 255}),
            "400 max_prompt_tokens integer_below_min_value: \
             Invalid 'max_prompt_tokens': integer below minimum value. \
             Expected a value >= 256, but got 255 instead.",
        ),
        (
            "/threads/thread_x/runs?include[]=everything",
            json!({"assistant_id": "asst_x"}),
            "400 include[] invalid_value: Invalid value: 'everything'. \
             Supported values are: 'step_details.tool_calls[*].file_search.results[*].content'.",
        ),
    ] {
        check("POST", path, &body.to_string(), want);
    }
}

#[test]
fn bodies_that_are_empty_or_not_json() {
    for (body, want) in [
        (
            "{",
            "400 - -: We could not parse the JSON body of your request: EOF while parsing an object at line 1 column 1.",
        ),
        (
            "",
            "400 model missing_required_parameter: Missing required parameter: 'model'.",
        ),
    ] {
        check("POST", "/assistants", body, want);
    }
}

#[test]
fn parameters_that_the_spec_does_not_know_are_ignored() {
    let (_server, client) = serve();
    client
        .post("/assistants", json!({"model": "test", "mood": "fine"}))
        .ok();
}

#[test]
fn a_body_may_have_16_mebibytes() {
    const LARGEST: usize = 16 * 1024 * 1024;
    let (_server, client) = serve();
    let body = |length: usize| format!("{}{{}}", " ".repeat(length - 2));
    client.call("POST", "/threads", &body(LARGEST)).ok();
    assert_eq!(
        client.call("POST", "/threads", &body(LARGEST + 1)).error(),
        "413 - body_too_large: The body is larger than 16777216 bytes."
    );
}

#[test]
fn a_key_is_required() {
    let (_server, client) = start(LocalServer::builder().api_key("secret"));
    let wrong = |client: &super::client::Client| {
        let answer = client.get("/assistants");
        assert_eq!(answer.json["error"]["type"], "invalid_request_error");
        answer.error()
    };
    let none = "401 - invalid_api_key: \
        You didn't provide an API key. You need to provide your API key in an Authorization header using \
        Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
    assert_eq!(wrong(&client), none);
    for header in ["Bearer Secret", "Bearer secret2", "Bearer ", "Basic secret", "secret"] {
        assert_eq!(
            wrong(&client.header("authorization", header)),
            "401 - invalid_api_key: Incorrect API key provided."
        );
    }
    assert_eq!(client.get("/nowhere").status, 401);
    client.header("authorization", "Bearer secret").get("/assistants").ok();
    client.header("authorization", "bearer secret").get("/assistants").ok();
}

#[test]
fn without_a_key_any_key_is_accepted() {
    let (_server, client) = serve();
    client.header("authorization", "Bearer any").get("/assistants").ok();
}

#[test]
fn a_server_for_other_machines_requires_a_key() {
    let refused = LocalServer::builder().bind("0.0.0.0:0").start().unwrap_err();
    assert!(matches!(&refused, Error::KeyNeeded { .. }));
    assert_eq!(
        refused.to_string(),
        "listening on 0.0.0.0:0, which other machines can reach, needs an API key"
    );
    assert!(matches!(
        LocalServer::builder().api_key("").start(),
        Err(Error::EmptyKey)
    ));
    LocalServer::builder()
        .bind("0.0.0.0:0")
        .api_key("secret")
        .start()
        .unwrap();
}

#[test]
fn an_address_or_a_database_in_use_is_rejected() {
    let directory = tempfile::tempdir().unwrap();
    let server = LocalServer::builder().start().unwrap();
    let refused = LocalServer::builder()
        .bind(server.address().to_string())
        .start()
        .unwrap_err();
    assert!(matches!(refused, Error::Bind { .. }), "{refused}");
    let refused = LocalServer::builder()
        .database(directory.path().join("no/a.db"))
        .start()
        .unwrap_err();
    assert!(matches!(refused, Error::Storage { .. }), "{refused}");
}
