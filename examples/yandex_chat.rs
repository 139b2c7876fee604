//! Chat completions as Yandex AI Studio has them, offline: lists models, asks one, streams, gets JSON as a Rust struct.
//!
//! ```sh
//! cargo run --example yandex_chat
//! ```

use std::error::Error;

use assistants_blocking::openai::ResponseFormat;
use assistants_blocking::yandex::Client;
use assistants_blocking::yandex::chat::ChatMessages;
use assistants_local::LocalServer;
use schemars::JsonSchema;
use serde::Deserialize;

/// A product and what is thought of it.
#[derive(Debug, Deserialize, JsonSchema)]
struct Review {
    product: String,
    stars: u8,
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = LocalServer::builder().start()?;
    // In the cloud: Client::from_env()?, with YC_FOLDER_ID and YC_API_KEY.
    let url = format!("http://{}", server.address());
    let client = Client::builder().folder_id("my-folder").base_url(url).build()?;

    for model in client.chat().list().send()? {
        println!("{} by {}", model.uri(), model.owner().unwrap_or("somebody"));
    }

    // The scripted model repeats what it is told; a real one would answer.
    let model = client.chat().model("scripted").temperature(0.3).max_tokens(50);
    let mut conversation = ChatMessages::from([("system", "Be brief."), ("user", "Nice to meet you.")]);
    let answer = model.run(conversation.clone()).send()?;
    let tokens = answer.usage.as_ref().map_or(0, |usage| usage.total_tokens);
    println!("{:?}, {:?}, {tokens} tokens", answer.text(), answer.status());

    conversation = conversation.and(&answer).and("repeat 3");
    let mut stream = model.run_stream(conversation).send()?;
    while let Some(partial) = stream.next_partial()? {
        println!("{:>10} | {} ({:?})", partial.delta(), partial.text(), partial.status());
    }

    let strict = model.temperature(0.0).response_format(ResponseFormat::of::<Review>());
    let answer = strict.run(r#"{"product": "kettle", "stars": 4}"#).send()?;
    let review: Review = answer.parse()?;
    println!("{} stars for the {}", review.stars, review.product);
    Ok(())
}
