//! Servers that misbehave: the result is a clear error or a recovery, never a panic, a hang or a silent end.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use assistants_blocking::openai::{
    Client, ClientBuilder, CreateRun, CreateThread, EventHandler, FinishedRun, RunStatus, RunStream, Text, TextDelta,
};
use assistants_blocking::{CancelToken, Error, TimeoutPhase};
use test_peer::{Connection, Listener, Peer, SCHEMES, Scheme};

const JSON: &str = "Content-Type: application/json";

fn builder(peer: &Peer) -> ClientBuilder {
    let builder = Client::builder().base_url(peer.url("/v1")).api_key("sk-hush");
    match peer.certificate() {
        Some(pem) => builder.root_certificate(pem.as_bytes()).unwrap(),
        None => builder,
    }
}

fn client(peer: &Peer) -> Client {
    builder(peer).build().unwrap()
}

fn event(name: &str, data: &str) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

fn run(status: &str) -> String {
    format!(r#"{{"id":"run_1","object":"thread.run","thread_id":"thread_1","status":"{status}"}}"#)
}

fn delta(text: &str) -> String {
    let data =
        format!(r#"{{"id":"msg_1","delta":{{"content":[{{"index":0,"type":"text","text":{{"value":"{text}"}}}}]}}}}"#);
    event("thread.message.delta", &data)
}

/// Reads the request for a stream, and starts with a run and one word.
fn begin(listener: &Listener) -> Connection {
    let mut connection = listener.accept();
    let request = connection.request();
    assert!(request.starts_with("POST /v1/threads/thread_1/runs "), "{request}");
    assert!(request.contains(r#""stream":true"#), "{request}");
    connection.begin_stream();
    connection.chunk(&(event("thread.run.in_progress", &run("in_progress")) + &delta("Hel")));
    connection
}

/// Responds to the requests by which a client fetches the result of a run.
fn tell_the_end(listener: &Listener) {
    let mut connection = listener.accept();
    assert!(connection.request().starts_with("GET /v1/threads/thread_1/runs/run_1 "));
    connection.answer("200 OK", &[JSON], &run("completed"));
    assert!(
        connection
            .request()
            .starts_with("GET /v1/threads/thread_1/messages?run_id=run_1&order=asc&limit=100 ")
    );
    let message =
        r#"{"id":"msg_1","role":"assistant","content":[{"type":"text","text":{"value":"Hello","annotations":[]}}]}"#;
    connection.answer(
        "200 OK",
        &[JSON],
        &format!(r#"{{"data":[{message}],"has_more":false}}"#),
    );
    assert!(
        connection
            .request()
            .starts_with("GET /v1/threads/thread_1/runs/run_1/steps?order=asc&limit=100 ")
    );
    connection.answer("200 OK", &[JSON], r#"{"data":[{"id":"step_1"}],"has_more":false}"#);
}

fn stream(client: &Client) -> RunStream {
    client.runs("thread_1").stream(CreateRun::new("asst_1")).send().unwrap()
}

#[track_caller]
fn check_recovered(finished: FinishedRun) {
    let finished = finished.completed().unwrap();
    assert_eq!(finished.text(), "Hello");
    assert_eq!(finished.steps.len(), 1);
}

#[test]
fn a_truncated_stream_is_an_error_and_finish_recovers() {
    for scheme in SCHEMES {
        let peer = Peer::start(scheme, |listener| {
            begin(listener).end_stream();
            begin(listener).end_stream();
            tell_the_end(listener);
        });
        // Each stream gets its own connection: an abandoned one is not reused.
        let events: Vec<_> = stream(&client(&peer)).collect();
        assert_eq!(events.len(), 3);
        let Some(Err(Error::StreamTruncated(error))) = events.last() else {
            panic!("{events:?}")
        };
        assert_eq!(error.events, 2);
        check_recovered(stream(&client(&peer)).finish().unwrap());
        peer.finish();
    }
}

/// Some servers send the deltas of a message, but neither its creation nor its completion.
#[test]
fn finish_returns_the_text_that_next_text_returned() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = begin(listener);
        connection.chunk(&(delta("lo") + &event("thread.run.completed", &run("completed")) + &event("done", "[DONE]")));
        connection.end_stream();
        drop(connection);
        tell_the_end(listener);
    });
    let mut stream = stream(&client(&peer));
    let mut text = String::new();
    while let Some(piece) = stream.next_text() {
        text += piece.unwrap();
    }
    assert_eq!(text, "Hello");
    check_recovered(stream.finish().unwrap());
    peer.finish();
}

#[test]
fn a_connection_that_breaks_is_an_error_and_finish_recovers() {
    for scheme in SCHEMES {
        let peer = Peer::start(scheme, |listener| {
            for _ in 0..2 {
                let mut connection = begin(listener);
                connection.send("ffff\r\nevent: thread.mess");
                connection.close();
            }
            tell_the_end(listener);
        });
        let mut stream_of_events = stream(&client(&peer));
        let error = stream_of_events.find_map(Result::err).unwrap();
        assert!(matches!(error, Error::StreamTruncated(_)), "{error}");
        assert!(
            std::error::Error::source(&error).is_some(),
            "the cause is kept: {error:?}"
        );
        assert!(stream_of_events.next().is_none(), "after an error it ends");
        assert_eq!(stream_of_events.message().unwrap().text(), "Hel");
        check_recovered(stream(&client(&peer)).finish().unwrap());
        peer.finish();
    }
}

#[test]
fn cancelling_ends_a_blocked_stream_within_50_ms() {
    for scheme in SCHEMES {
        let peer = Peer::start(scheme, |listener| begin(listener).wait_for_close());
        let token = CancelToken::new();
        let mut stream = client(&peer)
            .runs("thread_1")
            .stream(CreateRun::new("asst_1"))
            .cancel_with(&token)
            .send()
            .unwrap();
        assert_eq!(stream.next_text().unwrap().unwrap(), "Hel");
        let (blocked, reading) = mpsc::channel();
        let reader = thread::spawn(move || {
            blocked.send(()).unwrap();
            let error = stream.next_text().unwrap().unwrap_err();
            (error, Instant::now())
        });
        reading.recv().unwrap();
        let cancelled = Instant::now();
        token.cancel();
        let (error, ended) = reader.join().unwrap();
        assert!(matches!(error, Error::Cancelled(_)), "{error}");
        let took = ended.saturating_duration_since(cancelled);
        assert!(took < Duration::from_millis(50), "{scheme:?}: {took:?}");
        peer.finish();
    }
}

#[test]
fn a_silent_stream_ends_at_its_idle_limit_and_finish_recovers() {
    for scheme in SCHEMES {
        let peer = Peer::start(scheme, |listener| {
            begin(listener).wait_for_close();
            let mut connection = begin(listener);
            tell_the_end(listener);
            connection.wait_for_close();
        });
        let client = builder(&peer).idle_timeout(Duration::from_millis(200)).build().unwrap();
        let error = stream(&client).find_map(Result::err).unwrap();
        assert!(
            matches!(&error, Error::Timeout(error) if error.phase == TimeoutPhase::Idle),
            "{error}"
        );
        check_recovered(stream(&client).finish().unwrap());
        peer.finish();
    }
}

#[test]
fn an_active_stream_ends_at_its_deadline() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = begin(listener);
        // Sends as long as the client reads: a trickle that no idle limit ends.
        let mut alive = true;
        while alive {
            alive =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| connection.chunk(": still here\n"))).is_ok();
        }
    });
    let client = builder(&peer).idle_timeout(Duration::from_secs(5)).build().unwrap();
    let mut stream = client
        .runs("thread_1")
        .stream(CreateRun::new("asst_1"))
        .deadline(Duration::from_millis(300))
        .send()
        .unwrap();
    let error = stream.find_map(Result::err).unwrap();
    assert!(
        matches!(&error, Error::Timeout(error) if error.phase == TimeoutPhase::Deadline),
        "{error}"
    );
    drop(stream);
    peer.finish();
}

#[test]
fn a_retried_post_sends_the_same_idempotency_key() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        let mut keys = Vec::new();
        for status in ["500 Oops", "429 Slow down", "200 OK"] {
            let request = connection.request();
            let key = request
                .lines()
                .find(|line| line.to_ascii_lowercase().starts_with("idempotency-key:"));
            keys.push(key.expect("a key is sent").to_owned());
            connection.answer(status, &[JSON, "Retry-After-Ms: 1"], r#"{"id":"thread_1"}"#);
        }
        assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    });
    let seen = Arc::new(Mutex::new(Vec::new()));
    let observed = Arc::clone(&seen);
    let client = builder(&peer)
        .on_retry(move |retry| {
            let seen = (retry.attempt, retry.wait, retry.cause.status());
            observed.lock().unwrap().push(seen);
        })
        .build()
        .unwrap();
    let answer = client.threads().create(CreateThread::default()).send_raw().unwrap();
    assert_eq!(answer.attempts(), 3);
    let wait = Duration::from_millis(1);
    assert_eq!(*seen.lock().unwrap(), [(1, wait, Some(500)), (2, wait, Some(429))]);
    peer.finish();
}

/// Makes one request that gets an error status, and returns its error; there must be no second attempt.
#[track_caller]
fn answered(status: &'static str, headers: &'static [&'static str], body: &'static str) -> Error {
    let peer = Peer::start(Scheme::Http, move |listener| {
        let mut connection = listener.accept();
        connection.request();
        connection.answer(status, headers, body);
        connection.wait_for_close();
    });
    let error = client(&peer).threads().retrieve("thread_1").send().unwrap_err();
    peer.finish();
    error
}

#[test]
fn permanent_errors_are_not_retried() {
    let quota =
        r#"{"error":{"message":"no money","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
    let error = answered("429 Too Many Requests", &[JSON], quota);
    assert!(
        matches!(&error, Error::Api(error) if error.code.as_deref() == Some("insufficient_quota")),
        "{error}"
    );

    let error = answered("503 Unavailable", &["Retry-After: 300"], "");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(300)));
    assert!(error.to_string().contains("300s"), "the wait is named: {error}");
}

#[test]
fn html_is_reported_with_an_excerpt() {
    let page = "<html><head><title>Welcome to nginx</title></head><body>hi</body></html>";
    let error = answered("200 OK", &["Content-Type: text/html"], page);
    assert!(
        matches!(&error, Error::Decode(error) if error.excerpt.contains("html")),
        "{error:?}"
    );
    let error = answered("404 Not Found", &["Content-Type: text/html"], page);
    assert_eq!(error.status(), Some(404));
    assert!(error.to_string().contains("Welcome to nginx"), "{error}");
}

#[test]
fn an_encoding_that_was_not_requested_is_named() {
    let error = answered("200 OK", &["Content-Encoding: br"], "compressed");
    assert!(matches!(error, Error::Unsupported(_)), "{error:?}");
    assert!(error.to_string().contains("encoding `br`"), "{error}");
}

#[test]
fn the_error_of_an_invalid_response_names_the_position() {
    let error = answered(
        "200 OK",
        &[JSON],
        r#"{"id":"thread_1","tool_resources":{"file_search":7}}"#,
    );
    let Error::Decode(error) = error else { panic!("{error}") };
    assert_eq!(error.path, "tool_resources.file_search");
    assert!(error.what.contains("/threads/thread_1"), "{error}");
}

#[test]
fn an_unknown_status_is_polled_until_the_poll_limit_and_named() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        // Immediately, and when the limit is reached.
        for _ in 0..2 {
            connection.request();
            connection.answer("200 OK", &[JSON], &run("hibernating"));
        }
        connection.wait_for_close();
    });
    let error = {
        let client = client(&peer);
        client
            .runs("thread_1")
            .poll("run_1")
            .poll_interval(Duration::from_secs(3600))
            .poll_timeout(Duration::from_millis(50))
            .send()
            .unwrap_err()
    };
    assert!(
        matches!(&error, Error::Timeout(error) if error.phase == TimeoutPhase::Poll),
        "{error}"
    );
    assert!(error.to_string().contains("hibernating"), "{error}");
    peer.finish();
}

#[test]
fn polling_continues_until_the_run_has_ended() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        for status in ["queued", "in_progress", "hibernating", "incomplete"] {
            assert!(connection.request().starts_with("GET /v1/threads/thread_1/runs/run_1 "));
            connection.answer("200 OK", &[JSON, "openai-poll-after-ms: 1"], &run(status));
        }
    });
    let run = client(&peer).runs("thread_1").poll("run_1").send().unwrap();
    assert_eq!(run.status, RunStatus::Incomplete);
    peer.finish();
}

#[test]
fn a_limit_or_an_interval_may_exceed_the_range_of_the_clock() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        for status in ["completed", "queued", "queued"] {
            let request = connection.request();
            assert!(request.starts_with("GET /v1/threads/"), "{request}");
            connection.answer("200 OK", &[JSON], &run(status));
        }
        assert!(connection.request().starts_with("GET /v1/files/"));
        connection.answer("200 OK", &[JSON], r#"{"id":"file-1","status":"processed"}"#);
    });
    let client = client(&peer);
    let run = client.runs("thread_1").poll("run_1").deadline(Duration::MAX).send();
    assert_eq!(run.unwrap().status, RunStatus::Completed);
    let poll = client.runs("thread_1").poll("run_1").poll_interval(Duration::MAX);
    let poll = poll.poll_timeout(Duration::from_millis(20));
    assert!(matches!(poll.send(), Err(Error::Timeout(error)) if error.phase == TimeoutPhase::Poll));
    let wait = client.files().wait_for_processing("file-1").deadline(Duration::MAX);
    assert!(wait.send().is_ok());
    let batch = client.vector_store_batches("vs_1").upload_and_poll(["no/such/file"]);
    assert_eq!(batch.deadline(Duration::MAX).send().unwrap().failed.len(), 1);
    let parts = client.uploads().upload_in_parts("no/such/file", "assistants");
    assert!(matches!(parts.deadline(Duration::MAX).send(), Err(Error::File(_))));
    drop(client);
    peer.finish();
}

#[test]
fn a_repeated_cursor_does_not_loop_forever() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        for _ in 0..2 {
            connection.request();
            connection.answer("200 OK", &[JSON], r#"{"data":[{"id":"asst_1"}],"has_more":true}"#);
        }
        connection.wait_for_close();
    });
    let outcome: Vec<_> = client(&peer).assistants().list().into_iter().collect();
    assert!(
        matches!(outcome.as_slice(), [Ok(_), Err(Error::RepeatedCursor(_))]),
        "{outcome:?}"
    );
    peer.finish();
}

#[test]
fn a_key_is_shown_nowhere() {
    let body = r#"{"error":{"message":"Incorrect API key provided: sk-hush.","code":"invalid_api_key"}}"#;
    let error = answered("401 Unauthorized", &[JSON], body);
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("Incorrect API key provided: ***"), "{shown}");
    assert!(!shown.contains("hush"), "{shown}");
    let client = Client::builder().api_key("sk-hush").header("X-Secret", "hush");
    assert!(!format!("{client:?}").contains("hush"));
    let client = client.build().unwrap();
    let call = client.threads().retrieve("thread_1").header("X-Other", "hush");
    assert!(!format!("{client:?} {call:?}").contains("hush"));
}

#[test]
fn plain_http_to_another_machine_is_rejected() {
    let build = |url: &str| Client::builder().base_url(url).api_key("k").build();
    assert!(matches!(build("http://example.org/v1"), Err(Error::Config(_))));
    assert!(build("https://example.org/v1").is_ok());
    assert!(build("http://localhost:1/v1").is_ok());
    assert!(
        Client::builder()
            .base_url("http://example.org/v1")
            .allow_http(true)
            .build()
            .is_ok()
    );
}

#[test]
fn the_handler_is_called_in_order() {
    #[derive(Default)]
    struct Log(Vec<String>);

    impl EventHandler for Log {
        fn on_text_created(&mut self, _: &Text) {
            self.0.push("text".into());
        }
        fn on_text_delta(&mut self, delta: &TextDelta, text: &Text) {
            self.0.push(format!(
                "+{} = {}",
                delta.value.as_deref().unwrap_or_default(),
                text.value
            ));
        }
        fn on_text_done(&mut self, text: &Text) {
            self.0.push(format!("done {}", text.value));
        }
        fn on_message_done(&mut self, _: &assistants_blocking::openai::Message) {
            self.0.push("message".into());
        }
        fn on_run(&mut self, run: &assistants_blocking::openai::Run) {
            self.0.push(run.status.to_string());
        }
        fn on_exception(&mut self, error: &Error) {
            self.0.push(format!("exception {}", error.is_timeout()));
        }
        fn on_end(&mut self) {
            self.0.push("end".into());
        }
    }

    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = begin(listener);
        let message = r#"{"id":"msg_1","status":"completed","content":[{"type":"text","text":{"value":"Hello","annotations":[]}}]}"#;
        connection.chunk(&(delta("lo") + &event("thread.message.completed", message)));
        connection.chunk(&(event("thread.run.completed", &run("completed")) + &event("done", "[DONE]")));
        connection.end_stream();
        drop(connection);
        begin(listener).end_stream();
    });
    let mut log = Log::default();
    stream(&client(&peer)).handle(&mut log).unwrap();
    let want = [
        "in_progress",
        "text",
        "+Hel = Hel",
        "+lo = Hello",
        "done Hello",
        "message",
        "completed",
        "end",
    ];
    assert_eq!(log.0, want);

    let mut log = Log::default();
    let error = stream(&client(&peer)).handle(&mut log).unwrap_err();
    assert!(matches!(error, Error::StreamTruncated(_)));
    assert_eq!(log.0, ["in_progress", "text", "+Hel = Hel", "exception false", "end"]);
    peer.finish();
}
