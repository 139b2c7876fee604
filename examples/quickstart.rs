//! A conversation with an assistant, offline: streams a run, answers its function call, shows the steps, cleans up.
//! `cargo run --example quickstart -- 'call count_lines {"path":"README.md"}'` sends another message.
//!
//! If `OPENAI_BASE_URL` is set, the program uses that server instead of one in its own process; `OPENAI_MODEL` then names
//! the model.

use std::{env, error::Error, fs, io, io::Write};

use assistants_blocking::Tools;
use assistants_blocking::openai::{Client, CreateAssistant, CreateMessage, CreateRun, CreateThread, StreamEvent};
use assistants_local::LocalServer;
use schemars::JsonSchema;
use serde::Deserialize;

/// Counts the lines of a local file.
#[derive(Deserialize, JsonSchema)]
struct CountLines {
    /// The path of the file.
    path: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = LocalServer::builder().start()?;
    let client = match env::var_os("OPENAI_BASE_URL") {
        Some(url) if !url.is_empty() => Client::from_env()?,
        _ => Client::builder().base_url(server.base_url()).build()?,
    };
    let model = env::var("OPENAI_MODEL").unwrap_or(server.model_name().to_owned());
    println!("Talking to {}, model `{model}`.", client.base_url());

    let tools = Tools::new().typed("count_lines", |args: CountLines| -> io::Result<String> {
        let lines = fs::read_to_string(&args.path)?.lines().count();
        Ok(format!("{} has {lines} lines", args.path))
    });
    let params = CreateAssistant::new(model).tools(tools.definitions());
    let assistant = client.assistants().create(params).send()?;
    let thread = client.threads().create(CreateThread::default()).send()?;
    let words = env::args().skip(1).reduce(|words, word| words + " " + &word);
    let prompt = words.unwrap_or(r#"call count_lines {"path":"Cargo.toml"}"#.to_owned());
    client.messages(&thread).create(CreateMessage::user(prompt)).send()?;

    let mut shown = Ok(());
    let mut show = |event: &StreamEvent| {
        if let StreamEvent::MessageDelta(delta) = event {
            print!("{}", delta.text());
            shown = io::stdout().flush();
        }
    };
    let run = client.runs(&thread).run_with_tools(CreateRun::new(&assistant), &tools);
    let finished = run.stream(&mut show)?.completed()?;
    shown?;
    println!("\nThe whole answer: {}\n", finished.text());
    for step in &finished.steps {
        println!("{}  {:<16}  {}", step.id, step.type_, step.status);
    }
    println!("Tokens: {}\n", finished.usage().map_or(0, |usage| usage.total_tokens));

    println!("Created {} and {}:", assistant.id, thread.id);
    for message in client.messages(&thread).list().order("asc") {
        let message = message?;
        println!("{}  {:<16}  {}", message.id, message.role, message.text());
    }
    let thread = client.threads().delete(&thread).send()?;
    let assistant = client.assistants().delete(&assistant).send()?;
    println!("Deleted: {}, {}", assistant.deleted, thread.deleted);
    Ok(())
}
