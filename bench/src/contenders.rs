//! The contenders, except the peers, which are separate programs. Each returns a count of what it read, which must be
//! the same for all.

use std::io::Read;

use assistants_blocking::openai::{Assistant, Client, CreateRun, Page, StreamEvent};
use serde::Deserialize;

/// Runs a contender.
pub fn run(contender: &str, url: &str) -> usize {
    match contender {
        "floor" => floor(url, "long"),
        "first-floor" => floor(url, "short"),
        "events" => events(url, "long"),
        "first" => events(url, "short"),
        "next_text" => next_text(url, "long"),
        "numbered-floor" => floor(url, "numbered"),
        "numbered-events" => events(url, "numbered"),
        "numbered-next_text" => next_text(url, "numbered"),
        "list-floor" => list_floor(url),
        "list" => list(url),
        "get-floor" => get_floor(url),
        "get" => get(url),
        other => panic!("no contender `{other}`"),
    }
}

fn client(url: &str) -> Client {
    Client::builder().base_url(url).api_key("k").build().expect("a client")
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    delta: Body<'a>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    content: Vec<Part<'a>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Text<'a>,
}

#[derive(Deserialize)]
struct Text<'a> {
    value: &'a str,
}

/// The least that a program over ureq has to do: one reused buffer, lines by memchr, only the text parsed, borrowed.
fn floor(url: &str, thread: &str) -> usize {
    let answer = ureq::post(format!("{url}/threads/{thread}/runs"))
        .header("Content-Type", "application/json")
        .send(r#"{"assistant_id":"a","stream":true}"#)
        .expect("an answer");
    let mut body = answer.into_body().into_reader();
    let mut buffer = vec![0; 64 * 1024];
    let (mut start, mut end, mut count) = (0, 0, 0);
    loop {
        while let Some(length) = memchr::memchr(b'\n', &buffer[start..end]) {
            let line = &buffer[start..start + length];
            start += length + 1;
            if let Some(data) = line.strip_prefix(b"data: ") {
                if data == b"[DONE]" {
                    return count;
                }
                let delta: Delta<'_> = serde_json::from_slice(data).expect("a delta");
                count += delta
                    .delta
                    .content
                    .iter()
                    .map(|part| part.text.value.len())
                    .sum::<usize>();
            }
        }
        buffer.copy_within(start..end, 0);
        end -= start;
        start = 0;
        let read = body.read(&mut buffer[end..]).expect("more of the stream");
        assert!(read > 0, "the stream has no end");
        end += read;
    }
}

fn events(url: &str, thread: &str) -> usize {
    let stream = client(url)
        .runs(thread)
        .stream(CreateRun::new("a"))
        .send()
        .expect("a stream");
    let mut count = 0;
    for event in stream {
        if let StreamEvent::MessageDelta(delta) = event.expect("an event") {
            count += delta.text().len();
        }
    }
    count
}

fn next_text(url: &str, thread: &str) -> usize {
    let mut stream = client(url)
        .runs(thread)
        .stream(CreateRun::new("a"))
        .send()
        .expect("a stream");
    let mut count = 0;
    while let Some(text) = stream.next_text() {
        count += text.expect("text").len();
    }
    count
}

/// Plain ureq and serde_json into the same structs.
fn list_floor(url: &str) -> usize {
    let agent = ureq::agent();
    let (mut after, mut count) = (String::new(), 0);
    loop {
        let mut call = agent.get(format!("{url}/assistants")).query("limit", "100");
        if !after.is_empty() {
            call = call.query("after", &after);
        }
        let body = call
            .call()
            .expect("an answer")
            .into_body()
            .read_to_vec()
            .expect("a page");
        let page: Page<Assistant> = serde_json::from_slice(&body).expect("a page");
        count += page.data.iter().map(|assistant| assistant.id.len()).sum::<usize>();
        match page.last_id {
            Some(last) if page.has_more => after = last,
            _ => return count,
        }
    }
}

fn list(url: &str) -> usize {
    client(url)
        .assistants()
        .list()
        .limit(100)
        .into_iter()
        .map(|one| one.expect("an assistant").id.len())
        .sum()
}

/// Number of small GETs, all on one connection.
const GETS: usize = 5_000;

/// Plain ureq and serde_json into the same struct.
fn get_floor(url: &str) -> usize {
    let agent = ureq::agent();
    let once = || {
        let answer = agent
            .get(format!("{url}/assistants/asst_7"))
            .header("Authorization", "Bearer k")
            .call();
        let body = answer
            .expect("an answer")
            .into_body()
            .read_to_vec()
            .expect("an assistant");
        serde_json::from_slice::<Assistant>(&body)
            .expect("an assistant")
            .id
            .len()
    };
    (0..GETS).map(|_| once()).sum()
}

fn get(url: &str) -> usize {
    let client = client(url);
    let once = || {
        client
            .assistants()
            .retrieve("asst_7")
            .send()
            .expect("an assistant")
            .id
            .len()
    };
    (0..GETS).map(|_| once()).sum()
}
