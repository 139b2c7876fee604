//! Functions for the model in plain Rust: arguments as structs, schemas derived from their types, errors reported to the
//! model.

use std::env;

use assistants_blocking::Tools;
use assistants_blocking::openai::{Client, CreateAssistant, CreateMessage, CreateRun, CreateThread};
use assistants_local::LocalServer;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Divides one number by another.
#[derive(Deserialize, JsonSchema)]
struct Divide {
    /// The dividend.
    dividend: f64,
    /// The divisor; not zero.
    divisor: f64,
}

#[derive(Serialize)]
struct Quotient {
    quotient: f64,
}

fn divide(args: Divide) -> Result<Quotient, &'static str> {
    if args.divisor == 0.0 {
        return Err("nothing can be divided by zero");
    }
    Ok(Quotient {
        quotient: args.dividend / args.divisor,
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tools = Tools::new().typed("divide", divide).parallel(4);
    println!(
        "The model is told of:\n{}\n",
        serde_json::to_string_pretty(&tools.definitions())?
    );

    let server = LocalServer::builder().start()?;
    let client = match env::var_os("OPENAI_BASE_URL") {
        Some(_) => Client::from_env()?,
        None => Client::builder().base_url(server.base_url()).build()?,
    };
    let model = env::var("OPENAI_MODEL").unwrap_or(server.model_name().to_owned());
    let params = CreateAssistant::new(model).tools(tools.definitions());
    let assistant = client.assistants().create(params).send()?;
    let thread = client.threads().create(CreateThread::default()).send()?;
    let prompt = "call divide {\"dividend\": 7, \"divisor\": 2}\ncall divide {\"dividend\": 1, \"divisor\": 0}";
    client.messages(&thread).create(CreateMessage::user(prompt)).send()?;

    let finished = client
        .runs(&thread)
        .run_with_tools(CreateRun::new(&assistant), &tools)
        .send()?
        .completed()?;
    println!("{}", finished.text());
    Ok(())
}
