//! The workloads with `async-openai`, on a single-threaded runtime. A separate program, so that it does not enlarge the
//! others.
#![allow(deprecated, reason = "the peer marks its Assistants part as such")]

use async_openai::config::OpenAIConfig;
use async_openai::traits::RequestOptionsBuilder as _;
use async_openai::types::assistants::{AssistantStreamEvent, CreateRunRequest, MessageDeltaContent};
use futures::StreamExt as _;

fn main() {
    bench::contend(|work, url| match work {
        "stream" => block_on(async_events(url)),
        "list" => block_on(async_list(url)),
        other => panic!("no work `{other}`"),
    });
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

fn async_client(url: &str) -> async_openai::Client<OpenAIConfig> {
    async_openai::Client::with_config(OpenAIConfig::new().with_api_base(url).with_api_key("k"))
}

async fn async_events(url: &str) -> usize {
    let client = async_client(url);
    let request = CreateRunRequest {
        assistant_id: "a".into(),
        ..Default::default()
    };
    let mut stream = client
        .threads()
        .runs("long")
        .create_stream(request)
        .await
        .expect("a stream");
    let mut count = 0;
    while let Some(event) = stream.next().await {
        if let AssistantStreamEvent::ThreadMessageDelta(delta) = event.expect("an event") {
            for content in delta.delta.content.into_iter().flatten() {
                if let MessageDeltaContent::Text(text) = content {
                    count += text.text.and_then(|text| text.value).map_or(0, |value| value.len());
                }
            }
        }
    }
    count
}

async fn async_list(url: &str) -> usize {
    let client = async_client(url);
    let (mut after, mut count) = (String::new(), 0);
    loop {
        let mut query = vec![("limit", "100".to_owned())];
        if !after.is_empty() {
            query.push(("after", after.clone()));
        }
        let page = client
            .assistants()
            .query(&query)
            .expect("a query")
            .list()
            .await
            .expect("a page");
        count += page.data.iter().map(|assistant| assistant.id.len()).sum::<usize>();
        match page.last_id {
            Some(last) if page.has_more => after = last,
            _ => return count,
        }
    }
}
