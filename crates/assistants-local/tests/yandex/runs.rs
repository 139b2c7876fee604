//! Runs: their events, their calls and how they end.

use std::time::Duration;

use assistants_local::LocalServer;
use serde_json::json;

use crate::client::{content, id, serve, short, start};

#[test]
fn a_run_can_be_replayed_from_any_event() {
    let (_server, client) = serve();
    let run = client.run("repeat 3");
    let whole = "0:word1 | 1:word1 word2 | 2:word1 word2 word3 | 3:DONE word1 word2 word3";
    assert_eq!(short(client.listen(&run, 0)), whole);
    assert_eq!(short(client.listen(&run, 0)), whole);
    assert_eq!(
        short(client.listen(&run, 2)),
        "2:word1 word2 word3 | 3:DONE word1 word2 word3"
    );
    assert_eq!(short(client.listen(&run, 3)), "3:DONE word1 word2 word3");
    assert_eq!(short(client.listen(&run, 4)), "");
    let run = client.get(&format!("/assistants/v1/runs/{run}")).ok();
    assert_eq!(run["state"]["status"], "COMPLETED");
    assert_eq!(
        run["usage"],
        json!({"promptTokens": "2", "completionTokens": "3", "totalTokens": "5"})
    );
    let message = &run["state"]["completedMessage"];
    assert_eq!(
        message["author"],
        json!({"id": run["assistantId"], "role": "ASSISTANT"})
    );
    assert_eq!(message["status"], "COMPLETED");
    assert_eq!(message["content"], content("word1 word2 word3"));
}

#[test]
fn a_run_that_is_not_streamed_has_one_event() {
    let (_server, client) = serve();
    let body = json!({"assistantId": client.assistant(), "threadId": client.thread("repeat 3")});
    let run = client.post("/assistants/v1/runs", body).ok();
    assert_eq!(run["state"], json!({"status": "PENDING"}));
    assert!(run.get("usage").is_none());
    assert_eq!(short(client.listen(&id(&run), 0)), "0:DONE word1 word2 word3");
    assert_eq!(short(client.listen(&id(&run), 0)), "0:DONE word1 word2 word3");
}

#[test]
fn events_arrive_while_the_run_is_in_progress() {
    let (_server, client) = serve();
    let run = client.run("repeat 1\nsleep 60000\nrepeat 1");
    let mut first = client.listen(&run, 0);
    assert_eq!(short(first.next()), "0:word1");
    // A second listener gets what the first has received.
    assert_eq!(short(client.listen(&run, 0).next()), "0:word1");
    assert_eq!(
        client.wait_for(&run, "IN_PROGRESS")["state"],
        json!({"status": "IN_PROGRESS"})
    );
    let thread = client.get(&format!("/assistants/v1/runs/{run}")).ok()["threadId"].clone();
    let thread = thread.as_str().unwrap();
    // The answer becomes a message when it is complete.
    let messages = client
        .get(&format!("/assistants/v1/messages?threadId={thread}"))
        .lines();
    assert_eq!(messages.len(), 1, "{messages:?}");
}

#[test]
fn results_are_matched_by_name_and_events_continue_with_the_next_numbers() {
    let (_server, client) = serve();
    let run = client.run("repeat 1\ncall f {\"a\":1}\ncall g {\"b\":2}\ncall f {\"a\":3}");
    let calls = "0:word1 | 1:CALLS f {\"a\":1} g {\"b\":2} f {\"a\":3}";
    assert_eq!(short(client.listen(&run, 0)), calls);
    let waiting = client.wait_for(&run, "TOOL_CALLS");
    assert_eq!(waiting["usage"]["promptTokens"], "11");
    let wanted = &waiting["state"]["toolCallList"]["toolCalls"];
    assert_eq!(wanted[1], json!({"functionCall": {"name": "g", "arguments": {"b": 2}}}));

    // A client that listens from behind the calls waits for the next event.
    let mut listening = client.listen(&run, 2);
    let result = |name: &str, content: &str| json!({"functionResult": {"name": name, "content": content}});
    let results = |results: &[serde_json::Value]| json!({"runId": run, "toolResultList": {"toolResults": results}});
    let submit = |body| client.patch("/assistants/v1/runs/submit", body);
    assert_eq!(
        submit(results(&[result("f", "one"), result("g", "two")])).error(),
        "400 3: All results must be submitted at once; missing: 'f'."
    );
    assert_eq!(
        submit(results(&[result("h", "one")])).error(),
        format!("400 3: The run {run} is not waiting for a result of 'h'. It is waiting for: 'f', 'g', 'f'.")
    );
    let all = results(&[result("g", "two"), result("f", "one"), result("f", "three")]);
    assert_eq!(submit(all.clone()).ok(), json!({}));
    assert_eq!(short(listening.next()), "2:f");
    let whole = short(client.listen(&run, 0));
    assert!(whole.starts_with(calls), "{whole}");
    assert!(
        whole.ends_with(":DONE f returned one\ng returned two\nf returned three"),
        "{whole}"
    );
    let done = client.wait_for(&run, "COMPLETED");
    assert_eq!(done["usage"]["completionTokens"], "16");
    assert_eq!(
        submit(all).error(),
        "400 9: Runs in status \"completed\" do not accept tool outputs."
    );
}

#[test]
fn a_failed_run_reports_the_reason() {
    let (_server, client) = serve();
    let run = client.run("repeat 1\nfail rate_limit_exceeded");
    let reason = "Rate limit reached for requests. Please try again in 1 second. \
                  The message asked for the failure rate_limit_exceeded.";
    assert_eq!(short(client.listen(&run, 0)), format!("0:word1 | 1:ERROR {reason}"));
    let failed = client.wait_for(&run, "FAILED");
    assert_eq!(
        failed["state"],
        json!({"status": "FAILED", "error": {"message": reason}})
    );
    let thread = failed["threadId"].as_str().unwrap();
    let messages = client
        .get(&format!("/assistants/v1/messages?threadId={thread}"))
        .lines();
    assert_eq!(messages.len(), 1, "{messages:?}");
}

#[test]
fn an_answer_that_is_too_long_is_truncated() {
    let (_server, client) = serve();
    let thread = client.thread("repeat 9");
    let options = json!({"maxTokens": "2"});
    let body = json!({"assistantId": client.assistant(), "threadId": thread, "customCompletionOptions": options});
    let run = id(&client.post("/assistants/v1/runs", body).ok());
    let run = client.wait_for(&run, "COMPLETED");
    assert_eq!(run["state"]["completedMessage"]["status"], "TRUNCATED");
    assert_eq!(run["state"]["completedMessage"]["content"], content("word1 word2"));
    assert_eq!(run["customCompletionOptions"], json!({"maxTokens": "2"}));
}

#[test]
fn old_messages_are_dropped_and_a_long_one_fails_the_run() {
    let (_server, client) = serve();
    let (assistant, thread) = (client.assistant(), client.thread("one two three"));
    let run = |text: &str, most: &str| {
        let body = json!({
            "assistantId": assistant,
            "threadId": thread,
            "additionalMessages": [{"content": content(text)}],
            "customPromptTruncationOptions": {"maxPromptTokens": most},
        });
        id(&client.post("/assistants/v1/runs", body).ok())
    };
    let fitting = client.wait_for(&run("four five", "4"), "COMPLETED");
    assert_eq!(fitting["usage"]["promptTokens"], "2");
    client.wait_for(&run("six seven eight nine ten", "4"), "FAILED");
}

#[test]
fn tools_and_options_of_the_run_are_added_to_earlier_ones() {
    let (_server, client) = serve();
    let tool = json!({"function": {"name": "h"}});
    let body =
        json!({"folderId": "fld", "tools": [tool], "messages": [{"content": content("call h\ncall k\ncall f")}]});
    let thread = id(&client.post("/assistants/v1/threads", body).ok());
    let body = json!({
        "assistantId": client.assistant(), "threadId": thread,
        "tools": [{"function": {"name": "k"}}], "labels": {"camelCase": "kept"},
    });
    let run = client.post("/assistants/v1/runs", body).ok();
    assert_eq!(run["tools"], json!([{"function": {"name": "k"}}]));
    assert_eq!(run["labels"], json!({"camelCase": "kept"}));
    assert_eq!(short(client.listen(&id(&run), 0)), "0:CALLS h {} k {} f {}");
}

#[test]
fn finds_the_last_run_of_a_thread_and_the_runs_of_a_folder() {
    let (_server, client) = serve();
    let (assistant, thread) = (client.assistant(), client.thread("hello"));
    let last = format!("/assistants/v1/runs:getByThread?threadId={thread}");
    assert_eq!(
        client.get(&last).error(),
        format!("404 5: The thread {thread} has no run.")
    );
    let run = || {
        let run = client.post(
            "/assistants/v1/runs",
            json!({"assistantId": assistant, "threadId": thread}),
        );
        let run = id(&run.ok());
        client.wait_for(&run, "COMPLETED");
        run
    };
    let (first, second) = (run(), run());
    assert_eq!(id(&client.get(&last).ok()), second);
    let listed = client.get("/assistants/v1/runs?folderId=fld").ok();
    let ids: Vec<String> = listed["runs"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(ids, [second, first]);
}

#[test]
fn a_thread_with_an_active_run_accepts_no_message_and_no_run() {
    let (_server, client) = serve();
    let run = client.run("call f");
    let thread = client.wait_for(&run, "TOOL_CALLS")["threadId"]
        .as_str()
        .unwrap()
        .to_owned();
    let message = client.post(
        "/assistants/v1/messages",
        json!({"threadId": thread, "content": content("more")}),
    );
    assert_eq!(
        message.error(),
        format!("400 9: Can't add messages to {thread} while a run {run} is active.")
    );
    let again = client.post(
        "/assistants/v1/runs",
        json!({"assistantId": client.assistant(), "threadId": thread}),
    );
    assert_eq!(
        again.error(),
        format!("400 9: Thread {thread} already has an active run {run}.")
    );
}

#[test]
fn deleting_a_thread_ends_the_streams_of_its_listeners() {
    let (_server, client) = serve();
    let run = client.run("call f");
    let thread = client.wait_for(&run, "TOOL_CALLS")["threadId"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/assistants/v1/runs/listen?runId={run}&eventsStartIdx=1");
    let other = client.clone();
    let listening = std::thread::spawn(move || other.get(&path).text);
    // The listener may come before or after the deletion, and is informed in both cases.
    assert_eq!(
        client.delete(&format!("/assistants/v1/threads/{thread}")).ok(),
        json!({})
    );
    let heard = listening.join().unwrap();
    let error: serde_json::Value = serde_json::from_str(&heard).unwrap();
    let code = error.get("error").unwrap_or(&error)["code"].clone();
    assert_eq!(code, 5, "{heard}");
    assert_eq!(client.get(&format!("/assistants/v1/runs/{run}")).status, 404);
}

#[test]
fn a_history_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let (server, client) = start(LocalServer::builder().database(&database));
    let done = client.run("repeat 2");
    let waits = client.run("repeat 1\ncall f");
    let heard = short(client.listen(&done, 0));
    short(client.listen(&waits, 0));
    let assistants = client.get("/assistants/v1/assistants?folderId=fld").ok();
    drop(server);

    let (_server, client) = start(LocalServer::builder().database(&database));
    assert_eq!(
        client.get("/assistants/v1/assistants?folderId=fld").ok()["assistants"][1]["id"],
        assistants["assistants"][1]["id"]
    );
    assert_eq!(short(client.listen(&done, 0)), heard);
    assert_eq!(short(client.listen(&waits, 0)), "0:word1 | 1:CALLS f {}");
    let results = json!([{"functionResult": {"name": "f", "content": "7"}}]);
    let body = json!({"runId": waits, "toolResultList": {"toolResults": results}});
    client.patch("/assistants/v1/runs/submit", body).ok();
    client.wait_for(&waits, "COMPLETED");
    assert_eq!(
        short(client.listen(&waits, 0)),
        "0:word1 | 1:CALLS f {} | 2:f | 3:f returned | 4:f returned 7 | 5:DONE f returned 7"
    );
}

#[test]
fn stopping_the_server_fails_the_run_and_ends_the_response() {
    let (server, client) = serve();
    let run = client.run("repeat 1\nsleep 60000");
    let mut listening = client.listen(&run, 0);
    assert_eq!(short(listening.next()), "0:word1");
    drop(server);
    assert_eq!(
        short(listening),
        "1:ERROR Sorry, something went wrong. The server was stopped while the run was in progress."
    );
}

#[test]
fn a_run_expires() {
    // On a slow machine a run may expire before it waits.
    for seconds in [1, 8, 64] {
        let (_server, client) = start(LocalServer::builder().run_lifetime(Duration::from_secs(seconds)));
        let run = client.run("call f");
        client.wait_for(&run, "FAILED");
        let seen = short(client.listen(&run, 0));
        if seen != "0:ERROR The run took too long." {
            assert_eq!(seen, "0:CALLS f {} | 1:ERROR The run took too long.");
            return;
        }
    }
    panic!("no run waits for its results");
}
