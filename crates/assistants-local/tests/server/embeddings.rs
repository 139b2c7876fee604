//! Embeddings, computed by a server of the test.

use assistants_local::LocalServer;
use assistants_local::embeddings::{Embedder, Endpoint};
use serde_json::json;
use test_peer::{Peer, Request, Response};

use super::client::Client;

#[test]
fn requests_are_passed_on() {
    let list = json!({"object": "list", "model": "m-1", "extra": 0.1, "usage": {"prompt_tokens": 2, "total_tokens": 2},
        "data": [{"object": "embedding", "index": 0, "embedding": "AAAAPwAAgL8="}]});
    let answer = list.to_string();
    let peer = Peer::serve(move |request: &Request| {
        assert_eq!(request.line(), "POST /v1/embeddings");
        assert_eq!(request.header("authorization"), Some("Bearer hush-key"));
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let response = match body["model"].as_str() {
            Some("m") => Response::json(&answer),
            Some("busy") => {
                Response::new("429 Too Many Requests").body(r#"{"error": {"message": "Slow down.", "code": "busy"}}"#)
            }
            _ => Response::new("401 Unauthorized").body(r#"{"error": {"message": "hush-key is wrong."}}"#),
        };
        vec![response.into()]
    });
    let mut endpoint = Endpoint::new(peer.url("/v1"), "default");
    endpoint.key = Some("hush-key".to_owned());
    endpoint.max_retries = 0;
    let embedder = Embedder::new(endpoint).unwrap();
    let server = LocalServer::builder().embedder(embedder).start().unwrap();
    let client = Client::new(server.base_url());

    let ask = |model: &str| json!({"model": model, "input": ["Hello", [1, 2]], "encoding_format": "base64", "new": 1});
    assert_eq!(client.post("/embeddings", ask("m")).ok(), list);
    let busy = client.post("/embeddings", ask("busy"));
    assert_eq!(busy.error(), "429 - busy: Slow down.");
    // It is about the key of this server, not of the client.
    let refused = client.post("/embeddings", ask("other")).error();
    assert!(refused.starts_with("500 - -: The server had an error"), "{refused}");
    assert!(!refused.contains("hush"), "{refused}");
    let empty = client.post("/embeddings", json!({"model": "m", "input": []}));
    assert!(empty.error().starts_with("400 input "), "{}", empty.error());
    let requests = peer.finish();
    let body: serde_json::Value = serde_json::from_slice(&requests[0].body).unwrap();
    assert_eq!(body, ask("m"));
    assert_eq!(requests.len(), 3);
}

#[test]
fn without_an_embeddings_server_requests_fail() {
    let server = LocalServer::builder().start().unwrap();
    let answer = Client::new(server.base_url()).post("/embeddings", json!({"model": "m", "input": "Hello"}));
    assert_eq!(
        answer.error(),
        "404 model model_not_found: The model 'm' does not exist: this server was started without an embeddings server."
    );
}
