//! Authentication and API versions of Azure, and tokens from a callback.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use assistants_blocking::chat::{ChatMessage, CreateChatCompletion};
use assistants_blocking::embeddings::CreateEmbedding;
use assistants_blocking::openai::{
    AzureCredential, Client, ClientBuilder, CreateAssistant, CreateMessage, CreateRun, CreateThread,
    CreateThreadAndRun, RunStatus,
};
use assistants_blocking::{BearerToken, Error};
use assistants_local::LocalServer;
use test_peer::{Peer, SCHEMES, Scheme};

const EMPTY: &str = r#"{"object":"list","data":[],"has_more":false}"#;
const REFUSED: &str = r#"{"error":{"message":"hush-key and hush-1 and hush-2 are wrong","code":"401"}}"#;

fn trusting(peer: &Peer, builder: ClientBuilder) -> Client {
    let builder = match peer.certificate() {
        Some(pem) => builder.root_certificate(pem.as_bytes()).unwrap(),
        None => builder,
    };
    builder.build().unwrap()
}

/// Provides `hush-1`, `hush-2` and so on, each with this lifetime.
fn numbered(lifetime: Duration) -> (Arc<AtomicU32>, impl Fn() -> Result<BearerToken, Error> + Send + Sync) {
    let asked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    let provide = move || {
        let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(BearerToken::new(format!("hush-{number}")).expires_in(lifetime))
    };
    (asked, provide)
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn every_request_has_the_key_and_the_version() {
    for scheme in SCHEMES {
        let peer = Peer::start(scheme, |listener| {
            let mut connection = listener.accept();
            let first = connection.request();
            assert!(
                first.starts_with("GET /openai/assistants?api-version=2024-05-01-preview&limit=1 "),
                "{first}"
            );
            let page = r#"{"object":"list","data":[{"id":"asst_1","object":"assistant"}],"has_more":true}"#;
            connection.answer("200 OK", &[], page);
            let second = connection.request();
            assert!(
                second.contains("api-version=2024-05-01-preview&limit=1&after=asst_1 "),
                "{second}"
            );
            connection.answer("200 OK", &[], EMPTY);
            for request in [first, second] {
                assert!(request.contains("api-key: hush-key\r\n"), "{request}");
                assert!(!request.to_lowercase().contains("authorization"), "{request}");
            }
        });
        let client = trusting(&peer, Client::azure(peer.url(""), "2024-05-01-preview", "hush-key"));
        assert_eq!(
            client
                .assistants()
                .list()
                .limit(1)
                .into_iter()
                .map(Result::unwrap)
                .count(),
            1
        );
        peer.finish();
    }
}

#[test]
fn another_host_gets_no_key() {
    let other = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        let request = connection.request();
        assert!(!request.contains("api-key") && !request.contains("hush"), "{request}");
        connection.answer("200 OK", &[], EMPTY);
    });
    let location = format!("Location: {}", other.url("/there"));
    let peer = Peer::start(Scheme::Http, move |listener| {
        let mut connection = listener.accept();
        assert!(connection.request().contains("api-key: hush-key\r\n"));
        connection.answer("307 Temporary Redirect", &[&location], "");
    });
    let client = trusting(&peer, Client::azure(peer.url(""), "v", "hush-key"));
    client.assistants().list().send().unwrap();
    peer.finish();
    other.finish();
}

#[test]
fn a_rejected_key_is_neither_shown_nor_sent_again() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        connection.request();
        connection.answer("401 Unauthorized", &[], REFUSED);
    });
    let builder = Client::azure(peer.url(""), "v", "hush-key");
    assert!(!format!("{builder:?}").contains("hush"));
    let client = trusting(&peer, builder);
    let error = client.assistants().list().send().unwrap_err();
    let shown = format!("{client:?} {error} {error:?}");
    assert!(error.status() == Some(401) && !shown.contains("hush-key"), "{shown}");
    peer.finish();
}

#[test]
fn a_header_of_the_caller_replaces_the_key() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        let request = connection.request();
        assert!(
            request.contains("api-key: mine\r\n") && !request.contains("hush"),
            "{request}"
        );
        connection.answer("200 OK", &[], EMPTY);
        let request = connection.request();
        assert!(request.contains("authorization: Bearer mine\r\n"), "{request}");
        assert!(!request.contains("api-key"), "{request}");
        connection.answer("200 OK", &[], EMPTY);
    });
    let client = trusting(&peer, Client::azure(peer.url(""), "v", "hush-key"));
    client.assistants().list().header("api-key", "mine").send().unwrap();
    let list = client.assistants().list();
    list.header("Authorization", "Bearer mine").send().unwrap();
    peer.finish();
}

#[test]
fn a_rejected_token_is_renewed_once() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        for (token, status, body) in [
            ("hush-1", "200 OK", EMPTY),
            ("hush-1", "401 Unauthorized", REFUSED),
            ("hush-2", "200 OK", EMPTY),
            ("hush-2", "401 Unauthorized", REFUSED),
            ("hush-3", "401 Unauthorized", REFUSED),
        ] {
            let request = connection.request();
            assert!(
                request.contains(&format!("authorization: Bearer {token}\r\n")),
                "{request}"
            );
            assert!(!request.contains("api-key"), "{request}");
            connection.answer(status, &[], body);
        }
    });
    let (asked, provide) = numbered(HOUR);
    let credential = AzureCredential::token_provider(provide);
    let client = trusting(&peer, Client::azure(peer.url(""), "v", credential));
    for _ in 0..2 {
        client.assistants().list().send().unwrap();
    }
    let error = client.assistants().list().send().unwrap_err();
    assert_eq!((error.status(), asked.load(Ordering::SeqCst)), (Some(401), 3));
    assert!(error.to_string().contains("token provider"), "{error}");
    peer.finish();
}

#[test]
fn an_expiring_token_is_renewed() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        for number in 1..=3 {
            let request = connection.request();
            assert!(request.starts_with("GET /v1/assistants "), "{request}");
            assert!(
                request.contains(&format!("authorization: Bearer hush-{number}\r\n")),
                "{request}"
            );
            connection.answer("200 OK", &[], EMPTY);
        }
    });
    let (asked, provide) = numbered(Duration::ZERO);
    let builder = Client::builder().base_url(peer.url("/v1")).token_provider(provide);
    let client = trusting(&peer, builder);
    for _ in 0..3 {
        client.assistants().list().send().unwrap();
    }
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    peer.finish();
}

#[test]
fn faults_of_the_provider_are_reported_before_any_request() {
    let builder = || Client::builder().base_url("http://127.0.0.1:1/v1");
    let client = builder().token_provider(|| Err("the vault is shut")).build().unwrap();
    let error = client.assistants().list().send().unwrap_err();
    assert!(matches!(error, Error::Token(_)) && !error.is_retryable(), "{error:?}");
    assert_eq!(error.to_string(), "the token provider failed");
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "the vault is shut");

    let client = builder()
        .token_provider(|| Ok::<_, Error>("hush\n".into()))
        .build()
        .unwrap();
    let error = client.assistants().list().send().unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the token of the token provider holds a line break"),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("hush"), "{error:?}");
}

#[test]
fn chats_and_embeddings_use_the_path_of_their_deployment() {
    for (endpoint, want) in [
        ("", "/openai/deployments/my%2Fmodel"),
        ("/openai/v1", "/openai/v1"),
        ("/api/projects/p", "/api/projects/p"),
    ] {
        let peer = Peer::start(Scheme::Http, move |listener| {
            let mut connection = listener.accept();
            let request = connection.request();
            let path = format!("POST {want}/chat/completions?api-version=v ");
            assert!(request.starts_with(&path), "{request}");
            connection.answer("200 OK", &[], r#"{"id":"chatcmpl-1"}"#);
            let request = connection.request();
            let path = format!("POST {want}/embeddings?api-version=v ");
            assert!(request.starts_with(&path), "{request}");
            assert!(
                request.ends_with(r#"{"model":"my/model","input":["Hello"]}"#),
                "{request}"
            );
            connection.answer(
                "200 OK",
                &[],
                r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1]}]}"#,
            );
        });
        let client = trusting(&peer, Client::azure(peer.url(endpoint), "v", "hush-key"));
        let client = client.with_options(assistants_blocking::Options::new());
        let params = CreateChatCompletion::new("my/model", [ChatMessage::user("Hello")]);
        client.chat().create(params).send().unwrap();
        let params = CreateEmbedding::new("my/model", ["Hello"]);
        let list = client.embeddings().create(params).send().unwrap();
        assert_eq!(list.data[0].vector(), Some(vec![0.5, -1.0]));
        peer.finish();
    }
}

#[test]
fn the_local_server_accepts_the_paths_of_azure() {
    let server = LocalServer::builder().api_key("hush-key").start().unwrap();
    let host = server.base_url().strip_suffix("/v1").unwrap().to_owned();
    for path in ["", "/openai/v1", "/api/projects/p"] {
        let client = |key: &str| Client::azure(format!("{host}{path}"), "v", key).build().unwrap();
        let refused = client("other").assistants().list().send().unwrap_err();
        assert_eq!(refused.status(), Some(401), "{path}");

        let client = client("hush-key");
        let assistant = client.assistants().create(CreateAssistant::new("m")).send().unwrap();
        let thread = CreateThread::default().message(CreateMessage::user("Hello"));
        let thread = client.threads().create(thread).send().unwrap();
        let run = client.runs(&thread).stream(CreateRun::new(&assistant)).send().unwrap();
        assert_eq!(run.finish().unwrap().text(), "Hello", "{path}");
        client.assistants().delete(&assistant).send().unwrap();

        let params = CreateChatCompletion::new("m", [ChatMessage::user("Good morning")]);
        let stream = client.chat().stream(params).send().unwrap();
        assert_eq!(stream.finish().unwrap().text(), "Good morning", "{path}");
    }
}

#[test]
fn a_query_parameter_of_the_call_replaces_the_clients() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        for want in [
            "GET /openai/assistants/asst_1?tenant=a&api-version=2025-01-01 ",
            "GET /openai/assistants/asst_1?api-version=2024-05-01-preview&tenant=b&tenant=c ",
            "POST /openai/threads/runs?tenant=a&api-version=2025-01-01 ",
            // Parameters of the call are sent with its first request only; those of the client with all.
            "GET /openai/threads/thread_1/runs/run_1?api-version=2024-05-01-preview&tenant=a ",
        ] {
            let request = connection.request();
            assert!(request.starts_with(want), "{request}");
            let status = if request.starts_with("POST") {
                "queued"
            } else {
                "completed"
            };
            let body = format!(r#"{{"id":"run_1","object":"run","thread_id":"thread_1","status":"{status}"}}"#);
            connection.answer("200 OK", &[], &body);
        }
    });
    let azure = Client::azure(peer.url(""), "2024-05-01-preview", "hush-key").query("tenant", "a");
    let client = trusting(&peer, azure);
    let retrieve = || client.assistants().retrieve("asst_1");
    retrieve().query("api-version", "2025-01-01").send_raw().unwrap();
    retrieve().query("tenant", "b").query("tenant", "c").send_raw().unwrap();
    let run = client
        .threads()
        .create_and_run_poll(CreateThreadAndRun::new("asst_1"))
        .query("api-version", "2025-01-01")
        .send();
    assert_eq!(run.unwrap().status, RunStatus::Completed);
    peer.finish();
}
