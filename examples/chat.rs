//! A conversation without an assistant, offline: streams an answer, runs a tool call by hand, shows the tokens taken.

use std::error::Error;
use std::io::{Write as _, stdout};

use assistants_blocking::chat::{ChatMessage, ChatStreamOptions, ChatTool, CreateChatCompletion};
use assistants_blocking::openai::Client;
use assistants_local::LocalServer;
use serde::Deserialize;
use serde_json::json;

/// The arguments of the function.
#[derive(Deserialize)]
struct Add {
    a: i64,
    b: i64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = LocalServer::builder().start()?;
    let client = Client::builder().base_url(server.base_url()).build()?;

    let schema = json!({
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    });
    // The scripted model does what it is told; a real one would be asked for the sum in words.
    let question = ChatMessage::user(r#"call add {"a": 2, "b": 40}"#);
    let mut request = CreateChatCompletion::new("scripted", [ChatMessage::system("Be brief."), question])
        .tool(ChatTool::function("add", schema))
        .stream_options(ChatStreamOptions::default().include_usage(true));

    loop {
        let mut stream = client.chat().stream(request.clone()).send()?;
        for text in stream.text_deltas() {
            print!("{}", text?);
            stdout().flush()?;
        }
        let answer = stream.finish()?;
        if let Some(usage) = &answer.usage {
            let (read, written) = (usage.prompt_tokens, usage.completion_tokens);
            println!("[{read} tokens read, {written} written]");
        }
        if answer.tool_calls().is_empty() {
            return Ok(());
        }
        // The server keeps nothing: the answer and the outputs go back with the next request.
        request.messages.push(answer.to_message());
        for call in answer.function_calls() {
            let Add { a, b } = serde_json::from_str(&call.function.arguments)?;
            println!("{}({a}, {b}) = {}", call.function.name, a + b);
            request.messages.push(ChatMessage::tool(&call.id, (a + b).to_string()));
        }
    }
}
