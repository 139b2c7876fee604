//! An answer as a Rust struct: the run requests JSON with the struct's schema, and the message is parsed into it.
//!
//! The local server's scripted model repeats the prompt, so here the prompt is the answer; a language model would be
//! asked in words.

use std::env;

use assistants_blocking::openai::{Client, CreateAssistant, CreateMessage, CreateRun, CreateThread, ResponseFormat};
use assistants_local::LocalServer;
use schemars::JsonSchema;
use serde::Deserialize;

/// A plan for a journey.
#[derive(Debug, Deserialize, JsonSchema)]
struct Plan {
    /// The destination.
    city: String,
    /// The length of the journey.
    days: u32,
    /// The sights, best first.
    sights: Vec<String>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = LocalServer::builder().start()?;
    let client = match env::var_os("OPENAI_BASE_URL") {
        Some(_) => Client::from_env()?,
        None => Client::builder().base_url(server.base_url()).build()?,
    };
    let model = env::var("OPENAI_MODEL").unwrap_or(server.model_name().to_owned());
    let format = ResponseFormat::of::<Plan>();
    println!("The model is asked for:\n{}\n", serde_json::to_string_pretty(&format)?);

    let assistant = client
        .assistants()
        .create(CreateAssistant::new(model).response_format(format))
        .send()?;
    let thread = client.threads().create(CreateThread::default()).send()?;
    let prompt = r#"{"city":"Lisbon","days":3,"sights":["Alfama","Belém"]}"#;
    client.messages(&thread).create(CreateMessage::user(prompt)).send()?;
    let finished = client
        .runs(&thread)
        .stream(CreateRun::new(&assistant))
        .send()?
        .finish()?
        .completed()?;

    let message = finished.messages.last().ok_or("the run wrote no message")?;
    let plan: Plan = message.parse()?;
    println!("{} days in {}: {}", plan.days, plan.city, plan.sights.join(", "));
    Ok(())
}
