//! A server that responds from memory, so that only the client is measured.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Number of text deltas in the long stream.
pub const DELTAS: usize = 200_000;
/// Number of assistants in the list, and per page.
pub const ASSISTANTS: usize = 10_000;
pub const PAGE: usize = 100;

/// Starts the server and returns its base URL.
pub fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!(
        "http://{}",
        listener.local_addr().expect("a bound socket has an address")
    );
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("accept a connection");
            thread::spawn(move || serve(stream));
        }
    });
    url
}

/// Serves one connection until the client closes it.
fn serve(stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut writer = stream;
    loop {
        let mut first = String::new();
        reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        reader.by_ref().take(length).read_to_end(&mut Vec::new()).ok()?;
        let path = first.split(' ').nth(1)?;
        match path {
            _ if path.starts_with("/threads/long/") => stream_events(&mut writer, DELTAS, false).ok()?,
            _ if path.starts_with("/threads/numbered/") => stream_events(&mut writer, DELTAS, true).ok()?,
            _ if path.starts_with("/threads/short/") => stream_events(&mut writer, 1, false).ok()?,
            _ if path.starts_with("/assistants/") => write_json(&mut writer, &assistant(7)).ok()?,
            _ => {
                let after = path.split(['?', '&']).find_map(|part| part.strip_prefix("after=asst_"));
                let body = page(after.and_then(|id| id.parse().ok()).map_or(0, |id: usize| id + 1));
                write_json(&mut writer, &body).ok()?;
            }
        }
    }
}

/// Text deltas of one message. With `numbered`, each starts with a different number, unlike in any published protocol.
fn stream_events(out: &mut impl Write, deltas: usize, numbered: bool) -> std::io::Result<()> {
    out.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    const BATCH: usize = 200;
    const WORDS: &[&str] = &[
        " word", " and", " another", " that", " is", " longer", ",", " in", " turn", ".",
    ];
    let delta = |number: usize| {
        let word = WORDS[number % WORDS.len()];
        let number = if numbered {
            format!("\"number\":{number},")
        } else {
            String::new()
        };
        format!(
            "event: thread.message.delta\ndata: {{{number}\"id\":\"msg_abc123abc123abc123abc123\",\"object\":\"thread.message.delta\",\
             \"delta\":{{\"content\":[{{\"index\":0,\"type\":\"text\",\"text\":{{\"value\":\"{word}\",\"annotations\":[]}}}}]}}}}\n\n"
        )
    };
    let batch: Vec<String> = (0..BATCH.min(deltas)).map(delta).collect();
    let mut left = deltas;
    while left > 0 {
        let events = left.min(BATCH);
        let bytes = batch[..events].concat();
        write!(out, "{:x}\r\n{bytes}\r\n", bytes.len())?;
        left -= events;
    }
    let end = "event: done\ndata: [DONE]\n\n";
    write!(out, "{:x}\r\n{end}\r\n0\r\n\r\n", end.len())
}

fn write_json(out: &mut impl Write, body: &str) -> std::io::Result<()> {
    let length = body.len();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}");
    out.write_all(answer.as_bytes())
}

fn page(first: usize) -> String {
    let last = (first + PAGE).min(ASSISTANTS);
    let items: Vec<String> = (first..last).map(assistant).collect();
    format!(
        "{{\"object\":\"list\",\"data\":[{}],\"first_id\":\"asst_{first}\",\"last_id\":\"asst_{}\",\"has_more\":{}}}",
        items.join(","),
        last.saturating_sub(1),
        last < ASSISTANTS
    )
}

fn assistant(id: usize) -> String {
    format!(
        "{{\"id\":\"asst_{id}\",\"object\":\"assistant\",\"created_at\":1699009709,\"name\":\"Assistant {id}\",\
         \"description\":null,\"model\":\"gpt-4o\",\"instructions\":\"You are a helpful assistant that answers \
         questions about number {id}.\",\"tools\":[{{\"type\":\"code_interpreter\"}}],\"tool_resources\":{{}},\
         \"metadata\":{{\"key\":\"value\"}},\"top_p\":1.0,\"temperature\":1.0,\"response_format\":\"auto\"}}"
    )
}
