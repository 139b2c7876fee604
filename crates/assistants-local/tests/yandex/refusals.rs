//! Requests that the server rejects, and their errors.

use assistants_local::LocalServer;
use serde_json::{Value, json};

use crate::client::{Client, content, id, serve, start};

#[track_caller]
fn check(client: &Client, call: &str, body: Value, want: &str) {
    let (method, path) = call.split_once(' ').unwrap();
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let error = client.call(method, path, &body).error();
    assert!(error.starts_with(want), "{call}: {error}");
}

#[test]
fn requests_that_cannot_be_done() {
    let (_server, client) = serve();
    let check = |call: &str, body: Value, want: &str| check(&client, call, body, want);
    let assistant = |more: Value| {
        let mut body = json!({"folderId": "fld", "modelUri": "gpt://fld/test"});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let create = "POST /assistants/v1/assistants";
    check(
        create,
        json!({"modelUri": "x"}),
        "400 3: The body is not what was expected: missing field `folderId`",
    );
    check(
        create,
        json!({"folderId": "x"}),
        "400 3: The body is not what was expected: missing field `modelUri`",
    );
    check(create, json!([]), "400 3: The body is not what was expected");
    check(
        create,
        assistant(json!({"completionOptions": {"temperature": 1.5}})),
        "400 3: `temperature` is a number",
    );
    check(
        create,
        assistant(json!({"completionOptions": {"maxTokens": "0"}})),
        "400 3: `maxTokens` must be greater",
    );
    check(
        create,
        assistant(json!({"expirationConfig": {"ttlDays": "-1"}})),
        "400 3: `expirationConfig.ttlDays` is",
    );
    check(
        create,
        assistant(json!({"tools": [{}]})),
        "400 3: `tools[0]`: there is no tool in it",
    );
    check(
        create,
        assistant(
            json!({"promptTruncationOptions": {"autoStrategy": {}, "lastMessagesStrategy": {"numMessages": "1"}}}),
        ),
        "400 3: The body contradicts itself: ",
    );
    check(
        "GET /assistants/v1/assistants",
        Value::Null,
        "400 3: The query needs `folderId`.",
    );
    check(
        "GET /assistants/v1/threads?folderId=f&pageSize=1001",
        Value::Null,
        "400 3: `pageSize` is a number from 0",
    );
    check(
        "GET /assistants/v1/threads?folderId=f&pageToken=x",
        Value::Null,
        "400 3: The `pageToken` is not one",
    );
    check(
        "GET /assistants/v1/assistants/no",
        Value::Null,
        "404 5: No assistant found with id 'no'.",
    );
    check(
        "GET /assistants/v1/messages?threadId=no",
        Value::Null,
        "404 5: No thread found with id 'no'.",
    );
    check(
        "GET /assistants/v1/runs/listen?runId=no",
        Value::Null,
        "404 5: No run found with id 'no'.",
    );
    check(
        "GET /assistants/v1/runs/listen",
        Value::Null,
        "400 3: The query needs `runId`.",
    );
    check(
        "GET /operations/no",
        Value::Null,
        "404 5: No operation found with id 'no'.",
    );
    check(
        "GET /operations/no:cancel",
        Value::Null,
        "404 5: No operation found with id 'no'.",
    );
    check(
        "POST /operations/no:cancel",
        json!({}),
        "404 5: No operation found with id 'no'.",
    );
    check("GET /assistants/v1/nothing", Value::Null, "404 5: Not Found");
    check("GET /operations", Value::Null, "404 5: Not Found");
    check(
        "DELETE /assistants/v1/runs/listen",
        Value::Null,
        "501 12: Method Not Allowed",
    );
    check(
        "PATCH /assistants/v1/runs/submit",
        json!({"runId": "no"}),
        "400 3: The body needs a `toolResultList`.",
    );
    check(
        "POST /foundationModels/v1/tokenize",
        json!({"text": "x"}),
        "400 3: The body needs a `modelUri`.",
    );
    let thread = id(&client.post("/assistants/v1/threads", json!({"folderId": "f"})).ok());
    let message = "POST /assistants/v1/messages";
    check(
        message,
        json!({"threadId": thread}),
        "400 3: The body is not what was expected: missing field `content`",
    );
    check(
        message,
        json!({"threadId": thread, "content": {}}),
        "400 3: The `content` of a message is one or more texts.",
    );
    let author = json!({"role": "SYSTEM"});
    let body = json!({"threadId": thread, "content": content("x"), "author": author});
    check(message, body, "400 3: There is no role 'SYSTEM'.");
}

#[test]
fn a_key_opens_the_door_in_either_scheme() {
    let (_server, client) = start(LocalServer::builder().api_key("secret"));
    let list = "/assistants/v1/assistants?folderId=f";
    for scheme in ["Api-Key secret", "api-key  secret", "Bearer secret", "BEARER secret"] {
        assert_eq!(
            client.header("authorization", scheme).get(list).ok(),
            json!({}),
            "{scheme}"
        );
    }
    for wrong in ["Api-Key", "Api-Key other", "Basic secret", "secret"] {
        assert_eq!(
            client.header("authorization", wrong).get(list).error(),
            "401 16: The key is wrong."
        );
    }
    assert!(client.get(list).error().starts_with("401 16: No key was given."));
    assert!(client.get("/assistants/v1/nothing").error().starts_with("401 16: "));
}

#[test]
fn answers_carry_ids_to_ask_for_help_with() {
    let (_server, client) = serve();
    let answer = client.header("x-client-request-id", "mine").get("/operations/no");
    assert_eq!(answer.headers["x-client-request-id"], "mine");
    assert_eq!(answer.headers["x-request-id"].len(), 36);
    assert_eq!(
        answer.headers["x-server-trace-id"].to_str().unwrap().split(':').count(),
        4
    );
}

#[test]
fn unknown_members_are_ignored_unless_the_server_is_strict() {
    let (_server, tolerant) = serve();
    let (_strict, strict) = start(LocalServer::builder().strict(true));
    let create = "/assistants/v1/assistants";
    let whole = json!({"folderId": "fld", "modelUri": "gpt://fld/test"});
    let tool = json!({"function": {"name": "f", "parameters": {"mood": 1}, "mood": "fine"}});
    for (name, value, member) in [
        ("mood", json!("fine"), "mood"),
        ("completionOptions", json!({"mood": 1}), "completionOptions.mood"),
        ("tools", json!([tool]), "tools[0].function.mood"),
    ] {
        let mut body = whole.clone();
        body[name] = value;
        tolerant.call("POST", create, &body.to_string()).ok();
        assert_eq!(
            strict.call("POST", create, &body.to_string()).error(),
            format!("400 3: proto: unknown field \"{member}\"")
        );
    }
    // Either spelling is known, and null is allowed.
    let known = r#"{"folder_id": "fld", "modelUri": "gpt://fld/test", "labels": {"mood": "fine"}, "tools": null}"#;
    strict.call("POST", create, known).ok();
}

#[test]
fn a_null_is_the_absence_of_a_member() {
    let (_server, client) = serve();
    let whole = json!({"folderId": "fld", "modelUri": "gpt://fld/test"});
    let mut nulls = whole.clone();
    for name in [
        "name",
        "description",
        "labels",
        "instruction",
        "tools",
        "completionOptions",
        "expirationConfig",
    ] {
        nulls[name] = Value::Null;
    }
    let made = [whole, nulls].map(|body| {
        let mut made = client.call("POST", "/assistants/v1/assistants", &body.to_string()).ok();
        for chance in ["id", "createdAt", "updatedAt", "expiresAt"] {
            assert!(made.as_object_mut().unwrap().remove(chance).is_some(), "{made}");
        }
        made
    });
    assert_eq!(made[0], made[1]);
}
