//! Creating, reading, updating and deleting objects.

use serde_json::{Value, json};

use super::client::{id, serve};

#[test]
fn an_assistant_has_its_parameters() {
    let (_server, client) = serve();
    let given = json!({
        "model": "test",
        "name": "Clerk",
        "description": "Counts.",
        "instructions": "Be brief.",
        "tools": [{"type": "code_interpreter"}, {"type": "file_search", "file_search": {"max_num_results": 3}}],
        "tool_resources": {"file_search": {"vector_store_ids": ["vs_1"]}},
        "metadata": {"a": "b"},
        "temperature": 0.5,
        "top_p": 0.25,
        "response_format": {"type": "json_object"},
        "reasoning_effort": "low",
    });
    let assistant = client.post("/assistants", given.clone()).ok();
    for (member, value) in given.as_object().unwrap() {
        assert_eq!(&assistant[member], value, "{member}");
    }
    assert_eq!(assistant["object"], "assistant");
    assert!(assistant["created_at"].as_i64().unwrap() > 1_700_000_000);
    assert_eq!(client.get(&format!("/assistants/{}", id(&assistant))).ok(), assistant);
}

#[test]
fn every_member_is_present_even_without_a_value() {
    let (_server, client) = serve();
    let mut assistant = client.post("/assistants", json!({"model": "test"})).ok();
    let members = assistant.as_object_mut().unwrap();
    assert!(members.remove("id").is_some() && members.remove("created_at").is_some());
    let want = json!({
        "object": "assistant", "model": "test", "name": null, "description": null, "instructions": null, "tools": [],
        "tool_resources": {}, "metadata": {}, "temperature": 1.0, "top_p": 1.0, "response_format": "auto",
    });
    assert_eq!(assistant, want);
}

#[test]
fn an_update_keeps_clears_and_sets() {
    let (_server, client) = serve();
    let body = json!({"model": "test", "name": "Clerk", "description": "Counts.", "metadata": {"a": "b", "c": "d"}});
    let path = format!("/assistants/{}", id(&client.post("/assistants", body).ok()));
    let update = json!({"description": null, "instructions": "Be brief.", "metadata": {"e": "f"}});
    let updated = client.post(&path, update).ok();
    assert_eq!(updated["name"], "Clerk");
    assert_eq!(updated["description"], Value::Null);
    assert_eq!(updated["instructions"], "Be brief.");
    assert_eq!(updated["metadata"], json!({"e": "f"}));
    assert_eq!(client.get(&path).ok(), updated);
    let cleared = client.post(&path, json!({"metadata": null, "model": "other"})).ok();
    assert_eq!((&cleared["metadata"], &cleared["model"]), (&json!({}), &json!("other")));
    assert_eq!(client.call("POST", &path, "").ok(), cleared);
}

#[test]
fn a_thread_accepts_all_kinds_of_messages() {
    let (_server, client) = serve();
    let thread = client.call("POST", "/threads", "").ok();
    assert_eq!((&thread["object"], &thread["metadata"]), (&json!("thread"), &json!({})));
    let messages = format!("/threads/{}/messages", id(&thread));
    let parts = json!([
        {"type": "text", "text": "Look:"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
        {"type": "image_file", "image_file": {"file_id": "file-1"}},
    ]);
    let attachments = json!([{"file_id": "file-1", "tools": [{"type": "code_interpreter"}]}]);
    let body = json!({"role": "user", "content": parts, "attachments": attachments, "metadata": {"a": "b"}});
    let message = client.post(&messages, body).ok();
    assert_eq!(
        message["content"][0],
        json!({"type": "text", "text": {"value": "Look:", "annotations": []}})
    );
    assert_eq!(message["content"][1], parts[1]);
    assert_eq!(message["content"][2], parts[2]);
    assert_eq!(message["attachments"], attachments);
    assert_eq!(
        (&message["status"], &message["role"]),
        (&json!("completed"), &json!("user"))
    );
    let path = format!("{messages}/{}", id(&message));
    assert_eq!(client.get(&path).ok(), message);
    assert_eq!(
        client.post(&path, json!({"metadata": {"c": "d"}})).ok()["metadata"],
        json!({"c": "d"})
    );
}

#[test]
fn a_thread_can_be_changed() {
    let (_server, client) = serve();
    let path = format!("/threads/{}", client.thread("Hello"));
    let resources = json!({"code_interpreter": {"file_ids": ["file-1"]}});
    let updated = client
        .post(&path, json!({"metadata": {"a": "b"}, "tool_resources": resources}))
        .ok();
    assert_eq!(
        (&updated["metadata"], &updated["tool_resources"]),
        (&json!({"a": "b"}), &resources)
    );
    assert_eq!(client.get(&path).ok(), updated);
}

#[test]
fn deleted_objects_no_longer_exist() {
    let (_server, client) = serve();
    let (assistant, thread) = (client.assistant(), client.thread("Hello"));
    let assistant_path = format!("/assistants/{assistant}");
    let deleted = json!({"id": assistant, "object": "assistant.deleted", "deleted": true});
    assert_eq!(client.delete(&assistant_path).ok(), deleted);
    assert_eq!(client.get(&assistant_path).status, 404);
    assert_eq!(client.delete(&assistant_path).status, 404);
    assert_eq!(client.post(&assistant_path, json!({})).status, 404);

    let messages = format!("/threads/{thread}/messages");
    let message = id(&client.get(&messages).ok()["data"][0]);
    let deleted = json!({"id": message, "object": "thread.message.deleted", "deleted": true});
    assert_eq!(client.delete(&format!("{messages}/{message}")).ok(), deleted);
    assert_eq!(client.get(&format!("{messages}/{message}")).status, 404);

    let message = id(&client.post(&messages, json!({"role": "user", "content": "More."})).ok());
    let run = client
        .post(
            &format!("/threads/{thread}/runs"),
            json!({"assistant_id": client.assistant()}),
        )
        .ok();
    client.wait_for(&format!("/threads/{thread}/runs/{}", id(&run)), "completed");
    let deleted = json!({"id": thread, "object": "thread.deleted", "deleted": true});
    assert_eq!(client.delete(&format!("/threads/{thread}")).ok(), deleted);
    let below = [
        format!("messages/{message}"),
        format!("runs/{}", id(&run)),
        format!("runs/{}/steps", id(&run)),
    ];
    for path in below {
        let error = client.get(&format!("/threads/{thread}/{path}")).error();
        assert_eq!(error, format!("404 - -: No thread found with id '{thread}'."));
    }
}
