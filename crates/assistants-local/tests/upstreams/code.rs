//! A model that executes code, and what it sees of it afterwards.

use std::sync::Arc;

use assistants_blocking::openai::{
    Client, CreateAssistant, CreateMessage, CreateRun, CreateThread, Run, RunStatus, ToolOutput,
};
use assistants_local::model::upstream::Endpoint;
use assistants_local::{CodeInterpreter, LocalServer};
use serde_json::{Value, json};

use crate::fixture::Exchange;
use crate::play::{catalog, peer};

fn call(id: &str, name: &str, arguments: &Value) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments.to_string()}})
}

fn chunks(delta: &Value) -> Value {
    json!([{"choices": [{"index": 0, "delta": delta, "finish_reason": "stop"}]}])
}

/// A code call, a function call after it, and texts, with what has to be sent before each.
fn exchanges() -> Vec<Exchange> {
    let code = |text: &str| call("call_1", "code_interpreter", &json!({"code": text}));
    let called = |call: &Value| json!({"role": "assistant", "tool_calls": [call]});
    let output = |text: &str| json!({"role": "tool", "content": text});
    let text = |text: &str| json!({"role": "assistant", "content": text});
    let question = |text: &str| json!({"role": "user", "content": text});

    let mut conversation = vec![
        json!({"role": "system", "content": {"$contains": "The user has provided these files in /mnt/data: data.csv."}}),
        question("First"),
    ];
    let mut exchanges = Vec::new();
    let mut exchange = |sent: &[Value], delta: Value| {
        exchanges.push(json!({"sent": {"messages": sent}, "chunks": chunks(&delta)}));
    };
    let function = call("call_2", "f", &json!({}));
    exchange(
        &conversation,
        json!({"reasoning": "R1", "tool_calls": [code("write a.csv 1\nprint 4")]}),
    );
    // The reasoning is sent back, as the answer is not complete, also after the output of the function.
    let mut answer = called(&code("write a.csv 1\nprint 4"));
    answer["reasoning"] = "R1".into();
    conversation.push(answer);
    conversation.push(output("4\nFile: sandbox:/mnt/data/a.csv"));
    exchange(&conversation, json!({"tool_calls": [function]}));
    conversation.extend([called(&function), output("5")]);
    exchange(&conversation, json!({"content": "See [a](sandbox:/mnt/data/a.csv)."}));
    conversation.extend([text("See [a](sandbox:/mnt/data/a.csv)."), question("Second")]);
    // Text before code, and nothing after it that would store the answer as it was.
    exchange(
        &conversation,
        json!({"content": "I try.", "tool_calls": [code("read data.csv")]}),
    );
    let mut tried = called(&call("call_1", "code_interpreter", &json!({"code": "read data.csv"})));
    tried["content"] = "I try.".into();
    conversation.extend([tried, output("1,2\n")]);
    exchange(&conversation, json!({"content": "Done."}));
    conversation.extend([text("Done."), question("Third")]);
    // In later runs, the call has the id of the step's.
    for message in &mut conversation {
        if message["content"] == "I try." {
            message["tool_calls"][0].as_object_mut().unwrap().remove("id");
        }
    }
    exchange(&conversation, json!({"content": "Nothing."}));
    serde_json::from_value(exchanges.into()).unwrap()
}

#[test]
fn a_model_sees_the_code_that_it_has_executed() {
    let faults = Arc::default();
    let peer = peer(exchanges(), "someone", &faults);
    let executor = CodeInterpreter::new(env!("CARGO_BIN_EXE_assistants-local")).args(["scripted-code"]);
    let server = LocalServer::builder()
        .code_interpreter(executor)
        .model(catalog(Endpoint::new(peer.url("/v1"))))
        .start()
        .unwrap();
    let client = Client::builder().base_url(server.base_url()).build().unwrap();
    let file = assistants_blocking::FileSource::bytes("data.csv", b"1,2");
    let file = client.files().upload(file, "assistants").send().unwrap();
    let assistant = json!({"model": "m", "instructions": "Be brief.",
        "tools": [{"type": "code_interpreter"}, {"type": "function", "function": {"name": "f"}}],
        "tool_resources": {"code_interpreter": {"file_ids": [file.id]}}});
    let assistant: CreateAssistant = serde_json::from_value(assistant).unwrap();
    let assistant = client.assistants().create(assistant).send().unwrap();
    let thread = client.threads().create(CreateThread::default()).send().unwrap();
    let ask = |text: &str| -> Run {
        client
            .messages(&thread)
            .create(CreateMessage::user(text))
            .send()
            .unwrap();
        let runs = client.runs(&thread);
        let run = runs.create(CreateRun::new(&assistant)).send().unwrap();
        runs.poll(&run.id).send().unwrap()
    };
    let mut runs = vec![ask("First")];
    assert_eq!(
        runs[0].status,
        RunStatus::RequiresAction,
        "{:?} {faults:?}",
        runs[0].last_error
    );
    let outputs = runs[0]
        .tool_calls()
        .iter()
        .map(|call| ToolOutput::default().tool_call_id(&call.id).output("5"));
    let outputs: Vec<ToolOutput> = outputs.collect();
    client
        .runs(&thread)
        .submit_tool_outputs(&runs[0].id, outputs)
        .send()
        .unwrap();
    runs[0] = client.runs(&thread).poll(&runs[0].id).send().unwrap();
    runs.extend(["Second", "Third"].map(ask));
    let faults = faults.lock().unwrap().join("\n");
    assert!(faults.is_empty(), "{faults}");
    for run in runs {
        assert_eq!(run.status, RunStatus::Completed, "{:?}", run.last_error);
    }
    drop(server);
    let asked = peer.finish();
    assert_eq!(asked.iter().filter(|request| request.method == "POST").count(), 6);
}
