//! A server whose models are those of another server of the same kind.

use assistants_blocking::openai::{
    Client, CreateAssistant, CreateMessage, CreateRun, CreateThread, FunctionDefinition, FunctionTool, RunStatus,
    ToolOutput,
};
use assistants_blocking::responses::{CreateResponse, ResponseItem};
use assistants_local::LocalServer;
use assistants_local::model::Catalog;
use assistants_local::model::upstream::{Dialect, Endpoint, Upstream};

/// Streams a response, and a run with a text, two calls and an answer to their outputs.
fn check(dialect: Dialect) {
    let inner = LocalServer::builder().start().unwrap();
    let mut endpoint = Endpoint::new(inner.base_url());
    endpoint.dialect = Some(dialect);
    let upstream = Upstream::new("inner", endpoint).unwrap();
    let catalog = Catalog::new(vec![upstream], std::iter::empty().collect());
    let server = LocalServer::builder().model(catalog).start().unwrap();
    let client = Client::builder().base_url(server.base_url()).build().unwrap();

    let question = CreateResponse::new("inner/scripted", [ResponseItem::user("repeat 2")]);
    let response = client.responses().stream(question).send().unwrap().finish().unwrap();
    assert_eq!(response.text(), "word1 word2", "{dialect}");

    let functions = ["f", "g"].map(|name| FunctionTool::new(FunctionDefinition::new(name)));
    let assistant = CreateAssistant::new("inner/scripted").tools(functions);
    let assistant = client.assistants().create(assistant).send().unwrap();
    let thread = client.threads().create(CreateThread::default()).send().unwrap();
    let message = CreateMessage::user("repeat 3\ncall f {\"a\": 1}\ncall g");
    client.messages(&thread).create(message).send().unwrap();
    let mut stream = client.runs(&thread).stream(CreateRun::new(&assistant)).send().unwrap();
    let text: String = stream.text_deltas().map(Result::unwrap).collect();
    assert_eq!(text, "word1 word2 word3", "{dialect}");
    let waiting = stream.finish().unwrap();
    assert_eq!(waiting.run.status, RunStatus::RequiresAction, "{dialect}");
    let calls = waiting.run.tool_calls();
    let called: Vec<_> = calls
        .iter()
        .map(|call| (&*call.function.name, &*call.function.arguments))
        .collect();
    assert_eq!(called, [("f", "{\"a\": 1}"), ("g", "{}")], "{dialect}");

    let outputs = calls.iter().zip(["1", "2"]);
    let outputs: Vec<ToolOutput> = outputs
        .map(|(call, output)| ToolOutput::default().tool_call_id(&call.id).output(output))
        .collect();
    let stream = client
        .runs(&thread)
        .submit_tool_outputs_stream(&waiting.run.id, outputs);
    let finished = stream.send().unwrap().finish().unwrap().completed().unwrap();
    assert!(
        finished.text().ends_with("f returned 1\ng returned 2"),
        "{dialect}: {}",
        finished.text()
    );
    assert!(
        finished.usage().is_some_and(|usage| usage.total_tokens > 0),
        "{dialect}"
    );
}

#[test]
fn a_streamed_run_with_calls_completes_over_chat_completions() {
    check(Dialect::Chat);
}

#[test]
fn a_streamed_run_with_calls_completes_over_responses() {
    check(Dialect::Responses);
}
