//! Loops of calls whose server is started again in between.

use std::sync::Arc;

use assistants_blocking::openai::{
    Client, CreateAssistant, CreateMessage, CreateRun, CreateThread, FunctionTool, Run, RunStatus, ToolOutput,
};
use assistants_local::LocalServer;
use assistants_local::model::upstream::Endpoint;
use serde_json::{Value, json};

use crate::fixture::Exchange;
use crate::play::{catalog, peer};

/// The first answer: reasoning under two names, and two calls with odd ids, of which one is signed.
fn first_answer() -> Value {
    json!([
        {"choices": [{"index": 0, "delta": {"reasoning_content": "H", "reasoning_details": [
            {"type": "reasoning.text", "text": "H", "format": "anthropic-claude-v1", "index": 0}]}}]},
        {"choices": [{"index": 0, "delta": {"reasoning_content": "m.", "reasoning_details": [
            {"type": "reasoning.text", "text": "m.", "signature": "c2ln", "format": "anthropic-claude-v1", "index": 0},
            {"type": "reasoning.encrypted", "data": "b3BhcXVl", "format": "openai-responses-v1", "index": 1}]}}]},
        {"choices": [{"index": 0, "delta": {"content": "Let me see."}}]},
        {"choices": [{"index": 0, "finish_reason": "stop", "delta": {"tool_calls": [
            {"id": "functions.add:0", "type": "function", "function": {"name": "add", "arguments": "{\"a\":1}"},
             "extra_content": {"google": {"thought_signature": "c2lnbmF0dXJl"}}},
            {"id": "call_/+=é", "type": "function", "function": {"name": "add", "arguments": "not JSON"}}]}}]},
    ])
}

/// The messages that must be sent after the outputs of the first answer.
fn after_first() -> Vec<Value> {
    vec![
        json!({"role": "system"}),
        json!({"role": "user", "content": "Question"}),
        json!({
            "role": "assistant", "content": "Let me see.", "reasoning_content": "Hm.",
            "reasoning_details": [
                {"type": "reasoning.text", "text": "Hm.", "signature": "c2ln", "format": "anthropic-claude-v1", "index": 0},
                {"type": "reasoning.encrypted", "data": "b3BhcXVl", "format": "openai-responses-v1", "index": 1},
            ],
            "tool_calls": [
                {"id": "functions.add:0", "function": {"name": "add", "arguments": "{\"a\":1}"},
                 "extra_content": {"google": {"thought_signature": "c2lnbmF0dXJl"}}},
                {"id": "call_/+=é", "function": {"name": "add", "arguments": "{}"}},
            ],
        }),
        json!({"role": "tool", "tool_call_id": "functions.add:0", "content": "1a"}),
        json!({"role": "tool", "tool_call_id": "call_/+=é", "content": "1b"}),
    ]
}

/// The messages that must be sent after the outputs of the second answer, whose id has occurred before.
fn after_second() -> Vec<Value> {
    let mut messages = after_first();
    messages.push(json!({"role": "assistant", "reasoning": "So.", "tool_calls": [
        {"id": "functions.add:0", "function": {"name": "add", "arguments": "{\"a\":2}"}}]}));
    messages.push(json!({"role": "tool", "tool_call_id": "functions.add:0", "content": "2a"}));
    messages
}

fn exchanges() -> Vec<Exchange> {
    let text = |text: &str| json!([{"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]}]);
    let mut later = after_second();
    later.push(json!({"role": "assistant", "content": "Done."}));
    later.push(json!({"role": "user", "content": "And now?"}));
    let exchanges = json!([
        {"chunks": first_answer()},
        {"sent": {"messages": after_first()}, "chunks": [
            {"choices": [{"index": 0, "delta": {"reasoning": "So."}}]},
            {"choices": [{"index": 0, "finish_reason": "tool_calls", "delta": {"tool_calls": [
                {"index": 0, "id": "functions.add:0", "function": {"name": "add", "arguments": "{\"a\":2}"}}]}}]}]},
        {"sent": {"messages": after_second()}, "chunks": text("Done.")},
        {"sent": {"messages": later}, "chunks": text("Nothing.")},
    ]);
    serde_json::from_value(exchanges).unwrap()
}

fn submit(client: &Client, run: &Run, outputs: &[&str]) -> Run {
    let calls = run.tool_calls();
    assert_eq!(calls.len(), outputs.len());
    let outputs = calls.iter().zip(outputs);
    let outputs = outputs.map(|(call, output)| ToolOutput::default().tool_call_id(&call.id).output(*output));
    let runs = client.runs(&run.thread_id);
    runs.submit_tool_outputs(&run.id, outputs.collect::<Vec<_>>())
        .send()
        .unwrap();
    runs.poll(&run.id).send().unwrap()
}

#[test]
fn the_data_of_an_upstream_server_survives_restarts_within_a_loop_of_calls() {
    let directory = tempfile::tempdir().unwrap();
    let faults = Arc::default();
    let peer = peer(exchanges(), "someone", &faults);
    let start = || {
        let server = LocalServer::builder()
            .database(directory.path().join("a.db"))
            .model(catalog(Endpoint::new(peer.url("/v1"))))
            .start()
            .unwrap();
        let client = Client::builder().base_url(server.base_url()).build().unwrap();
        (server, client)
    };

    let (server, client) = start();
    let add = FunctionTool::new(assistants_blocking::openai::FunctionDefinition::new("add"));
    let assistant = CreateAssistant::new("m").instructions("Be brief.").tool(add);
    let assistant = client.assistants().create(assistant).send().unwrap();
    let thread = CreateThread::default().message(CreateMessage::user("Question"));
    let thread = client.threads().create(thread).send().unwrap();
    let runs = client.runs(&thread);
    let run = runs.create(CreateRun::new(&assistant)).send().unwrap();
    let mut run = runs.poll(&run.id).send().unwrap();
    drop(server);
    for outputs in [&["1a", "1b"][..], &["2a"]] {
        assert_eq!(run.status, RunStatus::RequiresAction, "{:?}", run.last_error);
        let (server, client) = start();
        run = client.runs(&thread).retrieve(&run.id).send().unwrap();
        run = submit(&client, &run, outputs);
        drop(server);
    }
    assert_eq!(run.status, RunStatus::Completed, "{:?}", run.last_error);

    // The next run sees the data as well.
    let (server, client) = start();
    client
        .messages(&thread)
        .create(CreateMessage::user("And now?"))
        .send()
        .unwrap();
    let runs = client.runs(&thread);
    let run = runs.create(CreateRun::new(&assistant)).send().unwrap();
    let run = runs.poll(&run.id).send().unwrap();
    let faults = faults.lock().unwrap().join("\n");
    assert!(faults.is_empty(), "{faults}");
    assert_eq!(run.status, RunStatus::Completed, "{:?}", run.last_error);
    drop(server);
    assert_eq!(
        peer.finish().iter().filter(|request| request.method == "POST").count(),
        4
    );
}
