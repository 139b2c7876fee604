//! Assistants, threads, messages and users: responses, update masks, pages and spellings.

use assistants_local::{Dialect, LocalServer};
use assistants_types::yandex::User;
use serde_json::{Value, json};

use crate::client::{Client, content, id, serve, start};

const ASSISTANTS: &str = "/assistants/v1/assistants";
const THREADS: &str = "/assistants/v1/threads";
const USERS: &str = "/users/v1/users";

fn create(client: &Client, path: &str, more: Value) -> Value {
    let mut body = json!({"folderId": "fld"});
    if path == ASSISTANTS {
        body["modelUri"] = "gpt://fld/test/latest".into();
    }
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    client.post(path, body).ok()
}

#[test]
fn an_assistant_is_complete_with_its_defaults() {
    let (_server, client) = serve();
    let assistant = create(&client, ASSISTANTS, json!({"name": "Clerk", "labels": {"aB": "c_d"}}));
    assert_eq!(assistant["folderId"], "fld");
    assert_eq!(assistant["labels"], json!({"aB": "c_d"}));
    assert_eq!(assistant["promptTruncationOptions"], json!({"autoStrategy": {}}));
    assert_eq!(assistant["completionOptions"], json!({}));
    assert_eq!(
        assistant["expirationConfig"],
        json!({"expirationPolicy": "SINCE_LAST_ACTIVE", "ttlDays": "7"})
    );
    assert_eq!(assistant["createdAt"], assistant["updatedAt"]);
    let time = |member: &str| {
        let text = assistant[member].as_str().unwrap().to_owned();
        time_of(&text)
    };
    assert_eq!(time("expiresAt") - time("createdAt"), time::Duration::days(7));
    assert!(assistant.get("description").is_none());
    assert_eq!(client.get(&format!("{ASSISTANTS}/{}", id(&assistant))).ok(), assistant);
}

fn time_of(text: &str) -> time::OffsetDateTime {
    let user: User = serde_json::from_value(json!({"id": "x", "createdAt": text})).unwrap();
    user.created_at.unwrap()
}

#[test]
fn a_mask_determines_what_changes() {
    let (_server, client) = serve();
    let assistant = create(
        &client,
        ASSISTANTS,
        json!({
            "name": "Clerk", "description": "old",
            "completionOptions": {"temperature": 0.5, "maxTokens": "10"},
            "promptTruncationOptions": {"maxPromptTokens": "100"},
        }),
    );
    let path = format!("{ASSISTANTS}/{}", id(&assistant));
    let update = |body: Value| client.patch(&path, body).ok();

    let changed = update(json!({
        "updateMask": "completionOptions.temperature,description",
        "completionOptions": {"temperature": 0.0, "maxTokens": "99"},
        "name": "not this one",
    }));
    assert_eq!(
        changed["completionOptions"],
        json!({"temperature": 0.0, "maxTokens": "10"})
    );
    assert_eq!(changed["name"], "Clerk");
    assert!(changed.get("description").is_none());
    assert_ne!(changed["updatedAt"], assistant["updatedAt"]);
    assert_eq!(changed["createdAt"], assistant["createdAt"]);

    // A strategy replaces the other one, and the limit is unchanged.
    let changed = update(json!({
        "updateMask": "promptTruncationOptions.lastMessagesStrategy",
        "promptTruncationOptions": {"lastMessagesStrategy": {"numMessages": "3"}},
    }));
    assert_eq!(
        changed["promptTruncationOptions"],
        json!({"maxPromptTokens": "100", "lastMessagesStrategy": {"numMessages": "3"}})
    );
    // Days are counted from the creation.
    let changed = update(json!({"update_mask": "expiration_config.ttl_days", "expiration_config": {"ttl_days": 30}}));
    assert_eq!(
        changed["expirationConfig"],
        json!({"expirationPolicy": "SINCE_LAST_ACTIVE", "ttlDays": "30"})
    );
    let created = time_of(changed["createdAt"].as_str().unwrap());
    let expires = time_of(changed["expiresAt"].as_str().unwrap());
    assert_eq!(expires - created, time::Duration::days(30));
    // A temperature that the mask names and the body lacks becomes 0.
    let changed = update(json!({"updateMask": "completionOptions.temperature"}));
    assert_eq!(changed["completionOptions"]["temperature"], 0.0);
    // Without a mask everything is overwritten.
    let changed = update(json!({"modelUri": "gpt://fld/other", "name": "New"}));
    assert_eq!(changed["modelUri"], "gpt://fld/other");
    assert_eq!(changed["completionOptions"], json!({}));
    assert_eq!(changed["expirationConfig"]["ttlDays"], "7");
    assert_eq!(client.get(&path).ok(), changed);
    assert_eq!(
        client
            .patch(&path, json!({"updateMask": "folderId", "folderId": "x"}))
            .status,
        400
    );
}

#[test]
fn every_change_of_an_assistant_is_a_version() {
    let (_server, client) = serve();
    let assistant = id(&create(&client, ASSISTANTS, json!({"name": "one"})));
    for name in ["two", "three"] {
        let body = json!({"updateMask": "name", "name": name});
        client.patch(&format!("{ASSISTANTS}/{assistant}"), body).ok();
    }
    let list = |query: &str| client.get(&format!("{ASSISTANTS}:listVersions?{query}")).ok();
    let all = list(&format!("assistantId={assistant}"));
    let short: Vec<(&str, &str)> = all["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| {
            let mask = version["updateMask"].as_str().unwrap_or_default();
            (version["assistant"]["name"].as_str().unwrap(), mask)
        })
        .collect();
    assert_eq!(short, [("three", "name"), ("two", "name"), ("one", "")]);
    let first = list(&format!("assistant_id={assistant}&page_size=2"));
    let token = first["nextPageToken"].as_str().unwrap();
    let rest = list(&format!("assistantId={assistant}&pageSize=2&pageToken={token}"));
    assert_eq!(rest["versions"].as_array().unwrap().len(), 1);
    assert!(rest.get("nextPageToken").is_none());
}

#[test]
fn lists_belong_to_a_folder_and_have_pages() {
    let (_server, client) = serve();
    for (path, key) in [(ASSISTANTS, "assistants"), (THREADS, "threads"), (USERS, "users")] {
        let mut ids: Vec<String> = (0..5).map(|_| id(&create(&client, path, json!({})))).collect();
        create(&client, path, json!({"folderId": "other"}));
        ids.reverse();
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let page = client
                .get(&format!("{path}?folderId=fld&pageSize=2&pageToken={token}"))
                .ok();
            seen.extend(page[key].as_array().unwrap().iter().map(id));
            match page["nextPageToken"].as_str() {
                Some(next) => token = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(seen, ids, "{path}");
        assert_eq!(client.get(&format!("{path}?folderId=none")).ok(), json!({}));
        client.delete(&format!("{path}/{}", ids[0])).ok();
        assert_eq!(client.get(&format!("{path}/{}", ids[0])).status, 404);
        assert_eq!(client.delete(&format!("{path}/{}", ids[0])).status, 404);
    }
}

#[test]
fn a_message_has_an_author() {
    let (_server, client) = serve();
    let thread = create(&client, THREADS, json!({}));
    let author = thread["defaultMessageAuthorId"].as_str().unwrap();
    let add = |more: Value| {
        let mut body = json!({"threadId": id(&thread), "content": content("hello")});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        client.post("/assistants/v1/messages", body).ok()
    };
    let first = add(json!({"labels": {"snake_case": "1"}}));
    assert_eq!(first["author"], json!({"id": author, "role": "USER"}));
    assert_eq!(first["status"], "COMPLETED");
    assert_eq!(first["labels"], json!({"snake_case": "1"}));
    let two_parts = json!({"content": [{"text": {"content": "a"}}, {"text": {"content": "b"}}]});
    let second = add(json!({"author": {"id": "somebody", "role": "assistant"}, "content": two_parts}));
    assert_eq!(second["author"], json!({"id": "somebody", "role": "ASSISTANT"}));
    assert_eq!(second["content"], two_parts);
    let path = format!("/assistants/v1/messages?threadId={}", id(&thread));
    let answer = client.get(&path);
    assert_eq!(answer.headers["transfer-encoding"], "chunked");
    assert_eq!(answer.lines(), [second.clone(), first]);
    let one = format!("/assistants/v1/messages/{}?thread_id={}", id(&second), id(&thread));
    assert_eq!(client.get(&one).ok(), second);
    let elsewhere = id(&create(&client, THREADS, json!({})));
    let one = format!("/assistants/v1/messages/{}?threadId={elsewhere}", id(&second));
    assert_eq!(client.get(&one).status, 404);
}

#[test]
fn a_thread_and_a_user_can_be_changed() {
    let (_server, client) = serve();
    for path in [THREADS, USERS] {
        let created = create(&client, path, json!({"name": "old", "labels": {"a": "1"}}));
        let path = format!("{path}/{}", id(&created));
        let changed = client
            .patch(&path, json!({"updateMask": "labels,description", "description": "new"}))
            .ok();
        assert_eq!(
            (&changed["name"], &changed["description"]),
            (&"old".into(), &"new".into())
        );
        assert!(changed.get("labels").is_none());
        assert_eq!(client.get(&path).ok(), changed);
    }
}

#[test]
fn the_other_spelling_has_explicit_defaults() {
    let (_server, client) = start(LocalServer::builder().yandex_dialect(Dialect::SnakeCase));
    let body = json!({
        "folder_id": "fld",
        "model_uri": "gpt://fld/test/latest",
        "labels": {"camelCase": "kept"},
        "completion_options": {"max_tokens": 5},
        "tools": [{"function": {"name": "f", "parameters": {"maxItems": 1}}}],
    });
    let assistant = client.post(ASSISTANTS, body).ok();
    assert_eq!(assistant["folder_id"], "fld");
    assert_eq!(assistant["name"], "");
    assert_eq!(assistant["labels"], json!({"camelCase": "kept"}));
    assert_eq!(
        assistant["completion_options"],
        json!({"max_tokens": "5", "temperature": null})
    );
    assert_eq!(
        assistant["prompt_truncation_options"],
        json!({"max_prompt_tokens": null, "auto_strategy": {}})
    );
    assert_eq!(assistant["response_format"], Value::Null);
    assert_eq!(assistant["tools"][0]["function"]["parameters"], json!({"maxItems": 1}));
    let listed = client.get(&format!("{ASSISTANTS}?folder_id=fld")).ok();
    assert_eq!(listed, json!({"assistants": [assistant], "next_page_token": ""}));

    let thread = client.thread("repeat 2");
    let run = json!({"assistant_id": id(&assistant), "thread_id": thread, "stream": true});
    let run = client.post("/assistants/v1/runs", run).ok();
    assert_eq!(
        (&run["usage"], &run["state"]["status"]),
        (&Value::Null, &"PENDING".into())
    );
    let events: Vec<Value> = client.listen(&id(&run), 0).collect();
    assert_eq!(
        events[0],
        json!({
            "event_type": "PARTIAL_MESSAGE",
            "stream_cursor": {"current_event_idx": "0", "num_user_events_received": "0"},
            "partial_message": {"content": [{"text": {"content": "word1"}}]},
        })
    );
    let message = &events[2]["completed_message"];
    assert_eq!(
        (&message["thread_id"], &message["citations"]),
        (&thread.as_str().into(), &json!([]))
    );
    let messages = client
        .get(&format!("/assistants/v1/messages?thread_id={thread}"))
        .lines();
    assert_eq!(&messages[0], message);
}

#[test]
fn counts_words_as_tokens() {
    let (_server, client) = serve();
    let body = json!({"modelUri": "gpt://fld/test", "text": "to be  or"});
    let answer = client.post("/foundationModels/v1/tokenize", body).ok();
    let texts: Vec<&str> = answer["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| token["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["to", " be", "  or"]);
    assert_eq!(answer["modelVersion"], "scripted");
    let body = json!({"modelUri": "gpt://fld/test", "messages": [{"role": "user", "text": "two words"}]});
    let answer = client.post("/foundationModels/v1/tokenizeCompletion", body).ok();
    assert_eq!(answer["tokens"].as_array().unwrap().len(), 2);
}

#[test]
fn a_keyed_write_is_executed_once() {
    let (_server, client) = serve();
    let mut keys = 0;
    let mut sent: Vec<(Client, &str, String, Value, Value)> = Vec::new();
    let mut twice = |method: &'static str, path: String, body: Value| {
        keys += 1;
        let keyed = client.header("idempotency-key", &format!("key-{keys}"));
        let first = keyed.call(method, &path, &body.to_string()).ok();
        assert_eq!(
            keyed.call(method, &path, &body.to_string()).ok(),
            first,
            "{method} {path}"
        );
        sent.push((keyed, method, path, body, first.clone()));
        first
    };
    let named = |mask: &str| json!({"updateMask": mask, "name": "n"});
    let assistant = json!({"folderId": "f", "modelUri": "gpt://f/m/latest", "tools": [
        {"function": {"name": "f", "parameters": {"type": "object"}}}]});
    let assistant = id(&twice("POST", "/assistants/v1/assistants".into(), assistant));
    twice("PATCH", format!("/assistants/v1/assistants/{assistant}"), named("name"));
    let thread = id(&twice(
        "POST",
        "/assistants/v1/threads".into(),
        json!({"folderId": "f"}),
    ));
    twice("PATCH", format!("/assistants/v1/threads/{thread}"), named("name"));
    let message = json!({"threadId": thread, "content": content("call f {}")});
    twice("POST", "/assistants/v1/messages".into(), message);
    let run = json!({"assistantId": assistant, "threadId": thread});
    let run = id(&twice("POST", "/assistants/v1/runs".into(), run));
    client.wait_for(&run, "TOOL_CALLS");
    let results = json!({"runId": run, "toolResultList": {"toolResults": [
        {"functionResult": {"name": "f", "content": "1"}}]}});
    twice("PATCH", "/assistants/v1/runs/submit".into(), results);
    client.wait_for(&run, "COMPLETED");
    let user = id(&twice("POST", "/users/v1/users".into(), json!({"folderId": "f"})));
    twice("PATCH", format!("/users/v1/users/{user}"), named("name"));
    let file = json!({"folderId": "f", "content": "d29yZHM="});
    let file = id(&twice("POST", "/files/v1/files".into(), file));
    twice("PATCH", format!("/files/v1/files/{file}"), named("name"));
    let index = json!({"folderId": "f", "textSearchIndex": {}});
    twice("POST", "/assistants/v1/searchIndex".into(), index);
    let indices = client.get("/assistants/v1/searchIndex?folderId=f").ok();
    let [index] = &indices["indices"].as_array().unwrap()[..] else {
        panic!("{indices}")
    };
    let index = id(index);
    twice("PATCH", format!("/assistants/v1/searchIndex/{index}"), named("name"));
    let attached = json!({"searchIndexId": index, "fileIds": [file]});
    twice("POST", "/assistants/v1/searchIndexFile:batchCreate".into(), attached);
    for (keyed, method, path, body, first) in sent {
        assert_eq!(
            keyed.call(method, &path, &body.to_string()).ok(),
            first,
            "{method} {path}"
        );
    }
    let messages = client
        .get(&format!("/assistants/v1/messages?threadId={thread}"))
        .lines();
    assert_eq!(messages.len(), 2, "{messages:?}");
    let again = client
        .header("idempotency-key", "key-3")
        .post("/assistants/v1/threads", json!({"folderId": "g"}));
    assert!(
        again.error().contains("'key-3' was used before with another body"),
        "{}",
        again.error()
    );
}
