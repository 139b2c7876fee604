//! Chat completions: recorded streams cut and split at every byte, servers that misbehave, and the local server.

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;

use assistants_blocking::chat::{
    ChatAccumulator, ChatCompletion, ChatCompletionChunk, ChatFinishReason, ChatMessage, ChatStream, ChatStreamOptions,
    ChatTool, ChunkReader, CreateChatCompletion,
};
use assistants_blocking::openai::{Client, Model};
use assistants_blocking::{CancelToken, Error};
use assistants_local::LocalServer;
use serde_json::{Value, json};
use test_peer::{Peer, Scheme};

/// Every recording under `tests/fixtures/chats`, with its name.
fn recordings() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/chats");
    let mut all: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (
                path.file_stem().unwrap().to_str().unwrap().to_owned(),
                fs::read(path).unwrap(),
            )
        })
        .collect();
    all.sort();
    assert!(all.len() >= 4, "the recordings are missing");
    all
}

fn recording(name: &str) -> String {
    let (_, bytes) = recordings().into_iter().find(|(known, _)| known == name).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// A reader that returns bytes in two pieces.
struct Split<'a>(&'a [u8], &'a [u8]);

impl Read for Split<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let piece = if self.0.is_empty() { &mut self.1 } else { &mut self.0 };
        piece.read(into)
    }
}

fn read(bytes: &[u8], at: usize) -> (Vec<ChatCompletionChunk>, Option<Error>) {
    let mut chunks = Vec::new();
    for chunk in ChunkReader::new(Split(&bytes[..at], &bytes[at..])) {
        match chunk {
            Ok(chunk) => chunks.push(chunk),
            Err(error) => return (chunks, Some(error)),
        }
    }
    (chunks, None)
}

fn whole(bytes: &[u8]) -> Vec<ChatCompletionChunk> {
    let (chunks, error) = read(bytes, 0);
    assert!(error.is_none(), "{error:?}");
    assert!(chunks.len() >= 2, "{chunks:?}");
    chunks
}

fn accumulated(chunks: Vec<ChatCompletionChunk>) -> ChatCompletion {
    let mut answer = ChatAccumulator::new();
    answer.extend(chunks);
    answer.into_completion()
}

#[test]
fn every_split_gives_the_same_chunks() {
    for (name, bytes) in recordings() {
        let want = whole(&bytes);
        for at in 1..bytes.len() {
            let (chunks, error) = read(&bytes, at);
            assert!(error.is_none(), "{name}: split at {at}: {error:?}");
            assert_eq!(chunks, want, "{name}: split at {at}");
        }
    }
}

#[test]
fn every_cut_before_the_end_is_reported_after_the_complete_chunks() {
    for (name, bytes) in recordings() {
        let want = whole(&bytes);
        for cut in 0..bytes.len() {
            let (chunks, error) = read(&bytes[..cut], 0);
            let complete = bytes[..cut].windows(2).filter(|pair| pair == b"\n\n").count();
            assert_eq!(chunks, want[..complete], "{name}: cut at {cut}");
            assert!(
                matches!(error, Some(Error::StreamTruncated(_))),
                "{name}: cut at {cut}: {error:?}"
            );
        }
    }
}

#[test]
fn recordings_are_assembled_to_answers() {
    for (name, want) in [
        (
            "text-with-usage",
            json!([{"content": "Héllo ✓", "finish_reason": "stop", "total": 12}]),
        ),
        (
            "whole-call-at-once",
            json!([{"content": "One moment. ", "finish_reason": "tool_calls", "total": null,
                    "calls": [["add", "add", "{\"a\":1}"], ["add", "add", "{\"a\":2}"]]}]),
        ),
        (
            "calls-in-pieces",
            json!([{"content": null, "finish_reason": "tool_calls", "total": 12, "reasoning": "Two sums.",
                    "calls": [["call_1", "add", "{\"a\":1}"], ["call_2", "mul", "{}"]]}]),
        ),
        (
            "two-answers",
            json!([{"content": "xy", "finish_reason": "length", "total": null},
                   {"content": "ab", "finish_reason": "stop", "total": null}]),
        ),
    ] {
        let completion = accumulated(whole(recording(name).as_bytes()));
        let choices: Value = completion
            .choices
            .iter()
            .map(|choice| {
                let mut seen = json!({
                    "content": choice.message.content,
                    "finish_reason": choice.finish_reason.as_str(),
                    "total": completion.usage.as_ref().map(|usage| usage.total_tokens),
                });
                if let Some(calls) = &choice.message.tool_calls {
                    let calls = calls.iter().filter_map(|call| call.as_function());
                    seen["calls"] = calls
                        .map(|call| json!([call.id, call.function.name, call.function.arguments]))
                        .collect();
                }
                if let Some(reasoning) = choice.message.reasoning() {
                    seen["reasoning"] = reasoning.into();
                }
                seen
            })
            .collect();
        assert_eq!(choices, want, "{name}");
    }
}

/// Streams a chat from a server that responds with these bytes.
fn streamed(bytes: String) -> (ChatStream, Peer) {
    let peer = Peer::start(Scheme::Http, move |listener| {
        let mut connection = listener.accept();
        let request = connection.request();
        assert!(request.starts_with("POST /v1/chat/completions "), "{request}");
        assert!(request.contains(r#""stream":true"#), "{request}");
        connection.begin_stream();
        connection.chunk(&bytes);
        connection.end_stream();
    });
    let client = Client::builder().base_url(peer.url("/v1")).build().unwrap();
    (client.chat().stream(hello()).send().unwrap(), peer)
}

fn hello() -> CreateChatCompletion {
    CreateChatCompletion::new("scripted", [ChatMessage::user("Hello you")])
}

#[test]
fn a_truncated_stream_is_an_error_and_keeps_what_arrived() {
    let (mut stream, peer) = streamed(recording("text-with-usage").replace("data: [DONE]\n\n", ""));
    let last = stream.by_ref().last();
    assert!(matches!(last, Some(Err(Error::StreamTruncated(_)))), "{last:?}");
    assert!(stream.is_complete());
    assert_eq!(stream.completion().text(), "Héllo ✓");
    assert_eq!(stream.completion().usage.as_ref().unwrap().total_tokens, 12);
    assert!(stream.next().is_none(), "an error ends it");
    assert!(
        matches!(stream.finish(), Err(Error::StreamTruncated(_))),
        "it stays an error"
    );
    peer.finish();
}

#[test]
fn an_error_in_the_stream_is_the_servers() {
    let nested = r#"data: {"error":{"message":"too much","type":"server_error","code":"overloaded"}}"#;
    let begun = recording("text-with-usage")
        .split("\n\n")
        .take(2)
        .map(|it| it.to_owned() + "\n\n")
        .collect::<String>();
    for fault in [
        format!("{nested}\n\n"),
        format!("event: error\n{nested}\n\n"),
        format!(
            "event: error\n{}\n\n",
            nested.replace(r#"{"error":"#, "").replace("}}", "}")
        ),
        // In addition to the usual members of a chunk.
        format!("{}\n\n", nested.replace("}}", r#"},"choices":[]}"#)),
    ] {
        let (mut stream, peer) = streamed(format!("{begun}{fault}data: [DONE]\n\n"));
        let texts: Vec<_> = stream.text_deltas().collect();
        assert_eq!(texts.len(), 2, "{texts:?}");
        let Err(Error::Api(error)) = &texts[1] else {
            panic!("{fault}: {texts:?}")
        };
        assert_eq!(
            (error.message.as_str(), error.code.as_deref()),
            ("too much", Some("overloaded"))
        );
        assert_eq!(stream.completion().text(), "Hé");
        peer.finish();
    }
    // A null is not an error.
    let (stream, peer) = streamed(recording("two-answers").replacen("{\"id\"", "{\"error\":null,\"id\"", 1));
    assert_eq!(stream.finish().unwrap().text(), "xy");
    peer.finish();
}

#[test]
fn the_error_of_an_invalid_chunk_names_the_position() {
    let (stream, peer) = streamed("data: {\"choices\":[{\"delta\":{\"tool_calls\":{}}}]}\n\n".to_owned());
    let Err(Error::Decode(error)) = stream.finish() else {
        panic!("it does not fit")
    };
    assert_eq!(error.path, "choices[0].delta.tool_calls");
    assert!(error.what.contains("/chat/completions"), "{error}");
    peer.finish();
}

#[test]
fn limits_and_cancellation_apply_to_chats() {
    let peer = Peer::start(Scheme::Http, |listener| {
        for _ in 0..2 {
            let mut connection = listener.accept();
            connection.request();
            connection.begin_stream();
            connection.chunk(&format!(
                "data: {{\"choices\":[],\"model\":\"{}\"}}\n\n",
                "m".repeat(2000)
            ));
            connection.wait_for_close();
        }
    });
    let builder = || Client::builder().base_url(peer.url("/v1"));
    let tight = builder().max_line_bytes(1000).build().unwrap();
    let mut stream = tight.chat().stream(hello()).send().unwrap();
    assert!(matches!(stream.next(), Some(Err(Error::Stream(_)))));
    drop(stream);

    let token = CancelToken::new();
    let client = builder().build().unwrap();
    let mut stream = client.chat().stream(hello()).cancel_with(&token).send().unwrap();
    assert!(stream.next().unwrap().is_ok());
    token.cancel();
    assert!(matches!(stream.next(), Some(Err(Error::Cancelled(_)))));
    drop(stream);
    peer.finish();
}

fn world() -> (Client, LocalServer) {
    let server = LocalServer::builder().start().unwrap();
    let client = Client::builder().base_url(server.base_url()).build().unwrap();
    (client, server)
}

#[test]
fn streamed_and_whole_answers_are_the_same() {
    let (client, _server) = world();
    let add = ChatTool::function("add", json!({"type": "object"}));
    for text in ["Hello you", "repeat 5", "call add {\"a\": 1}\ncall add {}"] {
        let params = CreateChatCompletion::new("scripted", [ChatMessage::user(text)])
            .tool(add.clone())
            .n(2);
        let with_usage = params
            .clone()
            .stream_options(ChatStreamOptions::default().include_usage(true));
        let strip = |mut completion: ChatCompletion| {
            completion.id.clear();
            completion.created = None;
            for choice in &mut completion.choices {
                for call in choice.message.tool_calls.iter_mut().flatten() {
                    if let assistants_blocking::chat::ChatToolCall::Function(call) = call {
                        assert!(call.id.starts_with("call_"));
                        call.id.clear();
                    }
                }
            }
            completion
        };
        let whole = client.chat().create(params).send().unwrap();
        assert!(whole.id.starts_with("chatcmpl-") && whole.created.is_some());
        let streamed = client.chat().stream(with_usage).send().unwrap().finish().unwrap();
        assert_eq!(strip(streamed), strip(whole), "{text}");
    }
}

#[test]
fn a_conversation_continues_after_a_tool_call() {
    let (client, _server) = world();
    let mut params = CreateChatCompletion::new("scripted", [ChatMessage::user("call add {\"a\": 1}")])
        .tool(ChatTool::function("add", json!({"type": "object"})));
    let mut stream = client.chat().stream(params.clone()).send().unwrap();
    assert_eq!(stream.text_deltas().count(), 0);
    let answer = stream.finish().unwrap();
    assert_eq!(answer.choices[0].finish_reason, ChatFinishReason::ToolCalls);
    params.messages.push(answer.to_message());
    for call in answer.function_calls() {
        params.messages.push(ChatMessage::tool(&call.id, "41"));
    }
    let answer = client.chat().create(params).send().unwrap();
    assert_eq!(answer.text(), "add returned 41");
}

#[test]
fn failures_have_their_status_until_the_stream_has_started() {
    let (client, _server) = world();
    let ask = |text: &str| CreateChatCompletion::new("scripted", [ChatMessage::user(text)]);
    for (code, status) in [("rate_limit_exceeded", 429), ("server_error", 500), ("odd", 500)] {
        let params = ask(&format!("fail {code}"));
        let whole = client.chat().create(params.clone()).max_retries(0).send().unwrap_err();
        let streamed = client.chat().stream(params).max_retries(0).send().unwrap_err();
        for error in [whole, streamed] {
            let Error::Api(error) = error else { panic!("{error}") };
            assert_eq!((error.status, error.code.as_deref()), (Some(status), Some(code)));
        }
    }
    let mut stream = client.chat().stream(ask("repeat 2\nfail odd")).send().unwrap();
    let last = stream.by_ref().last();
    let Some(Err(Error::Api(error))) = last else {
        panic!("{last:?}")
    };
    assert_eq!((error.status, error.code.as_deref()), (None, Some("odd")));
    assert_eq!(stream.completion().text(), "word1 word2");
}

#[test]
fn models() {
    let (client, _server) = world();
    let page = client.models().list().send().unwrap();
    let walked: Vec<Model> = client.models().list().into_iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(walked, page.data);
    assert_eq!(
        page.data.iter().map(|model| model.id.as_str()).collect::<Vec<_>>(),
        ["scripted"]
    );
    let model = client.models().retrieve(&page.data[0]).send().unwrap();
    assert_eq!(
        (model.id.as_str(), model.owned_by.as_str()),
        ("scripted", "assistants-local")
    );
    assert_eq!(client.models().retrieve("a/b").send().unwrap_err().status(), Some(404));
    assert_eq!(client.models().delete(&model).send().unwrap_err().status(), Some(403));
}
