//! Runs that are polled, and what is refused to them.

use serde_json::{Value, json};

use super::client::{Client, id, serve};

/// A run on a new thread with that message, and its path.
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
fn a_run_is_worked_on_without_a_stream() {
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
fn a_run_takes_all_outputs_at_once_and_nothing_else() {
    let (_server, client) = serve();
    let (path, run) = run(&client, "call f\ncall g", "requires_action");
    let calls = call_ids(&run);
    let (run_id, f, g) = (id(&run), &calls[0], &calls[1]);
    let submit = |outputs: Value| client.post(&format!("{path}/submit_tool_outputs"), json!({"tool_outputs": outputs}));
    assert_eq!(
        submit(json!([{"tool_call_id": f, "output": ""}])).error(),
        format!("400 tool_outputs -: All tool outputs must be given at once; there is none for '{g}'.")
    );
    assert_eq!(
        submit(json!([{"tool_call_id": "call_x", "output": ""}])).error(),
        format!(
            "400 tool_outputs[0].tool_call_id -: The run {run_id} waits for no tool call 'call_x'. \
             It waits for '{f}', '{g}'."
        )
    );
    assert_eq!(
        submit(json!([{"tool_call_id": f, "output": ""}, {"tool_call_id": f, "output": ""}])).error(),
        format!("400 tool_outputs[1].tool_call_id -: The tool call '{f}' was given more than one output.")
    );
    assert_eq!(
        submit(json!([{"output": ""}])).error(),
        "400 tool_outputs[0].tool_call_id -: Missing required parameter: 'tool_outputs[0].tool_call_id'."
    );
    // What was refused has changed nothing.
    submit(json!([{"tool_call_id": f, "output": "1"}, {"tool_call_id": g, "output": "2"}])).ok();
    client.wait_for(&path, "completed");
    assert_eq!(
        submit(json!([{"tool_call_id": f, "output": ""}])).error(),
        format!("400 - -: The run {run_id} takes no tool outputs: its status is 'completed', not 'requires_action'.")
    );
}

#[test]
fn a_run_that_is_over_cannot_be_cancelled() {
    let (_server, client) = serve();
    let (path, run) = run(&client, "Hello", "completed");
    assert_eq!(
        client.post(&format!("{path}/cancel"), json!({})).error(),
        format!(
            "400 - -: The run {} cannot be cancelled: its status is 'completed'.",
            id(&run)
        )
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
fn a_run_needs_its_assistant_and_its_thread() {
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
    // A refused run leaves nothing behind, neither of itself nor of what was to be created with it.
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
