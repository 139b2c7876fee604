//! Embeddings, computed by a server of the test.

use std::time::Instant;

use assistants_local::embeddings::{Embedder, Endpoint};
use assistants_local::{Builder, LocalServer};
use serde_json::{Value, json};
use test_peer::{PATIENCE, Peer, Request, Response};

use super::client::{Client, id, start};
use super::files::upload_bytes;

#[test]
fn requests_are_passed_on() {
    let list = json!({"object": "list", "model": "m-1", "extra": 0.1, "usage": {"prompt_tokens": 2, "total_tokens": 2},
        "data": [{"object": "embedding", "index": 0, "embedding": "AAAAPwAAgL8="}]});
    let answer = list.to_string();
    let peer = Peer::serve(move |request: &Request| {
        assert_eq!(request.line(), "POST /v1/embeddings");
        assert_eq!(request.header("authorization"), Some("Bearer hush-key"));
        let body: Value = serde_json::from_slice(&request.body).unwrap();
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
    let body: Value = serde_json::from_slice(&requests[0].body).unwrap();
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

/// The words of the test's model, each with the number of its meaning.
const MEANINGS: &[(&str, usize)] = &[
    ("car", 0),
    ("automobile", 0),
    ("dog", 1),
    ("hound", 1),
    ("bread", 2),
    ("loaf", 2),
];

/// Starts an embeddings server whose vectors count the words with each meaning. It rejects texts with the word `bad`.
fn embeddings_server(dimensions: usize) -> Peer {
    Peer::serve(move |request: &Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let texts = body["input"].as_array().unwrap();
        assert!(texts.len() <= 96, "{} texts at once", texts.len());
        let mut data: Vec<Value> = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let mut vector = vec![0.0; dimensions];
            // So that no vector is 0.
            vector[dimensions - 1] = 0.01;
            for word in text.as_str().unwrap().split(|c: char| !c.is_alphabetic()) {
                if word == "bad" {
                    let error = json!({"error": {"message": "The input is bad."}}).to_string();
                    return vec![Response::new("400 Bad Request").body(error).into()];
                }
                let meaning = MEANINGS.iter().find(|(known, _)| *known == word);
                vector[meaning.map_or(dimensions - 1, |(_, meaning)| *meaning)] += 1.0;
            }
            data.push(json!({"object": "embedding", "index": index, "embedding": vector}));
        }
        // Not in the order of the texts.
        data.reverse();
        vec![Response::json(&json!({"object": "list", "data": data, "model": body["model"]}).to_string()).into()]
    })
}

fn builder(peer: &Peer, model: &str) -> Builder {
    let mut endpoint = Endpoint::new(peer.url("/v1"), model);
    endpoint.max_retries = 0;
    LocalServer::builder().embedder(Embedder::new(endpoint).unwrap())
}

/// Creates a vector store with these files, and waits until they are indexed or have failed.
fn store(client: &Client, files: &[(&str, &str)]) -> String {
    let ids = files
        .iter()
        .map(|(name, text)| upload_bytes(client, name, text.as_bytes()));
    let ids: Vec<String> = ids.collect();
    let store = id(&client.post("/vector_stores", json!({"file_ids": ids})).ok());
    client.wait_for(&format!("/vector_stores/{store}"), "completed");
    store
}

/// Searches, and returns the names of the files with their scores.
fn found(client: &Client, store: &str, query: &str, ranking: &Value) -> String {
    let body = json!({"query": query, "ranking_options": ranking});
    let results = client.post(&format!("/vector_stores/{store}/search"), body).ok();
    let hit = |hit: &Value| {
        format!(
            "{} {:.3}",
            hit["filename"].as_str().unwrap(),
            hit["score"].as_f64().unwrap()
        )
    };
    let hits: Vec<String> = results["data"].as_array().unwrap().iter().map(hit).collect();
    hits.join(", ")
}

/// Repeats a search until it finds something.
fn wait_until_found(client: &Client, store: &str, query: &str) -> String {
    let start = Instant::now();
    loop {
        let found = found(client, store, query, &json!({"score_threshold": 0.0}));
        if !found.is_empty() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "nothing was found for {query}");
    }
}

#[test]
fn passages_are_found_by_meaning_and_by_words() {
    let peer = embeddings_server(4);
    let (_server, client) = start(builder(&peer, "m"));
    let files = [
        ("pets.txt", "dog dog"),
        ("list.txt", "hound loaf automobile"),
        ("food.txt", "bread and butter"),
    ];
    let store = store(&client, &files);

    for (query, ranking, want) in [
        // First by words and second by meaning, against first by meaning only.
        ("hound", json!({}), "list.txt 0.992, pets.txt 0.500, food.txt 0.484"),
        (
            "hound",
            json!({"score_threshold": 0.49}),
            "list.txt 0.992, pets.txt 0.500",
        ),
        // No word of the query is in the files.
        ("car", json!({"score_threshold": 0.5}), "list.txt 0.500"),
        (
            "hound",
            json!({"hybrid_search": {"embedding_weight": 1, "text_weight": 0}, "score_threshold": 0.1}),
            "pets.txt 1.000, list.txt 0.577",
        ),
        (
            "dog loaf",
            json!({"hybrid_search": {"embedding_weight": 9, "text_weight": 1}, "score_threshold": 0.9}),
            "list.txt 0.998, pets.txt 0.985",
        ),
        (
            "dog loaf",
            json!({"hybrid_search": {"embedding_weight": 1, "text_weight": 99}, "score_threshold": 0.9}),
            "pets.txt 1.000, list.txt 0.984",
        ),
    ] {
        assert_eq!(found(&client, &store, query, &ranking), want, "{query} {ranking}");
    }
    let by_words = json!({"hybrid_search": {"embedding_weight": 0, "text_weight": 1}});
    let hound = found(&client, &store, "hound", &by_words);
    assert!(
        hound.starts_with("list.txt 1.0") || hound.starts_with("list.txt 0.9"),
        "{hound}"
    );
    assert_eq!(found(&client, &store, "car", &by_words), "");
    let none = json!({"query": "x", "ranking_options": {"hybrid_search": {"embedding_weight": 0, "text_weight": 0}}});
    let refused = client.post(&format!("/vector_stores/{store}/search"), none);
    assert!(
        refused.error().starts_with("400 ranking_options.hybrid_search "),
        "{}",
        refused.error()
    );

    // The tool of a run searches in the same way.
    let assistant = json!({"model": "scripted", "tools": [{"type": "file_search"}],
        "tool_resources": {"file_search": {"vector_store_ids": [store]}}});
    let assistant = id(&client.post("/assistants", assistant).ok());
    let thread = client.thread("loaf");
    let run = client
        .post(&format!("/threads/{thread}/runs"), json!({"assistant_id": assistant}))
        .ok();
    let run = format!("/threads/{thread}/runs/{}", id(&run));
    client.wait_for(&run, "completed");
    let steps = client.get(&format!("{run}/steps?order=asc")).ok();
    let results = &steps["data"][0]["step_details"]["tool_calls"][0]["file_search"]["results"];
    let names: Vec<&str> = results
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["file_name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["list.txt", "food.txt", "pets.txt"]);
}

#[test]
fn a_vector_store_gets_its_vectors_when_the_model_changes() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("a.db");
    let (server, client) = start(LocalServer::builder().database(&database));
    // More than fit into one request.
    let words = "automobile ".repeat(30_000);
    let store = store(&client, &[("a.txt", &words), ("b.txt", "loaf")]);
    assert_eq!(found(&client, &store, "bread", &json!({})), "");
    drop(server);

    let peer = embeddings_server(4);
    let (server, client) = start(builder(&peer, "m").database(&database));
    assert_eq!(
        wait_until_found(&client, &store, "bread").split(' ').next(),
        Some("b.txt")
    );
    drop(server);
    let indexed = peer.finish();

    // The new model does not work. The old vectors are not compared with those of its queries.
    let broken = Peer::serve(|request: &Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        if body["input"] != json!(["bread"]) && body["input"] != json!(["loaf"]) {
            return vec![Response::new("500 Broken").into()];
        }
        let vector = json!({"object": "embedding", "index": 0, "embedding": [1, 0, 0, 0]});
        vec![Response::json(&json!({"object": "list", "data": [vector]}).to_string()).into()]
    });
    let (server, client) = start(builder(&broken, "m2").database(&database));
    assert_eq!(found(&client, &store, "bread", &json!({})), "");
    assert!(found(&client, &store, "loaf", &json!({})).starts_with("b.txt "));
    // In this order, so that the server does not close a connection on which it is sending.
    drop(broken);
    drop(server);

    // Vectors of another length, by a model of the same name as the first.
    let peer = embeddings_server(7);
    let (_server, client) = start(builder(&peer, "m").database(&database));
    assert_eq!(
        wait_until_found(&client, &store, "bread").split(' ').next(),
        Some("b.txt")
    );
    let texts = |requests: &[Request]| {
        let input = |request: &Request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let texts = body["input"].as_array().unwrap().clone();
            texts
                .iter()
                .filter(|text| text.as_str().unwrap().contains("automobile"))
                .count()
        };
        requests.iter().map(input).sum::<usize>()
    };
    assert_eq!(texts(&peer.requests()), texts(&indexed));
    assert!(texts(&indexed) > 0);
}

#[test]
fn a_file_without_vectors_fails_and_a_query_without_one_searches_by_words() {
    let peer = embeddings_server(4);
    let (_server, client) = start(builder(&peer, "m"));
    let store = store(&client, &[("good.txt", "A good dog"), ("bad.txt", "A bad dog")]);
    let files = client.get(&format!("/vector_stores/{store}/files?filter=failed")).ok();
    let error = &files["data"][0]["last_error"];
    assert_eq!(
        *error,
        json!({"code": "server_error", "message": "The embeddings server failed: The input is bad."})
    );
    assert_eq!(files["data"].as_array().map(Vec::len), Some(1));
    let by_words = found(&client, &store, "bad dog", &json!({}));
    assert!(by_words.starts_with("good.txt 0."), "{by_words}");
}
