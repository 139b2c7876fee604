//! A script talks to an assistant, offline: streams a run, answers its function call, shows the steps, cleans up.
//!
//! ```sh
//! cargo run --example quickstart
//! cargo run --example quickstart -- 'call count_lines {"path":"README.md"}'
//! ```
//!
//! With `OPENAI_BASE_URL` set it goes there instead of to a server in this process; `OPENAI_MODEL` then names the model.

use std::error::Error;
use std::io::{Write as _, stdout};
use std::process::ExitCode;

use assistants_blocking::Tools;
use assistants_blocking::openai::{
    Client, CreateAssistant, CreateMessage, CreateRun, CreateThread, MessageDelta, StreamEvent,
};
use assistants_local::LocalServer;
use serde::Deserialize;
use serde_json::json;

/// The arguments of the function.
#[derive(Deserialize)]
struct CountLines {
    path: String,
}

fn count_lines(args: CountLines) -> Result<String, std::io::Error> {
    let lines = std::fs::read_to_string(&args.path)?.lines().count();
    Ok(format!("{} has {lines} lines", args.path))
}

fn main() -> ExitCode {
    let Err(error) = run() else { return ExitCode::SUCCESS };
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("because: {error}");
        cause = error.source();
    }
    ExitCode::FAILURE
}

fn run() -> Result<(), Box<dyn Error>> {
    let remote = std::env::var("OPENAI_BASE_URL").is_ok_and(|url| !url.trim().is_empty());
    let server = if remote {
        None
    } else {
        Some(LocalServer::builder().start()?)
    };
    let client = match &server {
        Some(server) => Client::builder().base_url(server.base_url()).build()?,
        None => Client::from_env()?,
    };
    let model = if remote {
        std::env::var("OPENAI_MODEL").unwrap_or("gpt-4o".into())
    } else {
        "scripted".into()
    };
    let place = if remote {
        "the server of OPENAI_BASE_URL"
    } else {
        "a server in this process"
    };
    println!("Talking to {} ({place}), model `{model}`.", client.base_url());

    let words: Vec<String> = std::env::args().skip(1).collect();
    let default = r#"call count_lines {"path":"Cargo.toml"}"#.to_owned();
    let prompt = if words.is_empty() { default } else { words.join(" ") };

    let tools = Tools::new().function(
        "count_lines",
        json!({
            "description": "Counts the lines of a file on this computer.",
            "type": "object",
            "properties": {"path": {"type": "string", "description": "Where the file is."}},
            "required": ["path"],
        }),
        count_lines,
    );
    let assistant = client
        .assistants()
        .create(
            CreateAssistant::new(model)
                .name("Quickstart")
                .instructions("Be brief.")
                .tools(tools.definitions()),
        )
        .send()?;
    let thread = client.threads().create(CreateThread::default()).send()?;
    client.messages(&thread).create(CreateMessage::user(&prompt)).send()?;

    println!("\nuser:      {prompt}");
    print!("assistant: ");
    let mut print_text = |event: &StreamEvent| {
        if let StreamEvent::MessageDelta(delta) = event {
            show(delta);
        }
    };
    let run = client.runs(&thread).run_with_tools(CreateRun::new(&assistant), &tools);
    let finished = run.stream(&mut print_text)?.completed()?;

    println!("\n\nFinal answer: {}", finished.text());
    if let Some(usage) = &finished.run.usage {
        println!("Tokens: {} in, {} out.", usage.prompt_tokens, usage.completion_tokens);
    }
    println!("\n{:<32} {:<18} {:<11} calls", "step", "type", "status");
    for step in &finished.steps {
        let calls = step.tool_calls().len();
        println!(
            "{:<32} {:<18} {:<11} {calls}",
            step.id,
            step.type_.as_str(),
            step.status.as_str()
        );
    }

    println!("\nCreated:");
    for assistant in client.assistants().list().into_iter().take(3) {
        let assistant = assistant?;
        println!(
            "  {}  {}",
            assistant.id,
            assistant.name.as_deref().unwrap_or("(no name)")
        );
    }
    println!("  {}", thread.id);
    for message in client.messages(&thread).list().order("asc") {
        let message = message?;
        println!("    {}  {}: {}", message.id, message.role, message.text());
    }
    for run in client.runs(&thread).list() {
        let run = run?;
        println!("    {}  {}", run.id, run.status);
    }
    let thread = client.threads().delete(&thread).send()?;
    let assistant = client.assistants().delete(&assistant).send()?;
    println!(
        "Deleted {} ({}) and {} ({}).",
        thread.id, thread.deleted, assistant.id, assistant.deleted
    );
    Ok(())
}

/// Prints a piece of the answer at once, not at the end of the line.
fn show(delta: &MessageDelta) {
    print!("{}", delta.text());
    if let Err(error) = stdout().flush() {
        eprintln!("the terminal takes no more: {error}");
    }
}
