//! Runs that are polled, and requests that they reject.

use serde_json::{Value, json};

use super::client::{Client, Event, id, names, serve};

/// Starts a run on a new thread with this message. Returns its path and the run with this status.
fn run(client: &Client, message: &str, status: &str) -> (String, Value) {
    let (assistant, thread) = (client.assistant(), client.thread(message));
    let created = client.post(&format!("/threads/{thread}/runs"), json!({"assistant_id": assistant}));
    assert_eq!(created.headers["openai-poll-after-ms"], "50");
    let created = created.ok();
    assert_eq!(created["status"], "queued");
    let path = format!("/threads/{thread}/runs/{}", id(&created));
    let run = client.wait_for(&path, status);
    (path, run)
}

fn call_ids(run: &Value) -> Vec<String> {
    run["required_action"]["submit_tool_outputs"]["tool_calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(id)
        .collect()
}

#[test]
fn a_run_executes_without_a_stream() {
    let (_server, client) = serve();
    let (path, run) = run(&client, "call f", "requires_action");
    let calls = call_ids(&run);
    let outputs = json!({"tool_outputs": [{"tool_call_id": calls[0], "output": "sunny"}]});
    let submitted = client.post(&format!("{path}/submit_tool_outputs"), outputs).ok();
    assert_eq!(
        (&submitted["status"], &submitted["required_action"]),
        (&json!("queued"), &Value::Null)
    );
    let completed = client.wait_for(&path, "completed");
    assert_eq!(completed["expires_at"], Value::Null);
    let thread = path.split("/runs/").next().unwrap();
    let messages = client.get(&format!("{thread}/messages")).ok();
    assert_eq!(messages["data"][0]["content"][0]["text"]["value"], "f returned sunny");
    let of_run = client.get(&format!("{thread}/messages?run_id={}", id(&run))).ok();
    assert_eq!(of_run["data"].as_array().unwrap().len(), 1);
}

#[test]
fn a_run_accepts_only_all_outputs_together() {
    let (_server, client) = serve();
    let (path, run) = run(&client, "call f\ncall g", "requires_action");
    let calls = call_ids(&run);
    let (f, g) = (&calls[0], &calls[1]);
    let expected = |got: &str| format!("400 - -: Expected tool outputs for call_ids ['{f}', '{g}'], got [{got}]");
    let submit = |outputs: Value| client.post(&format!("{path}/submit_tool_outputs"), json!({"tool_outputs": outputs}));
    assert_eq!(
        submit(json!([{"tool_call_id": f, "output": ""}])).error(),
        expected(&format!("'{f}'"))
    );
    assert_eq!(
        submit(json!([{"tool_call_id": "call_x", "output": ""}])).error(),
        expected("'call_x'")
    );
    assert_eq!(
        submit(json!([{"tool_call_id": f, "output": ""}, {"tool_call_id": f, "output": ""}])).error(),
        expected(&format!("'{f}', '{f}'"))
    );
    assert_eq!(
        submit(json!([{"tool_call_id": f, "output": ""}, {"tool_call_id": g, "output": ""}, {"tool_call_id": f, "output": ""}]))
            .error(),
        expected(&format!("'{f}', '{g}', '{f}'"))
    );
    assert_eq!(
        submit(json!([{"output": ""}])).error(),
        "400 tool_outputs[0].tool_call_id -: Missing required parameter: 'tool_outputs[0].tool_call_id'."
    );
    // The rejected requests have changed nothing.
    submit(json!([{"tool_call_id": f, "output": "1"}, {"tool_call_id": g, "output": "2"}])).ok();
    client.wait_for(&path, "completed");
    assert_eq!(
        submit(json!([{"tool_call_id": f, "output": ""}])).error(),
        "400 - -: Runs in status \"completed\" do not accept tool outputs."
    );
}

#[test]
fn a_run_that_has_ended_cannot_be_cancelled() {
    let (_server, client) = serve();
    let (path, _) = run(&client, "Hello", "completed");
    assert_eq!(
        client.post(&format!("{path}/cancel"), json!({})).error(),
        "400 - -: Cannot cancel run with status 'completed'."
    );
}

#[test]
fn a_run_that_waits_for_outputs_can_be_cancelled() {
    let (_server, client) = serve();
    let (path, _) = run(&client, "call f", "requires_action");
    // Without a body, as some clients send it.
    client.call("POST", &format!("{path}/cancel"), "").ok();
    let cancelled = client.get(&path).ok();
    assert_eq!(
        (&cancelled["status"], &cancelled["required_action"]),
        (&json!("cancelled"), &Value::Null)
    );
    let steps = client.get(&format!("{path}/steps")).ok();
    assert_eq!(steps["data"][0]["status"], "cancelled");
}

#[test]
fn a_run_requires_its_assistant_and_thread() {
    let (_server, client) = serve();
    let (assistant, thread) = (client.assistant(), client.thread("Hello"));
    assert_eq!(
        client
            .post(&format!("/threads/{thread}/runs"), json!({"assistant_id": "asst_x"}))
            .error(),
        "404 - -: No assistant found with id 'asst_x'."
    );
    assert_eq!(
        client
            .post("/threads/thread_x/runs", json!({"assistant_id": assistant}))
            .error(),
        "404 - -: No thread found with id 'thread_x'."
    );
    // A rejected run leaves nothing behind, including what was to be created with it.
    let body = json!({"assistant_id": "asst_x", "additional_messages": [{"role": "user", "content": "More."}]});
    assert_eq!(client.post(&format!("/threads/{thread}/runs"), body).status, 404);
    assert_eq!(
        client.get(&format!("/threads/{thread}/messages")).ok()["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(client.get(&format!("/threads/{thread}/runs")).ok()["data"], json!([]));
}

#[test]
fn create_thread_and_run_without_a_stream() {
    let (_server, client) = serve();
    let thread = json!({"messages": [{"role": "user", "content": "Hello"}], "metadata": {"a": "b"}});
    let body = json!({"assistant_id": client.assistant(), "thread": thread, "instructions": "Be brief."});
    let run = client.post("/threads/runs", body).ok();
    let thread = format!("/threads/{}", run["thread_id"].as_str().unwrap());
    assert_eq!(client.get(&thread).ok()["metadata"], json!({"a": "b"}));
    let run = client.wait_for(&format!("{thread}/runs/{}", id(&run)), "completed");
    assert_eq!(run["instructions"], "Be brief.");
}

const UNSUPPORTED: &str = "The tool 'code_interpreter' is not supported: this server runs no code. \
                           Leave the tool out, of the assistant or by giving the run tools of its own.";

#[test]
fn tools_of_foundry_are_kept_and_fail_runs() {
    let (_server, client) = serve();
    for tool in [
        json!({"type": "azure_ai_search", "azure_ai_search": {"indexes": [{"index_name": "i"}]}}),
        json!({"type": "azure_function", "azure_function": {"function": {"name": "f"}}}),
        json!({"type": "bing_grounding", "bing_grounding": {"connections": []}}),
        json!({"type": "connected_agent", "connected_agent": {"id": "asst_1", "name": "n"}}),
        json!({"type": "openapi", "openapi": {"name": "n", "spec": {"openapi": "3.1.0"}}}),
        json!({"type": "mcp", "server_label": "s", "server_url": "https://example.com", "allowed_tools": ["t"]}),
    ] {
        let assistant = client
            .post("/assistants", json!({"model": "test", "tools": [tool]}))
            .ok();
        let stored = client.get(&format!("/assistants/{}", id(&assistant))).ok();
        assert_eq!(stored["tools"], json!([tool]));
        let runs = format!("/threads/{}/runs", client.thread("Hello"));
        let run = client.post(&runs, json!({"assistant_id": id(&assistant)})).ok();
        let failed = client.wait_for(&format!("{runs}/{}", id(&run)), "failed");
        assert_eq!(failed["last_error"]["code"], "unsupported_tool", "{tool}");
        let message = failed["last_error"]["message"].as_str().unwrap();
        assert!(message.contains(tool["type"].as_str().unwrap()), "{message}");
    }
    let error = client
        .post(
            "/assistants",
            json!({"model": "test", "tools": [{"type": "telepathy"}]}),
        )
        .error();
    assert!(error.starts_with("400 "), "{error}");
}

#[test]
fn threads_are_listed_in_pages() {
    let (_server, client) = serve();
    let threads: Vec<String> = (0..3).map(|_| client.thread("Hello")).collect();
    let page = client.get("/threads?limit=2").ok();
    let ids = |page: &Value| page["data"].as_array().unwrap().iter().map(id).collect::<Vec<_>>();
    assert_eq!(ids(&page), [threads[2].clone(), threads[1].clone()]);
    assert_eq!(page["has_more"], true);
    let rest = client.get(&format!("/threads?limit=2&after={}", threads[1])).ok();
    assert_eq!(
        (ids(&rest), &rest["has_more"]),
        (vec![threads[0].clone()], &json!(false))
    );
}

/// Returns an assistant with the tool, a thread whose message calls a function, and the error of a run on them.
fn with_code_interpreter(client: &Client) -> (String, String, Value) {
    let tools = json!([{"type": "code_interpreter"}, {"type": "function", "function": {"name": "f"}}]);
    let assistant = id(&client
        .post("/assistants", json!({"model": "test", "tools": tools}))
        .ok());
    let error = json!({"code": "unsupported_tool", "message": UNSUPPORTED});
    (assistant, client.thread("call f"), error)
}

#[test]
fn a_run_with_code_interpreter_fails_before_its_model_is_called() {
    let (_server, client) = serve();
    let (assistant, thread, error) = with_code_interpreter(&client);
    let runs = format!("/threads/{thread}/runs");
    let created = client.post(&runs, json!({"assistant_id": assistant})).ok();
    assert_eq!(created["status"], "queued");
    let path = format!("{runs}/{}", id(&created));
    let failed = client.wait_for(&path, "failed");
    assert_eq!(failed["last_error"], error);
    assert!(
        failed["failed_at"].is_i64() && failed["completed_at"].is_null(),
        "{failed}"
    );
    assert_eq!(client.get(&format!("{path}/steps")).ok()["data"], json!([]));
    let messages = client.get(&format!("/threads/{thread}/messages")).ok();
    assert_eq!(messages["data"].as_array().unwrap().len(), 1);

    // The tools of the run decide: with other tools, or none, it is answered.
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let run = client
        .post(&runs, json!({"assistant_id": assistant, "tools": tools}))
        .ok();
    let waits = client.wait_for(&format!("{runs}/{}", id(&run)), "requires_action");
    client.post(&format!("{runs}/{}/cancel", id(&waits)), json!({})).ok();
    let run = client.post(&runs, json!({"assistant_id": assistant, "tools": []})).ok();
    client.wait_for(&format!("{runs}/{}", id(&run)), "completed");
    let other = client.assistant();
    let body = json!({"assistant_id": other, "tools": [{"type": "code_interpreter"}], "tool_choice": "none"});
    let run = client.post(&runs, body).ok();
    assert_eq!(
        client.wait_for(&format!("{runs}/{}", id(&run)), "failed")["last_error"],
        error
    );
}

#[test]
fn a_streamed_run_with_code_interpreter_ends_with_its_failure() {
    let (_server, client) = serve();
    let (assistant, thread, error) = with_code_interpreter(&client);
    let body = json!({"assistant_id": assistant, "stream": true});
    let keyed = client.header("idempotency-key", "once");
    // The second stream repeats the first.
    for _ in 0..2 {
        let events: Vec<Event> = keyed.stream(&format!("/threads/{thread}/runs"), body.clone()).collect();
        assert_eq!(names(&events), "run.created run.queued run.in_progress run.failed done");
        assert_eq!(events[3].data["last_error"], error);
    }
    let message = json!({"role": "user", "content": "Hello"});
    let body = json!({"assistant_id": assistant, "thread": {"messages": [message]}, "stream": true});
    let events: Vec<Event> = client.stream("/threads/runs", body.clone()).collect();
    assert_eq!(
        names(&events),
        "created run.created run.queued run.in_progress run.failed done"
    );
    let mut body = body;
    body["stream"] = json!(false);
    let run = client.post("/threads/runs", body).ok();
    let path = format!("/threads/{}/runs/{}", run["thread_id"].as_str().unwrap(), id(&run));
    assert_eq!(client.wait_for(&path, "failed")["last_error"], error);
}

#[test]
fn a_pending_call_has_a_null_output() {
    let (_server, client) = serve();
    let (path, _) = run(&client, "call f", "requires_action");
    let waiting = &client.get(&format!("{path}/steps")).ok()["data"][0];
    let call = &waiting["step_details"]["tool_calls"][0]["function"];
    assert_eq!(call, &json!({"name": "f", "arguments": "{}", "output": null}));
    client.post(&format!("{path}/cancel"), json!({})).ok();
    let cancelled = &client.get(&format!("{path}/steps")).ok()["data"][0];
    assert_eq!(cancelled["step_details"], waiting["step_details"]);
}
