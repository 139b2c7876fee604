//! What a server sends back is shown without the secrets of the call and without terminal control characters.
//!
//! The peer here repeats the caller's secrets in everything it sends: bodies, headers, events, cursors. Every error of
//! every kind of call, with its sources, and every line of the log is then searched for them.

use std::error::Error as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use assistants_blocking::openai::{self, CreateAssistant, CreateMessage, CreateRun, CreateThread};
use assistants_blocking::yandex::{self, Credentials};
use assistants_blocking::{Error, chat};

use test_peer::{Connection, Peer, Scheme};

/// The key of the client, and secrets in a header of the caller, in the query of the client and in that of the call.
const SECRETS: [&str; 4] = [
    "sk-hush/key+1=",
    "hush-in-header",
    "hush-in-client-query",
    "hush-in-query",
];

/// Control characters that clear the screen and change the direction of the text.
const CONTROL: &str = "\u{1b}[2J\u{9b}31m\u{202e}\u{7}";

/// All lines of the log since they were last read. One test reads at a time.
struct Lines(Mutex<String>);

static LINES: Lines = Lines(Mutex::new(String::new()));
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

impl log::Log for Lines {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("assistants_blocking")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *lines += &format!("{}\u{0}", record.args());
        }
    }

    fn flush(&self) {}
}

/// Starts to record the log, for one test at a time.
fn listen() -> MutexGuard<'static, ()> {
    let guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if log::set_logger(&LINES).is_ok() {
        log::set_max_level(log::LevelFilter::Trace);
    }
    guard
}

/// The lines of the log since the last call. Checks that none contains a line break or control character.
#[track_caller]
fn logged() -> Vec<String> {
    let text = std::mem::take(&mut *LINES.0.lock().unwrap());
    let lines: Vec<String> = text.split_terminator('\u{0}').map(str::to_owned).collect();
    for line in &lines {
        assert_clean(line);
        assert!(!line.contains('\n'), "{line:?}");
    }
    lines
}

/// Checks that a text contains no secrets and no control characters except line breaks and tabs.
#[track_caller]
fn assert_clean(text: &str) {
    for secret in SECRETS {
        for part in [secret, &secret[..9], &secret[secret.len() - 9..]] {
            assert!(!text.contains(part), "{part} in: {text}");
        }
    }
    let acts = |c: char| (c.is_control() && c != '\n' && c != '\t') || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!text.contains(acts), "{text:?}");
}

/// Everything that a program may show of an error.
#[track_caller]
fn assert_error_is_clean(error: &Error) {
    assert_clean(&error.to_string());
    assert_clean(&format!("{error:?}"));
    assert_clean(error.request_id().unwrap_or_default());
    let mut cause = error.source();
    while let Some(error) = cause {
        assert_clean(&error.to_string());
        assert_clean(&format!("{error:?}"));
        cause = error.source();
    }
}

/// All secrets, with control characters, as the content of a JSON string.
fn said() -> String {
    let text = serde_json::to_string(&format!("{}{CONTROL}", SECRETS.join(" "))).unwrap();
    text[1..text.len() - 1].to_owned()
}

/// A client whose calls carry all secrets.
fn openai_client(peer: &Peer) -> openai::Client {
    openai::Client::builder()
        .base_url(peer.url("/v1"))
        .api_key(SECRETS[0])
        .header("X-Gateway-Token", format!("Bearer {}", SECRETS[1]))
        .query("subscription-key", SECRETS[2])
        .max_retries(0)
        .build()
        .unwrap()
}

fn yandex_client(peer: &Peer) -> yandex::Client {
    yandex::Client::builder()
        .base_url(peer.url(""))
        .folder_id("folder")
        .credentials(Credentials::iam_token(SECRETS[0]))
        .header("X-Gateway-Token", SECRETS[1])
        .query("subscription-key", SECRETS[2])
        .max_retries(0)
        .build()
        .unwrap()
}

/// A peer that responds to each request with `answer` until the client is dropped.
fn peer(requests: usize, answer: impl Fn(&mut Connection) + Send + 'static) -> Peer {
    Peer::start(Scheme::Http, move |listener| {
        for _ in 0..requests {
            let mut connection = listener.accept();
            let request = connection.request();
            assert!(request.contains(SECRETS[0]), "the request carries the key: {request}");
            answer(&mut connection);
            connection.wait_for_close();
        }
    })
}

/// A response with this status and with the secrets, also in a header.
fn answer(connection: &mut Connection, status: &str, content_type: &str, body: &str) {
    connection.answer(
        status,
        &[
            &format!("Content-Type: {content_type}"),
            &format!("x-request-id: {}", SECRETS.join(" ")),
            "Connection: close",
        ],
        body,
    );
}

/// Makes every kind of call of both providers against the same response, and returns their errors.
fn errors_of_every_call(answer: impl Fn(&mut Connection) + Copy + Send + 'static) -> Vec<(&'static str, Error)> {
    type Attempt = (&'static str, fn(&Peer) -> Option<Error>);
    let attempts: [Attempt; 12] = [
        ("create", |peer| {
            let params = CreateThread::default().message(CreateMessage::user(SECRETS[1]));
            let call = openai_client(peer).threads().create(params);
            call.query("api_key", SECRETS[3]).send().err()
        }),
        ("retrieve", |peer| {
            openai_client(peer)
                .assistants()
                .retrieve("asst_1")
                .query("key", SECRETS[3])
                .send()
                .err()
        }),
        ("list", |peer| {
            let list = openai_client(peer).assistants().list().query("key", SECRETS[3]);
            list.into_iter().find_map(Result::err)
        }),
        ("stream", |peer| {
            let call = openai_client(peer).runs("thread_1").stream(CreateRun::new("asst_1"));
            match call.query("key", SECRETS[3]).send() {
                Ok(stream) => stream.into_iter().find_map(Result::err),
                Err(error) => Some(error),
            }
        }),
        ("poll", |peer| {
            let call = openai_client(peer)
                .runs("thread_1")
                .poll("run_1")
                .query("key", SECRETS[3]);
            call.poll_timeout(Duration::ZERO).send().err()
        }),
        ("upload", |peer| {
            let source = assistants_blocking::FileSource::bytes("notes.txt", "notes");
            openai_client(peer)
                .files()
                .upload(source, "assistants")
                .query("key", SECRETS[3])
                .send()
                .err()
        }),
        ("chat", |peer| {
            let params = chat::CreateChatCompletion::new("m", [chat::ChatMessage::user("Hello")]);
            let call = openai_client(peer).chat().stream(params);
            match call.query("key", SECRETS[3]).send() {
                Ok(stream) => stream.into_iter().find_map(Result::err),
                Err(error) => Some(error),
            }
        }),
        ("content", |peer| {
            let call = openai_client(peer).files().content("file_1").query("key", SECRETS[3]);
            let mut body = match call.send_streaming() {
                Ok(body) => body,
                Err(error) => return Some(error),
            };
            let read = std::io::copy(&mut body, &mut std::io::sink());
            read.err()
                .map(|error| error.downcast().expect("an error of this crate"))
        }),
        ("yandex get", |peer| {
            yandex_client(peer)
                .assistants()
                .get("a")
                .query("key", SECRETS[3])
                .send()
                .err()
        }),
        ("yandex list", |peer| {
            let list = yandex_client(peer).threads().list().query("key", SECRETS[3]);
            list.into_iter().find_map(Result::err)
        }),
        ("yandex messages", |peer| {
            let call = yandex_client(peer).messages("t").list().query("key", SECRETS[3]);
            call.into_iter().find_map(Result::err)
        }),
        ("yandex listen", |peer| {
            let call = yandex_client(peer).runs().listen("r").query("key", SECRETS[3]);
            match call.send() {
                Ok(stream) => stream.into_iter().find_map(Result::err),
                Err(error) => Some(error),
            }
        }),
    ];
    attempts
        .into_iter()
        .filter_map(|(name, attempt)| {
            let peer = peer(1, answer);
            let error = attempt(&peer);
            peer.finish();
            Some((name, error?))
        })
        .collect()
}

#[test]
fn an_error_status_shows_no_secret() {
    let _one = listen();
    let said = said();
    let bodies = [
        format!(r#"{{"error":{{"message":"m {said}","type":"t {said}","code":"c {said}","param":"p {said}"}}}}"#),
        format!(
            r#"{{"code":16,"message":"{said}","details":[{{"@type":"x/google.rpc.RequestInfo","requestId":"{said}"}}]}}"#
        ),
        format!("<html><title>{said}</title></html>"),
        // The excerpt and the body are cut within a secret.
        format!("{}{}", "x".repeat(190), SECRETS.join(" ")),
        format!(
            "{}{}",
            "x".repeat(assistants_blocking::ApiError::MAX_BODY - 10),
            SECRETS.join(" ")
        ),
        r#"{"error":{"message":"sk-hush\u002fkey\u002B1\u003d"}}"#.to_owned(),
    ];
    for body in &bodies {
        let body: &'static str = Box::leak(body.clone().into_boxed_str());
        let errors =
            errors_of_every_call(move |connection| answer(connection, "401 Unauthorized", "application/json", body));
        assert_eq!(errors.len(), 12, "every call fails");
        for (call, error) in errors {
            assert!(matches!(error, Error::Api(_)), "{call}: {error:?}");
            assert_error_is_clean(&error);
        }
    }
    let lines = logged();
    assert!(
        lines.iter().any(|line| line.contains("***")),
        "the log has what was hidden"
    );
    assert!(
        lines.iter().any(|line| line.contains(": request ")),
        "and the bodies of requests"
    );
}

#[test]
fn an_invalid_response_shows_no_secret() {
    let _one = listen();
    let said = said();
    let objects = [
        format!(r#"{{"id":{{"{said}":"{said}"}},"data":"{said}","choices":"{said}","messages":"{said}"}}"#),
        // The excerpt starts and ends within a secret.
        format!(r#"{{"id":["{0}{0}{0}"],"data":7}}"#, SECRETS[0]),
        format!(r#"{{"data":[{{"id":1,"pad":"{0}"}}],"id":["{0}","{0}"]}}"#, SECRETS[1]),
        format!("{said} no json"),
    ];
    let mut kinds = Vec::new();
    for object in &objects {
        for stream in [false, true] {
            let (content_type, body) = match stream {
                false => ("application/json", object.clone()),
                true => {
                    let data = object.replace('\n', " ");
                    (
                        "text/event-stream",
                        format!(
                            "event: thread.created\ndata: {data}\n\nevent: {}\ndata: {data}\n\n",
                            SECRETS[0]
                        ),
                    )
                }
            };
            let body: &'static str = Box::leak(body.into_boxed_str());
            for (_, error) in errors_of_every_call(move |connection| answer(connection, "200 OK", content_type, body)) {
                assert_error_is_clean(&error);
                kinds.push(std::mem::discriminant(&error));
            }
        }
    }
    kinds.dedup();
    assert!(kinds.len() > 2, "several kinds of errors");
    logged();
}

#[test]
fn an_error_in_a_stream_shows_no_secret() {
    let _one = listen();
    let said = said();
    for (content_type, body) in [
        (
            "text/event-stream",
            format!("event: error\ndata: {{\"error\":{{\"message\":\"{said}\",\"code\":\"{said}\"}}}}\n\n"),
        ),
        (
            "text/event-stream",
            format!("data: {{\"error\":{{\"message\":\"{said}\",\"type\":\"{said}\"}}}}\n\n"),
        ),
        (
            "application/json",
            format!("{{\"error\":{{\"message\":\"{said}\",\"code\":5}}}}"),
        ),
    ] {
        let body: &'static str = Box::leak(body.into_boxed_str());
        let errors = errors_of_every_call(move |connection| answer(connection, "200 OK", content_type, body));
        assert!(errors.len() >= 4, "{errors:?}");
        assert!(
            errors.iter().any(|(_, error)| matches!(error, Error::Api(_))),
            "{errors:?}"
        );
        errors.iter().for_each(|(_, error)| assert_error_is_clean(error));
    }
    logged();
}

#[test]
fn a_repeated_cursor_shows_no_secret() {
    let _one = listen();
    let body = format!(
        r#"{{"data":[{{"id":"{0}"}}],"has_more":true,"last_id":"{0}"}}"#,
        SECRETS[0]
    );
    let peer = peer(2, move |connection| {
        answer(connection, "200 OK", "application/json", &body);
    });
    let error = openai_client(&peer)
        .assistants()
        .list()
        .query("key", SECRETS[3])
        .into_iter()
        .find_map(Result::err)
        .unwrap();
    assert!(matches!(error, Error::RepeatedCursor(_)), "{error:?}");
    assert_error_is_clean(&error);
    peer.finish();
    logged();
}

#[test]
fn a_failed_run_shows_no_secret() {
    let _one = listen();
    let said = said();
    let run = format!(
        r#"{{"id":"run_1","thread_id":"thread_1","status":"failed","last_error":{{"code":"server_error","message":"{said}"}}}}"#
    );
    let events = format!("event: thread.run.failed\ndata: {run}\n\nevent: done\ndata: [DONE]\n\n");
    let peer = peer(1, move |connection| {
        answer(connection, "200 OK", "text/event-stream", &events);
    });
    let stream = openai_client(&peer)
        .runs("thread_1")
        .stream(CreateRun::new("asst_1"))
        .query("key", SECRETS[3])
        .send()
        .unwrap();
    let error = stream.finish().unwrap().completed().unwrap_err();
    assert!(matches!(error, Error::RunFailed(_)), "{error:?}");
    assert_error_is_clean(&error);
    peer.finish();
    logged();
}

#[test]
fn errors_of_waits_and_results_show_no_secret() {
    type Attempt = fn(&Peer) -> Error;
    let _one = listen();
    let said = said();
    let failed = format!(r#"{{"id":"r","state":{{"status":"FAILED","error":{{"code":"3","message":"{said}"}}}}}}"#);
    let operation = format!(r#"{{"id":"op_1","done":true,"error":{{"code":3,"message":"{said}"}}}}"#);
    let attempts: [(&str, String, Attempt); 6] = [
        ("result of a run", failed.clone(), |peer| {
            let call = yandex_client(peer).runs().get_result("r").query("key", SECRETS[3]);
            call.send().unwrap().succeeded().unwrap_err()
        }),
        ("wait for a run", failed, |peer| {
            let call = yandex_client(peer).runs().wait("r").query("key", SECRETS[3]);
            call.send().unwrap().succeeded().unwrap_err()
        }),
        (
            "status of a run",
            format!(r#"{{"id":"r","state":{{"status":"{said}"}}}}"#),
            |peer| {
                let call = yandex_client(peer).runs().wait("r").query("key", SECRETS[3]);
                call.poll_timeout(Duration::ZERO).send().unwrap_err()
            },
        ),
        (
            "status of a run of OpenAI",
            format!(r#"{{"id":"r","thread_id":"t","status":"{said}"}}"#),
            |peer| {
                let call = openai_client(peer).runs("t").poll("r").query("key", SECRETS[3]);
                call.poll_timeout(Duration::ZERO).send().unwrap_err()
            },
        ),
        ("result of an operation", operation.clone(), |peer| {
            let params = yandex::CreateSearchIndex::new("folder").file_id("f");
            let call = yandex_client(peer).search_indexes().create(params);
            let operation = call.query("key", SECRETS[3]).send().unwrap();
            operation.result().unwrap().unwrap_err()
        }),
        ("wait for an operation", operation, |peer| {
            let state = serde_json::from_str(r#"{"id":"op_1"}"#).unwrap();
            let operation = yandex_client(peer).operations().of::<yandex::SearchIndex>(state);
            operation.wait().query("key", SECRETS[3]).send().unwrap_err()
        }),
    ];
    for (what, body, attempt) in attempts {
        let peer = peer(1, move |connection| {
            answer(connection, "200 OK", "application/json", &body);
        });
        let error = attempt(&peer);
        peer.finish();
        assert!(error.to_string().contains("***"), "{what}: {error:?}");
        assert_error_is_clean(&error);
    }
    logged();
}

#[test]
fn the_address_of_a_download_shows_no_secret() {
    let _one = listen();
    let files = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        let request = connection.request();
        assert!(request.starts_with("GET /bucket/hush-in-header/"), "{request}");
        connection.answer("404 Not Found", &["Connection: close"], "");
    });
    let path = format!("/bucket/{}", SECRETS[1..].join("/"));
    let url = format!(r#"{{"url":"{}"}}"#, files.url(&path));
    let service = peer(1, move |connection| {
        answer(connection, "200 OK", "application/json", &url);
    });
    let call = yandex_client(&service).files().download("file_1");
    let error = call.query("key", SECRETS[3]).send().unwrap_err();
    assert_eq!(error.status(), Some(404));
    assert_error_is_clean(&error);
    service.finish();
    files.finish();
    logged();
}

#[test]
fn options_show_no_value_of_headers_query_or_body_fields() {
    let options = assistants_blocking::Options::new()
        .header("api-key", SECRETS[0])
        .query("key", SECRETS[1])
        .body_field("token", SECRETS[2]);
    let shown = format!("{options:?}");
    assert!(
        shown.contains("api-key") && shown.contains("key") && shown.contains("token"),
        "{shown}"
    );
    assert_clean(&shown);
    let client = openai::Client::builder()
        .base_url("http://127.0.0.1:9/v1")
        .query("key", SECRETS[1])
        .build()
        .unwrap();
    assert_clean(&format!("{client:?}"));
    assert_clean(&format!(
        "{:?}",
        client
            .assistants()
            .create(CreateAssistant::new("m"))
            .query("key", SECRETS[3])
    ));
}

#[test]
fn a_download_sends_nothing_of_the_client_to_the_file_server() {
    let _one = listen();
    let files = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        let request = connection.request();
        assert!(request.starts_with("GET /bucket/file?sig=s HTTP/1.1\r\n"), "{request}");
        assert!(!request.contains("hush"), "{request}");
        connection.answer("200 OK", &["Connection: close"], "content");
    });
    let url = format!(r#"{{"url":"{}"}}"#, files.url("/bucket/file?sig=s"));
    let service = peer(1, move |connection| {
        answer(connection, "200 OK", "application/json", &url);
    });
    let call = yandex_client(&service).files().download("file_1");
    let content = call
        .header("api-key", SECRETS[1])
        .query("key", SECRETS[3])
        .send()
        .unwrap();
    assert_eq!(content, b"content");
    service.finish();
    files.finish();
    logged();
}
