//! Irregular responses: errors that trickle, rejections before the request is complete, successes that are not streams.
//! Each is reported accurately.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use assistants_blocking::chat::{ChatMessage, CreateChatCompletion};
use assistants_blocking::openai::{Client, ClientBuilder, CreateRun, RunStream};
use assistants_blocking::{Error, FileSource, yandex};
use test_peer::{Gate, PATIENCE, Peer, Response, SCHEMES, Scheme, Step};

fn builder(peer: &Peer) -> ClientBuilder {
    let builder = Client::builder().base_url(peer.url("/v1")).api_key("k");
    match peer.certificate() {
        Some(pem) => builder.root_certificate(pem.as_bytes()).unwrap(),
        None => builder,
    }
}

fn client(peer: &Peer) -> Client {
    builder(peer).build().unwrap()
}

fn yandex(peer: &Peer) -> yandex::Client {
    let builder = yandex::Client::builder().base_url(peer.url("")).folder_id("f");
    builder.api_key("k").build().unwrap()
}

/// A kind of call whose response is read as it arrives.
type Streaming = (&'static str, fn(&Peer, Duration) -> Error);

const STREAMS: [Streaming; 4] = [
    ("run", |peer, timeout| {
        let runs = client(peer).runs("thread_1");
        let call = runs.stream(CreateRun::new("asst_1")).timeout(timeout).max_retries(0);
        call.send().and_then(RunStream::finish).unwrap_err()
    }),
    ("chat", |peer, timeout| {
        let params = CreateChatCompletion::new("m", [ChatMessage::user("Hello")]);
        let call = client(peer).chat().stream(params).timeout(timeout).max_retries(0);
        match call.send() {
            Ok(mut stream) => stream.find_map(Result::err).unwrap(),
            Err(error) => error,
        }
    }),
    ("run of Yandex", |peer, timeout| {
        let call = yandex(peer).runs().listen("run_1").timeout(timeout).max_retries(0);
        match call.send() {
            Ok(mut stream) => stream.find_map(Result::err).unwrap(),
            Err(error) => error,
        }
    }),
    ("download", |peer, timeout| {
        let call = client(peer).files().content("file-1").timeout(timeout).max_retries(0);
        call.write_to(&mut io::sink()).unwrap_err()
    }),
];

#[test]
fn the_timeout_bounds_the_body_of_an_error_without_replacing_the_error() {
    for (name, call) in STREAMS {
        let head = Response::new("500 Internal Server Error")
            .body("x".repeat(10_000))
            .head();
        let body = r#"{"error":{"message":"Out of order"}}"#.to_owned() + &" ".repeat(9_000);
        let peer = Peer::serve(move |_| {
            let start = [&head, &body.as_bytes()[..40]].concat();
            vec![
                Step::Send(start),
                Step::Drip(body.as_bytes()[40..].to_vec(), Duration::from_millis(20)),
            ]
        });
        let started = Instant::now();
        let error = call(&peer, Duration::from_millis(200));
        assert_eq!(error.status(), Some(500), "{name}: {error}");
        assert!(error.to_string().contains("Out of order"), "{name}: {error}");
        assert!(started.elapsed() < PATIENCE, "{name}");
    }
}

/// A file that records how much of it was read.
fn counted(bytes: u64) -> (FileSource, Arc<AtomicU64>, Arc<AtomicU64>) {
    let (read, opened) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let (reads, opens) = (Arc::clone(&read), Arc::clone(&opened));
    struct Counted<R>(R, Arc<AtomicU64>);
    impl<R: Read> Read for Counted<R> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.0.read(into)?;
            self.1.fetch_add(count as u64, Ordering::Relaxed);
            Ok(count)
        }
    }
    let source = FileSource::reopen("big.bin", bytes, move || {
        opens.fetch_add(1, Ordering::Relaxed);
        Ok(Counted(io::repeat(7), Arc::clone(&reads)))
    });
    (source, read, opened)
}

/// What a server does after it has rejected an upload.
#[derive(Clone, Copy, Debug)]
enum After {
    Silence,
    Close,
    Reset,
}

#[test]
fn a_rejection_before_the_whole_body_is_reported_and_the_body_not_sent_again() {
    const SIZE: u64 = 1024 * 1024 * 1024;
    for scheme in SCHEMES {
        for after in [After::Silence, After::Close, After::Reset] {
            let done = Gate::new();
            let end = done.clone();
            let peer = Peer::start(scheme, move |listener| {
                let mut connection = listener.accept();
                connection.head();
                connection.answer(
                    "413 Content Too Large",
                    &["X-Request-Id: req_7"],
                    r#"{"error":{"message":"Too big"}}"#,
                );
                match after {
                    After::Silence => assert!(end.wait(PATIENCE)),
                    After::Close => connection.close(),
                    After::Reset => {
                        assert!(end.wait(PATIENCE));
                        connection.reset();
                    }
                }
            });
            let (source, read, opened) = counted(SIZE);
            let error = client(&peer).files().upload(source, "assistants").send().unwrap_err();
            done.open();
            let case = format!("{scheme:?} {after:?}: {error}");
            assert_eq!(
                (error.status(), error.request_id()),
                (Some(413), Some("req_7")),
                "{case}"
            );
            assert!(
                read.load(Ordering::Relaxed) < SIZE / 4,
                "{case}: {}",
                read.load(Ordering::Relaxed)
            );
            assert_eq!(opened.load(Ordering::Relaxed), 1, "{case}");
            peer.finish();
        }
    }
}

#[test]
fn early_hints_do_not_end_an_upload() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        let request = connection.read_request();
        assert!(request.body.len() > 4_000_000, "{}", request.body.len());
        connection.answer("200 OK", &["Content-Type: application/json"], r#"{"id":"file-1"}"#);
    });
    let (source, _, _) = counted(4_000_000);
    assert_eq!(
        client(&peer).files().upload(source, "assistants").send().unwrap().id,
        "file-1"
    );
    peer.finish();
}

#[test]
fn a_consumed_reader_is_not_sent_again_and_keeps_the_first_error() {
    let peer = Peer::serve(|_| vec![Response::new("503 Service Unavailable").into()]);
    let source = FileSource::reader("a.txt", 5, io::Cursor::new("hello"));
    let error = client(&peer).files().upload(source, "assistants").send().unwrap_err();
    assert_eq!(error.status(), Some(503), "{error}");
    assert_eq!(peer.finish().len(), 1);
}

#[test]
fn a_success_that_is_not_a_stream_is_described() {
    let response = |status: &str, kind: &str, body: &str| {
        let response = Response::new(status).header("X-Request-Id", "req_7");
        let response = if kind.is_empty() {
            response
        } else {
            response.header("Content-Type", kind)
        };
        response.body(body)
    };
    let page = "<html>\n<head><title>Sign in</title></head>\n<body></body>\n</html>";
    for (call, response, status, said) in [
        (
            0,
            response("200 OK", "application/json", r#"{"id":"run_1"}"#),
            200,
            r#"{"id":"run_1"}"#,
        ),
        (
            1,
            response("200 OK", "application/json", "{\n  \"choices\": []\n}"),
            200,
            r#"{ "choices": [] }"#,
        ),
        (0, response("200 OK", "text/html", page), 200, "Sign in"),
        (1, response("200 OK", "", page), 200, "Sign in"),
        (2, response("200 OK", "text/html", page), 200, "Sign in"),
        (0, response("200 OK", "text/event-stream", ""), 200, "is empty"),
        (1, response("200 OK", "", ""), 200, "is empty"),
        (2, response("200 OK", "application/json", ""), 200, "is empty"),
        (0, response("204 No Content", "", ""), 204, "is empty"),
        (1, response("204 No Content", "", ""), 204, "is empty"),
        (2, response("204 No Content", "", ""), 204, "is empty"),
    ] {
        let peer = Peer::serve(move |_| vec![response.clone().into()]);
        let (name, call) = STREAMS[call];
        let error = call(&peer, PATIENCE);
        let case = format!("{name}, {said}: {error}");
        assert!(matches!(error, Error::NotAStream(_)), "{case}");
        assert_eq!(
            (error.status(), error.request_id()),
            (Some(status), Some("req_7")),
            "{case}"
        );
        assert!(error.to_string().contains(said), "{case}");
        peer.finish();
    }
}

#[test]
fn every_error_of_a_response_has_its_request_id() {
    type Case = (&'static str, Vec<Step>, fn(&Client) -> Error);
    let head = |length| {
        let response = Response::json("").header("X-Request-Id", "req_7").length(length);
        Step::Send(response.head())
    };
    let events = |text: &str| {
        let response = Response::new("200 OK").header("Content-Type", "text/event-stream");
        let response = response.header("X-Request-Id", "req_7").body(text);
        vec![Step::from(response)]
    };
    let retrieve = |client: &Client| client.threads().retrieve("thread_1").send().unwrap_err();
    let stream = |client: &Client| {
        let mut stream = client.runs("thread_1").stream(CreateRun::new("asst_1")).send().unwrap();
        stream.find_map(Result::err).unwrap()
    };
    let cases: Vec<Case> = vec![
        (
            "a shape that does not fit",
            vec![head(8), Step::Send(b"{\"id\":7}".to_vec())],
            retrieve,
        ),
        ("a body above the limit", vec![head(50_000)], retrieve),
        (
            "a body that is cut",
            vec![head(9), Step::Send(b"{".to_vec()), Step::Close],
            retrieve,
        ),
        (
            "a body that stalls",
            vec![head(9), Step::Send(b"{".to_vec()), Step::Stall(None)],
            |client| {
                client
                    .threads()
                    .retrieve("thread_1")
                    .timeout(Duration::from_millis(100))
                    .send()
                    .unwrap_err()
            },
        ),
        ("a stream that is cut", events("event: done\n"), stream),
        (
            "an event that does not fit",
            events("event: thread.created\ndata: {\"id\":7}\n\n"),
            stream,
        ),
        (
            "an event that reports an error",
            events("event: error\ndata: {\"message\":\"no\"}\n\n"),
            stream,
        ),
        ("a line above the limit", events(&"x".repeat(5000)), stream),
        (
            "a download that is cut",
            vec![head(9), Step::Send(b"{".to_vec()), Step::Close],
            |client| client.files().content("file-1").write_to(&mut io::sink()).unwrap_err(),
        ),
    ];
    for (name, steps, call) in cases {
        let peer = Peer::serve(move |_| steps.clone());
        let builder = builder(&peer).max_body_bytes(10_000).max_line_bytes(1000);
        let error = call(&builder.max_retries(0).build().unwrap());
        assert_eq!(error.request_id(), Some("req_7"), "{name}: {error:?}");
        peer.finish();
    }
}
