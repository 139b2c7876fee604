//! A chat without an assistant, offline: streams the answers, calls a function for the model, counts the tokens.

use std::env;
use std::error::Error;
use std::io::{Write as _, stdout};

use assistants_blocking::Tools;
use assistants_blocking::chat::{ChatMessage, CreateChatCompletion};
use assistants_blocking::openai::Client;
use assistants_local::LocalServer;
use schemars::JsonSchema;
use serde::Deserialize;

/// Adds two numbers.
#[derive(Deserialize, JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = LocalServer::builder().start()?;
    let client = match env::var_os("OPENAI_BASE_URL") {
        Some(_) => Client::from_env()?,
        None => Client::builder().base_url(server.base_url()).build()?,
    };
    let model = env::var("OPENAI_MODEL").unwrap_or(server.model_name().to_owned());
    let tools = Tools::new().typed("add", |add: Add| {
        println!("add({}, {})", add.a, add.b);
        add.a.checked_add(add.b).ok_or("the sum is too large")
    });

    // The scripted model follows commands; a language model would be asked for the sum in words.
    let question = ChatMessage::user(r#"call add {"a": 2, "b": 40}"#);
    let mut request = CreateChatCompletion::new(model, [ChatMessage::system("Be brief."), question]);
    let finished = client.chat().run_with_tools(request.clone(), &tools).send()?;
    println!("{}", finished.text());
    for answer in finished.calling.iter().chain([&finished.completion]) {
        if let Some(usage) = &answer.usage {
            let (read, written) = (usage.prompt_tokens, usage.completion_tokens);
            println!("[{read} tokens read, {written} written]");
        }
    }

    // The server does not store chats: the next request contains the conversation so far.
    request.messages = finished.messages;
    request.messages.push(ChatMessage::user("Thank you very much."));
    let mut stream = client.chat().stream(request).send()?;
    for text in stream.text_deltas() {
        print!("{}", text?);
        stdout().flush()?;
    }
    println!();
    Ok(())
}
