//! Calls whose options and method set the same thing.

use assistants_blocking::openai::{Client, CreateThread};
use assistants_blocking::yandex::{self, Credentials};
use assistants_blocking::{Error, Options};
use test_peer::{Peer, Response};

fn client(peer: &Peer) -> Client {
    Client::builder()
        .base_url(peer.url("/v1?api-version=base"))
        .build()
        .unwrap()
}

#[test]
fn a_query_parameter_of_the_call_is_sent_instead_of_the_methods_own() {
    let peer = Peer::serve(|request| {
        let page = match request.target.contains("after=b") {
            true => r#"{"data":[],"has_more":false}"#,
            false => r#"{"data":[{"id":"a"},{"id":"b"}],"has_more":true}"#,
        };
        vec![Response::json(page).into()]
    });
    let client = client(&peer);
    let list = client.assistants().list().limit(20).after("x");
    let list = list
        .query("limit", "2")
        .query("after", "y")
        .query("api-version", "call");
    assert_eq!(
        list.into_iter().map(|item| item.unwrap().id).collect::<Vec<_>>(),
        ["a", "b"]
    );
    let steps = client
        .run_steps("t", "r")
        .list()
        .include("one")
        .query("include[]", "two");
    steps.send().unwrap();
    client.request("GET", "/x?limit=20").query("limit", "2").send().unwrap();
    let targets: Vec<String> = peer.finish().into_iter().map(|request| request.target).collect();
    assert_eq!(
        targets,
        [
            "/v1/assistants?limit=2&after=y&api-version=call",
            // The caller's `after` applied only to the first page.
            "/v1/assistants?after=b&limit=2&api-version=call",
            "/v1/threads/t/runs/r/steps?api-version=base&include%5B%5D=two",
            "/v1/x?api-version=base&limit=2",
        ]
    );
}

#[test]
fn an_idempotency_key_for_a_whole_client_is_rejected_before_anything_is_sent() {
    let peer = Peer::serve(|_| vec![Response::json(r#"{"id":"thread_1"}"#).into()]);
    let shared = Options::new().idempotency_key("one");
    let error = client(&peer)
        .with_options(shared.clone())
        // The fault is kept in a copy of a copy.
        .with_options(Options::new().max_retries(1))
        .threads()
        .create(CreateThread::default())
        .send()
        .unwrap_err();
    assert!(
        matches!(&error, Error::Config(text) if text.contains("belongs to one call")),
        "{error:?}"
    );
    let yandex = yandex::Client::builder()
        .base_url(peer.url(""))
        .folder_id("f")
        .credentials(Credentials::none());
    let error = yandex
        .build()
        .unwrap()
        .with_options(shared)
        .threads()
        .get("t")
        .send()
        .unwrap_err();
    assert!(matches!(error, Error::Config(_)), "{error:?}");
    let call = client(&peer).threads().create(CreateThread::default());
    assert_eq!(call.idempotency_key("one").send().unwrap().id, "thread_1");
    assert_eq!(peer.finish().len(), 1, "only the last call was sent");
}
