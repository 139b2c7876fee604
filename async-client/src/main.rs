//! An asynchronous client over `reqwest`. The types crate provides the operations and their paths, parses and assembles
//! the events of a stream, and reads errors; only sending and receiving is left.
//!
//! The program streams a run from a local server and checks the result: `cargo run` in this folder.

use std::error::Error;

use assistants_local::LocalServer;
use assistants_types::openai::operations::{CREATE_ASSISTANT, CREATE_MESSAGE, CREATE_RUN, CREATE_THREAD, RETRIEVE_RUN};
use assistants_types::openai::{
    AccumulatedRun, Assistant, CreateAssistant, CreateMessage, CreateRun, CreateThread, Message, RunAccumulator,
    RunStatus, StreamEvent, Thread,
};
use assistants_types::{ErrorBody, Operation};
use reqwest::{Method, Response};
use serde::{Serialize, de::DeserializeOwned};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

struct Client {
    http: reqwest::Client,
    base_url: String,
}

impl Client {
    /// Sends a request and waits for the response headers; an error status is returned as an error.
    async fn send(&self, operation: &Operation, ids: &[&str], body: &impl Serialize) -> Result<Response> {
        let url = self.base_url.clone() + &operation.fill(ids)?;
        let request = self.http.request(Method::from_bytes(operation.method.as_bytes())?, url);
        let request = request
            .header("content-type", "application/json")
            .header("openai-beta", "assistants=v2");
        let response = request.body(serde_json::to_vec(body)?).send().await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let error = ErrorBody::parse(&response.bytes().await?).unwrap_or_default();
        Err(format!("{}: {status}: {}", operation.id, error.message.unwrap_or_default()).into())
    }

    /// Sends a request and reads the whole response.
    async fn call<T: DeserializeOwned>(&self, operation: &Operation, ids: &[&str], body: &impl Serialize) -> Result<T> {
        Ok(serde_json::from_slice(
            &self.send(operation, ids, body).await?.bytes().await?,
        )?)
    }

    /// Runs an assistant on a thread and calls `show` for each event of the stream.
    async fn stream(&self, thread: &str, run: CreateRun, mut show: impl FnMut(&StreamEvent)) -> Result<AccumulatedRun> {
        let mut response = self.send(&CREATE_RUN, &[thread], &run.stream(true)).await?;
        let (mut buffer, mut run) = (Vec::new(), RunAccumulator::default());
        while let Some(bytes) = response.chunk().await? {
            buffer.extend_from_slice(&bytes);
            // An event ends with an empty line; a real client would use a parser for server-sent events.
            while let Some(end) = buffer.windows(2).position(|pair| pair == b"\n\n") {
                let text = String::from_utf8(buffer.drain(..end + 2).collect())?;
                let field = |name| {
                    text.lines()
                        .find_map(|line| line.strip_prefix(name))
                        .unwrap_or_default()
                        .trim_start()
                };
                let event = StreamEvent::parse(field("event:"), field("data:"))?;
                show(&event);
                match event {
                    StreamEvent::Done => return Ok(run.finish()),
                    StreamEvent::Error(error) => return Err(error.message.into()),
                    event => run.apply(&event),
                }
            }
        }
        Err("the stream ended before its last event".into())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn talk(base_url: String, model: &str) -> Result<()> {
    let client = Client {
        http: reqwest::Client::new(),
        base_url,
    };
    let assistant: Assistant = client
        .call(&CREATE_ASSISTANT, &[], &CreateAssistant::new(model))
        .await?;
    let thread: Thread = client.call(&CREATE_THREAD, &[], &CreateThread::default()).await?;
    let question = CreateMessage::user("repeat 5");
    let _: Message = client.call(&CREATE_MESSAGE, &[&thread.id], &question).await?;

    let mut shown = String::new();
    let show = |event: &StreamEvent| {
        if let Some(delta) = event.message_delta() {
            print!("{}", delta.text());
            shown += &delta.text();
        }
    };
    let finished = client.stream(&thread.id, CreateRun::new(&assistant), show).await?;
    println!();
    let run = finished.run.ok_or("no run")?;
    assert_eq!((run.status, finished.steps.len()), (RunStatus::Completed, 1));
    assert_eq!(
        (shown.as_str(), finished.messages[0].text()),
        ("word1 word2 word3 word4 word5", shown.clone())
    );

    let missing = client
        .send(&RETRIEVE_RUN, &[&thread.id, "run_a/b"], &())
        .await
        .err()
        .ok_or("a run that is missing")?;
    println!("{missing}");
    assert!(
        missing
            .to_string()
            .contains("404 Not Found: No run found with id 'run_a/b'"),
        "{missing}"
    );
    Ok(())
}

fn main() -> Result<()> {
    let server = LocalServer::builder().start()?;
    talk(server.base_url(), server.model_name())
}
