//! An assistant of Yandex AI Studio, offline: streams a run, answers its function call, updates it, cleans up.

use std::env;
use std::error::Error;
use std::io::{Write as _, stdout};

use assistants_blocking::Tools;
use assistants_blocking::yandex::{Client, CreateAssistant, CreateThread, UpdateAssistant};
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
    // YC_FOLDER_ID and YC_API_ENDPOINT name another server.
    let client = match env::var_os("YC_FOLDER_ID") {
        Some(_) => Client::from_env()?,
        None => Client::builder()
            .base_url(server.yandex_url())
            .folder_id("local")
            .build()?,
    };
    let tools = Tools::new().typed("add", |add: Add| add.a.checked_add(add.b).ok_or("the sum is too large"));

    let params = CreateAssistant::new(client.folder_id(), "yandexgpt").tools(tools.yandex_definitions());
    let assistant = client.assistants().create(params).send()?;
    let thread = client.threads().create(CreateThread::new(client.folder_id())).send()?;
    client.messages(&thread).create(r#"call add {"a":3,"b":4}"#).send()?;

    let call = client.assistants().run_stream(&assistant, &thread);
    let mut stream = call.custom_temperature(0.2).send()?;
    while let Some(event) = stream.next().transpose()? {
        if !event.tool_calls().is_empty() {
            let results = tools.answer_yandex(event.tool_calls())?;
            println!("The model calls a function, whose result is {:?}.", results[0].text());
            stream.submit_tool_results(results)?;
            break;
        }
    }
    for delta in stream.text_deltas() {
        print!("{}", delta?);
        stdout().flush()?;
    }
    let result = client.runs().wait(stream.run_id()).send()?.succeeded()?;
    println!("\nTokens: {}", result.usage().map_or(0, |usage| usage.total_tokens));

    let change = UpdateAssistant::new(&assistant).instruction("Be brief.");
    client.assistants().update(change).send()?;
    for version in client.assistants().list_versions(&assistant) {
        let version = version?;
        println!("Version {} changed `{}`.", version.id, version.update_mask);
    }
    client.threads().delete(&thread).send()?;
    client.assistants().delete(&assistant).send()?;
    Ok(())
}
