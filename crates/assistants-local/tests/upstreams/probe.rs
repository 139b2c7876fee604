//! What `try-upstream` finds out.

use assistants_local::model::upstream::{Endpoint, Upstream};
use serde_json::{Value, json};
use test_peer::{Peer, Request, Response};

/// Answers like a server that accepts no object as `tool_choice`, and never calls a function unless it must.
pub(crate) fn respond(request: &Request) -> Response {
    let sent: Value = serde_json::from_slice(&request.body).unwrap();
    if sent["tool_choice"].is_object() {
        let error =
            json!({"error": "Invalid tool_choice type: 'object'. Supported string values: none, auto, required"});
        return Response::new("400 Bad Request")
            .header("Content-Type", "application/json")
            .body(error.to_string());
    }
    let delta = if sent["tool_choice"] == "required" {
        json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "add", "arguments": "{}"}}]})
    } else if sent["response_format"].is_object() {
        json!({"content": "{\"colour\": \"red\"}"})
    } else {
        json!({"content": "Hello."})
    };
    let chunk = json!({"choices": [{"index": 0, "delta": delta, "finish_reason": "stop"}]});
    let body = format!("data: {chunk}\n\ndata: [DONE]\n\n");
    Response::new("200 OK")
        .header("Content-Type", "text/event-stream")
        .body(body)
}

#[test]
fn a_probe_says_what_works_and_which_flags_are_needed() {
    let peer = Peer::serve(|request| vec![respond(request).into()]);
    let upstream = Upstream::new("up", Endpoint::new(peer.url("/v1"))).unwrap();
    let probe = upstream.probe("m");
    let works: Vec<_> = probe
        .findings
        .iter()
        .map(|finding| (finding.request, finding.works))
        .collect();
    assert_eq!(
        works,
        [
            ("text", true),
            ("a call of a function", false),
            ("a call of a certain function", true),
            ("JSON of a schema", true),
            ("an image", true),
        ]
    );
    assert_eq!(probe.findings[0].answer, "Hello.");
    assert_eq!(probe.flags, [("tool_choice".to_owned(), json!("strings"))]);
    peer.finish();
}

#[test]
fn a_server_that_is_not_there_does_nothing() {
    let upstream = Upstream::new("up", Endpoint::new("http://127.0.0.1:9/v1")).unwrap();
    assert_eq!(upstream.models(), None);
    let probe = upstream.probe("m");
    assert!(
        probe
            .findings
            .iter()
            .all(|finding| !finding.works && !finding.answer.is_empty())
    );
}

/// A server that repeats the key in its error does not get it into a `last_error` or a log.
#[test]
fn a_key_that_a_server_repeats_is_not_shown() {
    for header in [None, Some("api-key"), Some("x-gateway-token")] {
        let peer = Peer::serve(|_| {
            let body = json!({"error": {"message": "The key sk-0123456789abcdef is wrong."}}).to_string();
            let response = Response::new("401 Unauthorized").header("Content-Type", "application/json");
            vec![response.body(body).into()]
        });
        let mut endpoint = Endpoint::new(peer.url("/v1"));
        endpoint.key = Some("sk-0123456789abcdef".to_owned());
        endpoint.key_header = header.map(str::to_owned);
        let upstream = Upstream::new("up", endpoint).unwrap();
        let probe = upstream.probe("m");
        for finding in &probe.findings {
            assert!(finding.answer.contains("is wrong"), "{}", finding.answer);
            assert!(!finding.answer.contains("0123456789"), "{header:?}: {}", finding.answer);
        }
        assert!(!format!("{upstream:?}").contains("0123456789"));
        for request in peer.finish() {
            let name = header.unwrap_or("Authorization");
            assert!(request.header(name).is_some_and(|value| value.ends_with("abcdef")));
        }
    }
}
