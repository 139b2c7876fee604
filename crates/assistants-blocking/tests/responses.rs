//! Responses: recorded streams cut and split at every byte, servers that misbehave, and the local server.

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;

use assistants_blocking::Error;
use assistants_blocking::openai::Client;
use assistants_blocking::responses::{
    CreateResponse, Response, ResponseEvent, ResponseEventReader, ResponseFunction, ResponseItem, ResponseStatus,
    ResponseStream,
};
use assistants_local::LocalServer;
use serde_json::json;
use test_peer::{Peer, Scheme};

fn recording(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/responses");
    fs::read_to_string(folder.join(name).with_extension("sse")).unwrap()
}

const RECORDINGS: [&str; 2] = ["reasoning-and-call", "text"];

/// A reader that returns bytes in two pieces.
struct Split<'a>(&'a [u8], &'a [u8]);

impl Read for Split<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let piece = if self.0.is_empty() { &mut self.1 } else { &mut self.0 };
        piece.read(into)
    }
}

fn read(bytes: &[u8], at: usize) -> (Vec<ResponseEvent>, Option<Error>) {
    let mut events = Vec::new();
    for event in ResponseEventReader::new(Split(&bytes[..at], &bytes[at..])) {
        match event {
            Ok(event) => events.push(event),
            Err(error) => return (events, Some(error)),
        }
    }
    (events, None)
}

#[test]
fn every_split_gives_the_same_events() {
    for name in RECORDINGS {
        let text = recording(name);
        let bytes = text.as_bytes();
        let (want, error) = read(bytes, 0);
        assert!(error.is_none() && want.len() > 5, "{name}: {error:?}");
        for at in 1..bytes.len() {
            let (events, error) = read(bytes, at);
            assert!(error.is_none(), "{name}: split at {at}: {error:?}");
            assert_eq!(events, want, "{name}: split at {at}");
        }
    }
}

#[test]
fn every_cut_before_the_last_event_is_reported() {
    for name in RECORDINGS {
        let text = recording(name);
        let (want, _) = read(text.as_bytes(), 0);
        let end = text.trim_end().len();
        for cut in 0..end {
            let (events, error) = read(&text.as_bytes()[..cut], 0);
            assert_eq!(events, want[..events.len()], "{name}: cut at {cut}");
            assert!(
                matches!(error, Some(Error::StreamTruncated(_))),
                "{name}: cut at {cut}: {error:?}"
            );
        }
    }
}

/// Streams a response from a server that responds with these bytes.
fn streamed(bytes: &str) -> (ResponseStream, Peer) {
    let bytes = bytes.to_owned();
    let peer = Peer::start(Scheme::Http, move |listener| {
        let mut connection = listener.accept();
        let request = connection.request();
        assert!(request.starts_with("POST /v1/responses "), "{request}");
        assert!(request.contains(r#""stream":true"#), "{request}");
        connection.begin_stream();
        connection.chunk(&bytes);
        connection.end_stream();
    });
    let client = Client::builder().base_url(peer.url("/v1")).build().unwrap();
    (client.responses().stream(ask("Hello you")).send().unwrap(), peer)
}

fn ask(text: &str) -> CreateResponse {
    CreateResponse::new("scripted", [ResponseItem::user(text)]).store(false)
}

#[test]
fn the_last_event_has_the_response() {
    let (mut stream, peer) = streamed(&recording("reasoning-and-call"));
    let unknown = stream
        .by_ref()
        .filter(|event| matches!(event, Ok(ResponseEvent::Unknown(_))));
    assert_eq!(unknown.count(), 2, "events of unknown types are kept");
    let response = stream.finish().unwrap();
    assert_eq!(response.status, ResponseStatus::Completed);
    let call = response.function_calls().next().unwrap();
    assert_eq!(
        (call.call_id.as_str(), call.arguments.as_str()),
        ("call_1", "{\"a\":1}")
    );
    let ResponseItem::Reasoning(reasoning) = &response.output[0] else {
        panic!("{:?}", response.output)
    };
    assert_eq!(reasoning.encrypted_content.as_deref(), Some("gAAAAB"));
    peer.finish();
}

#[test]
fn a_last_event_without_output_gets_the_items_before_it() {
    let text = recording("text");
    let start = text.rfind("\"output\":[").unwrap() + "\"output\":[".len();
    let end = start + text[start..].find("],\"usage\"").unwrap();
    let (stream, peer) = streamed(&format!("{}{}", &text[..start], &text[end..]));
    assert_eq!(stream.finish().unwrap().text(), "Héllo ✓");
    peer.finish();
}

#[test]
fn a_stream_without_its_last_event_is_truncated() {
    let text = recording("text");
    let begun = &text[..text.rfind("event: ").unwrap()];
    // Some servers send `[DONE]` whatever came before.
    for bytes in [begun.to_owned(), format!("{begun}data: [DONE]\n\n")] {
        let (mut stream, peer) = streamed(&bytes);
        let last = stream.by_ref().last();
        assert!(matches!(last, Some(Err(Error::StreamTruncated(_)))), "{last:?}");
        assert!(stream.next().is_none(), "an error ends it");
        assert!(
            matches!(stream.finish(), Err(Error::StreamTruncated(_))),
            "it stays an error"
        );
        peer.finish();
    }
}

#[test]
fn an_error_in_the_stream_is_the_servers() {
    let text = recording("text");
    let begun = &text[..text.find("event: response.output_text.done").unwrap()];
    let flat = r#"{"type":"error","code":"overloaded","message":"too much","param":null}"#;
    let nested = r#"{"type":"error","error":{"type":"server_error","code":"overloaded","message":"too much"}}"#;
    let untyped = r#"{"error":{"code":"overloaded","message":"too much"}}"#;
    for (name, data) in [
        ("error", flat),
        ("message", flat),
        ("error", nested),
        ("message", nested),
        ("message", untyped),
    ] {
        let (mut stream, peer) = streamed(&format!("{begun}event: {name}\ndata: {data}\n\n"));
        let last = stream.text_deltas().last();
        let Some(Err(Error::Api(error))) = last else {
            panic!("{name}: {data}: {last:?}")
        };
        assert_eq!(
            (error.message.as_str(), error.code.as_deref()),
            ("too much", Some("overloaded")),
            "{data}"
        );
        peer.finish();
    }
}

fn world() -> (Client, LocalServer) {
    let server = LocalServer::builder().start().unwrap();
    let client = Client::builder().base_url(server.base_url()).build().unwrap();
    (client, server)
}

/// Removes what differs between two responses to the same request.
fn strip(mut response: Response) -> Response {
    response.id.clear();
    response.created_at = None;
    for item in &mut response.output {
        match item {
            ResponseItem::Message(message) => message.id = None,
            ResponseItem::FunctionCall(call) => (call.id, call.call_id) = (None, String::new()),
            _ => {}
        }
    }
    response
}

#[test]
fn streamed_and_whole_responses_are_the_same() {
    let (client, _server) = world();
    let add = ResponseFunction::new("add").parameters(json!({"type": "object"}));
    for text in ["Hello you", "repeat 5", "repeat 1\ncall add {\"a\": 1}\ncall add {}"] {
        let params = ask(text).tool(add.clone());
        let whole = client.responses().create(params.clone()).send().unwrap();
        assert!(whole.id.starts_with("resp_") && whole.created_at.is_some() && !whole.output.is_empty());
        let streamed = client.responses().stream(params).send().unwrap().finish().unwrap();
        assert_eq!(strip(streamed), strip(whole), "{text}");
    }
}

#[test]
fn failures_have_their_status_until_the_stream_has_started() {
    let (client, _server) = world();
    for (code, status) in [("rate_limit_exceeded", 429), ("server_error", 500), ("odd", 500)] {
        let params = ask(&format!("fail {code}"));
        let whole = client
            .responses()
            .create(params.clone())
            .max_retries(0)
            .send()
            .unwrap_err();
        let streamed = client.responses().stream(params).max_retries(0).send().unwrap_err();
        for error in [whole, streamed] {
            let Error::Api(error) = error else { panic!("{error}") };
            assert_eq!((error.status, error.code.as_deref()), (Some(status), Some(code)));
        }
    }
    let mut stream = client.responses().stream(ask("repeat 2\nfail odd")).send().unwrap();
    assert!(stream.failure().is_none());
    assert!(stream.by_ref().all(|event| event.is_ok()));
    let Some(Error::Api(error)) = stream.failure() else {
        panic!("{:?}", stream.response())
    };
    assert_eq!((error.status, error.code.as_deref()), (None, Some("odd")));
    assert_eq!(stream.finish().unwrap().status, ResponseStatus::Failed);
}
