//! Streams whose events deviate from the protocol: nothing is lost, and every way to read the text gives the same result.

use assistants_blocking::Error;
use assistants_blocking::openai::{Client, CreateRun, RunStream, StreamEvent};
use assistants_blocking::yandex;
use test_peer::{Peer, Request, Response, Step};

fn event(name: &str, data: &str) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

fn run(status: &str) -> String {
    format!(r#"{{"id":"run_1","thread_id":"thread_1","status":"{status}"}}"#)
}

fn delta(content: &str) -> String {
    event(
        "thread.message.delta",
        &format!(r#"{{"id":"msg_1","delta":{{"content":{content}}}}}"#),
    )
}

fn text(index: i64, value: &str) -> String {
    format!(r#"{{"index":{index},"type":"text","text":{{"value":"{value}"}}}}"#)
}

/// Responds to the creation of a run with this stream, and to everything else with the result of the run.
fn serve(events: String) -> Peer {
    Peer::serve(move |request: &Request| {
        let path = request.target.split('?').next().unwrap_or_default();
        let response = match (request.method.as_str(), path) {
            ("POST", "/v1/threads/thread_1/runs") => Response::new("200 OK")
                .header("Content-Type", "text/event-stream")
                .body(&events)
                .chunked(),
            ("GET", "/v1/threads/thread_1/runs/run_1") => Response::json(&run("completed")),
            ("GET", "/v1/threads/thread_1/messages") => Response::json(
                r#"{"data":[{"id":"msg_1","content":[{"type":"text","text":{"value":"the whole text"}}]}],"has_more":false}"#,
            ),
            ("GET", "/v1/threads/thread_1/runs/run_1/steps") => Response::json(r#"{"data":[],"has_more":false}"#),
            other => panic!("{other:?}"),
        };
        vec![response.into()]
    })
}

fn stream(peer: &Peer) -> RunStream {
    let client = Client::builder()
        .base_url(peer.url("/v1"))
        .api_key("k")
        .max_retries(0)
        .build()
        .unwrap();
    client.runs("thread_1").stream(CreateRun::new("asst_1")).send().unwrap()
}

#[test]
fn every_way_to_read_the_text_gives_the_same_text() {
    let image = r#"{"index":0,"type":"image_file","image_file":{"file_id":"f"}}"#;
    let deltas = [
        delta(&format!("[{}]", text(1, "one "))),
        // Two parts in one delta.
        delta(&format!("[{},{}]", text(1, "two "), text(2, "three "))),
        // Text after an image.
        delta(&format!("[{image},{}]", text(3, "four "))),
        // Something that only resembles a text part.
        delta(r#"[{"index":4,"type":"caption","text":{"value":"caption"}}]"#),
        delta(&format!("[{}]", text(1, "five"))),
    ];
    let events = event("thread.run.created", &run("in_progress")) + &deltas.concat() + &event("done", "[DONE]");
    let peer = serve(events);

    let texts: Vec<String> = stream(&peer).text_deltas().map(Result::unwrap).collect();
    let mut borrowed = Vec::new();
    let mut by_text = stream(&peer);
    while let Some(piece) = by_text.next_text() {
        borrowed.push(piece.unwrap().to_owned());
    }
    assert_eq!(borrowed, texts);
    assert_eq!(texts.concat(), "one two three four five");
    let mut whole = stream(&peer);
    assert!(whole.by_ref().all(|event| event.is_ok()));
    let mut parts: Vec<String> = whole.message().unwrap().texts().map(str::to_owned).collect();
    parts.sort();
    assert_eq!(parts, ["four ", "one two five", "three "]);
    peer.finish();
}

#[test]
fn the_event_done_ends_a_stream_whatever_its_data() {
    for data in ["[DONE]", "{}", "null", "\"[DONE]\"", "done"] {
        let events = event("thread.run.created", &run("in_progress"))
            + &event("thread.run.completed", &run("completed"))
            + &event("done", data);
        let peer = serve(events);
        let events: Vec<_> = stream(&peer).collect();
        assert!(
            matches!(events[..], [Ok(_), Ok(StreamEvent::RunCompleted(_))]),
            "{data}: {events:?}"
        );
        let finished = stream(&peer).finish().unwrap();
        assert_eq!(finished.run.id, "run_1");
        // The stream was complete, so the run was not requested.
        assert_eq!(peer.finish().len(), 2, "{data}");
    }
}

#[test]
fn finish_compensates_for_events_that_cannot_be_parsed() {
    let bad: [&[u8]; 4] = [
        delta(r#"[{"index":0,"type":"text","text":{"value":3}}]"#).as_bytes(),
        event("thread.message.delta", "{\"id\":\"msg_1\",").as_bytes(),
        event("thread.message.completed", "[]").as_bytes(),
        b"data: \xff\xfe\n\n",
    ]
    .map(|bytes| &*bytes.to_vec().leak());
    for bad in bad {
        let before = event("thread.run.created", &run("in_progress")) + &delta(&format!("[{}]", text(0, "the whole")));
        let events = [before.as_bytes(), bad, event("done", "[DONE]").as_bytes()].concat();
        let events = Response::new("200 OK")
            .header("Content-Type", "text/event-stream")
            .body(events)
            .chunked();
        let peer = Peer::serve(move |request: &Request| {
            let response = match request.line().as_str() {
                "POST /v1/threads/thread_1/runs" => events.clone(),
                "GET /v1/threads/thread_1/runs/run_1" => Response::json(&run("completed")),
                line if line.contains("/messages?") => Response::json(
                    r#"{"data":[{"id":"msg_1","content":[{"type":"text","text":{"value":"the whole text"}}]}],"has_more":false}"#,
                ),
                line if line.contains("/steps?") => Response::json(r#"{"data":[],"has_more":false}"#),
                line => panic!("{line}"),
            };
            vec![Step::from(response)]
        });
        let error = stream(&peer).find_map(Result::err).unwrap();
        assert!(matches!(error, Error::Decode(_) | Error::Stream(_)), "{error}");
        let finished = stream(&peer).finish().unwrap();
        assert_eq!(finished.text(), "the whole text");
        peer.finish();
    }
}

#[test]
fn finish_of_yandex_compensates_for_events_that_cannot_be_parsed() {
    let peer = Peer::serve(|request: &Request| {
        let path = request.target.split('?').next().unwrap_or_default();
        let response = match path {
            "/assistants/v1/runs/listen" => Response::json(
                "{\"result\":{\"eventType\":\"PARTIAL_MESSAGE\",\"streamCursor\":{\"currentEventIdx\":\"0\"}}}\n{\"result\":{\"eventType\":[]}}\n",
            ),
            "/assistants/v1/runs/run_1" => Response::json(
                r#"{"id":"run_1","state":{"status":"COMPLETED","completedMessage":{"id":"m","content":{"content":[{"text":{"content":"the whole text"}}]}}}}"#,
            ),
            other => panic!("{other}"),
        };
        vec![response.into()]
    });
    let client = yandex::Client::builder()
        .base_url(peer.url(""))
        .folder_id("f")
        .api_key("k")
        .max_retries(0)
        .build()
        .unwrap();
    let result = client.runs().listen("run_1").send().unwrap().finish().unwrap();
    assert_eq!(result.text().as_deref(), Some("the whole text"));
    peer.finish();
}
