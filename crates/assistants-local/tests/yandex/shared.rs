//! Objects that both protocols share.

use serde_json::json;

use crate::client::{Client, content, id, serve, short};

#[test]
fn objects_of_one_protocol_can_be_used_over_the_other() {
    let (server, yandex) = serve();
    let openai = Client::new(server.base_url());

    let assistant = yandex.assistant();
    let seen = openai.get(&format!("/assistants/{assistant}")).ok();
    assert_eq!(seen["model"], "gpt://fld/test/latest");
    assert_eq!(seen["tools"][1]["function"]["name"], "g");
    openai
        .post(
            &format!("/assistants/{assistant}"),
            json!({"name": "Renamed", "metadata": {"k": "v"}}),
        )
        .ok();
    let seen = yandex.get(&format!("/assistants/v1/assistants/{assistant}")).ok();
    assert_eq!(
        (&seen["name"], &seen["labels"]),
        (&"Renamed".into(), &json!({"k": "v"}))
    );
    assert_eq!(
        (&seen["folderId"], &seen["tools"][1]["function"]["name"]),
        (&"fld".into(), &"g".into())
    );

    let message = json!({"role": "user", "content": "repeat 2"});
    let thread = id(&openai.post("/threads", json!({"messages": [message]})).ok());
    let run = json!({"assistantId": assistant, "threadId": thread, "stream": true});
    let run = id(&yandex.post("/assistants/v1/runs", run).ok());
    assert_eq!(short(yandex.listen(&run, 1)), "1:word1 word2 | 2:DONE word1 word2");
    assert_eq!(
        openai.get(&format!("/threads/{thread}/runs/{run}")).ok()["status"],
        "completed"
    );
    let messages = yandex
        .get(&format!("/assistants/v1/messages?threadId={thread}"))
        .lines();
    assert_eq!(messages[1]["content"], content("repeat 2"));
    assert_eq!(messages[1]["author"]["role"], "USER");
}

#[test]
fn a_run_of_the_other_protocol_can_be_listened_to() {
    let (server, yandex) = serve();
    let openai = Client::new(server.base_url());
    let assistant = id(&openai
        .post(
            "/assistants",
            json!({"model": "m", "tools": [{"type": "function", "function": {"name": "f"}}]}),
        )
        .ok());
    let start = |text: &str| {
        let message = json!({"role": "user", "content": text});
        let body = json!({"assistant_id": assistant, "thread": {"messages": [message]}});
        id(&openai.post("/threads/runs", body).ok())
    };
    let run = start("hello");
    assert_eq!(short(yandex.listen(&run, 0)), "0:DONE hello");
    assert_eq!(short(yandex.listen(&run, 0)), "0:DONE hello");
    let run = start("call f");
    assert_eq!(short(yandex.listen(&run, 0)), "0:CALLS f {}");
}

#[test]
fn code_interpreter_fails_over_both_protocols() {
    let (server, yandex) = serve();
    let openai = Client::new(server.base_url());
    let tools = json!([{"type": "code_interpreter"}]);
    let assistant = id(&openai.post("/assistants", json!({"model": "m", "tools": tools})).ok());
    let run = json!({"assistantId": assistant, "threadId": yandex.thread("hello"), "stream": true});
    let run = id(&yandex.post("/assistants/v1/runs", run).ok());
    let failed = yandex.wait_for(&run, "FAILED");
    let message = failed["state"]["error"]["message"].as_str().unwrap();
    assert!(message.contains("'code_interpreter' is not supported"), "{message}");
    assert_eq!(short(yandex.listen(&run, 0)), format!("0:ERROR {message}"));
}
