//! Chat completions of Yandex AI Studio, offline: lists models, asks one, streams, parses JSON into a Rust struct.
//!
//! ```sh
//! cargo run --example yandex_chat
//! ```

use std::env;
use std::error::Error;

use assistants_blocking::openai::ResponseFormat;
use assistants_blocking::yandex::Client;
use assistants_blocking::yandex::chat::ChatMessages;
use assistants_local::LocalServer;
use schemars::JsonSchema;
use serde::Deserialize;

/// A review of a product.
#[derive(Debug, Deserialize, JsonSchema)]
struct Review {
    product: String,
    stars: u8,
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = LocalServer::builder().start()?;
    // With the hosted service, YC_FOLDER_ID and YC_API_KEY are set; with another server, YC_API_ENDPOINT too.
    let client = match env::var_os("YC_FOLDER_ID") {
        Some(_) => Client::from_env()?,
        None => Client::builder()
            .base_url(server.yandex_url())
            .folder_id("my-folder")
            .build()?,
    };

    for model in client.chat().list().send()? {
        println!("{} by {}", model.uri(), model.owner().unwrap_or("unknown"));
    }

    // The scripted model repeats the question; a language model would answer it.
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
