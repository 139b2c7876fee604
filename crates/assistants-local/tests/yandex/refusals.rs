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
fn assistants_that_cannot_be_created() {
    let (_server, client) = serve();
    for (members, want) in [
        (
            json!({"modelUri": null}),
            "The body is not valid: missing field `modelUri`",
        ),
        (
            json!({"folderId": null}),
            "The body is not valid: missing field `folderId`",
        ),
        (
            json!({"completionOptions": {"temperature": 1.5}}),
            "`temperature` must be from 0 to 1, not 1.5.",
        ),
        (
            json!({"completionOptions": {"maxTokens": "0"}}),
            "`maxTokens` must be greater than 0",
        ),
        (
            json!({"expirationConfig": {"ttlDays": "-1"}}),
            "`expirationConfig.ttlDays` must be from 1",
        ),
        (json!({"tools": [{}]}), "`tools[0]`: it contains no tool"),
        (
            json!({"promptTruncationOptions": {"autoStrategy": {}, "lastMessagesStrategy": {"numMessages": "1"}}}),
            "The body contradicts itself: ",
        ),
    ] {
        let mut body = json!({"folderId": "fld", "modelUri": "gpt://fld/test"});
        for (name, value) in members.as_object().unwrap() {
            body[name] = value.clone();
        }
        // `null` stands for a missing member.
        body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        check(
            &client,
            "POST /assistants/v1/assistants",
            body,
            &format!("400 3: {want}"),
        );
    }
    check(
        &client,
        "POST /assistants/v1/assistants",
        json!([]),
        "400 3: The body is not valid",
    );
}

#[test]
fn messages_that_cannot_be_added() {
    let (_server, client) = serve();
    let thread = id(&client.post("/assistants/v1/threads", json!({"folderId": "f"})).ok());
    for (mut body, want) in [
        (json!({}), "The body is not valid: missing field `content`"),
        (
            json!({"content": {}}),
            "The `content` of a message must be one or more texts.",
        ),
        (
            json!({"content": content("x"), "author": {"role": "SYSTEM"}}),
            "Unknown role 'SYSTEM'.",
        ),
    ] {
        body["threadId"] = json!(thread);
        check(&client, "POST /assistants/v1/messages", body, &format!("400 3: {want}"));
    }
}

#[test]
fn requests_that_cannot_be_executed() {
    let (_server, client) = serve();
    for (call, body, want) in [
        (
            "GET /assistants/v1/assistants",
            Value::Null,
            "400 3: The query parameter `folderId` is required.",
        ),
        (
            "GET /assistants/v1/threads?folderId=f&pageSize=1001",
            Value::Null,
            "400 3: `pageSize` must be from 0 to 1000, not '1001'.",
        ),
        (
            "GET /assistants/v1/threads?folderId=f&pageToken=x",
            Value::Null,
            "400 3: The `pageToken` does not belong to this list.",
        ),
        (
            "GET /assistants/v1/assistants/no",
            Value::Null,
            "404 5: No assistant found with id 'no'.",
        ),
        (
            "GET /assistants/v1/messages?threadId=no",
            Value::Null,
            "404 5: No thread found with id 'no'.",
        ),
        (
            "GET /assistants/v1/runs/listen?runId=no",
            Value::Null,
            "404 5: No run found with id 'no'.",
        ),
        (
            "GET /assistants/v1/runs/listen",
            Value::Null,
            "400 3: The query parameter `runId` is required.",
        ),
        (
            "GET /operations/no",
            Value::Null,
            "404 5: No operation found with id 'no'.",
        ),
        (
            "GET /operations/no:cancel",
            Value::Null,
            "404 5: No operation found with id 'no'.",
        ),
        (
            "POST /operations/no:cancel",
            json!({}),
            "404 5: No operation found with id 'no'.",
        ),
        ("GET /assistants/v1/nothing", Value::Null, "404 5: Not Found"),
        ("GET /operations", Value::Null, "404 5: Not Found"),
        (
            "DELETE /assistants/v1/runs/listen",
            Value::Null,
            "501 12: Method Not Allowed",
        ),
        (
            "PATCH /assistants/v1/runs/submit",
            json!({"runId": "no"}),
            "400 3: `toolResultList` is required.",
        ),
        (
            "POST /foundationModels/v1/tokenize",
            json!({"text": "x"}),
            "400 3: `modelUri` is required.",
        ),
    ] {
        check(&client, call, body, want);
    }
}

#[test]
fn a_key_is_accepted_in_either_scheme() {
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
            "401 16: The API key is not valid."
        );
    }
    assert!(client.get(list).error().starts_with("401 16: No API key was sent."));
    assert!(client.get("/assistants/v1/nothing").error().starts_with("401 16: "));
}

#[test]
fn responses_have_ids_for_support() {
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
fn a_null_is_an_absent_member() {
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
