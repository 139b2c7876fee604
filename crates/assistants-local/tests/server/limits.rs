//! Limits on concurrency, and time limits.

use std::net::SocketAddr;
#[cfg(target_os = "linux")]
use std::process::Command;
use std::time::{Duration, Instant};

use assistants_local::{Limits, LocalServer};

#[cfg(target_os = "linux")]
use super::binary::{PROGRAM, Program};
use super::raw::{Raw, request};

fn limited(change: impl FnOnce(&mut Limits)) -> (LocalServer, SocketAddr) {
    let mut limits = Limits::default();
    change(&mut limits);
    let server = LocalServer::builder().limits(limits).start().unwrap();
    let address = server.address();
    (server, address)
}

fn get(address: SocketAddr) -> u16 {
    request(address, "GET", "/v1/assistants", "host: localhost\r\n", "").0
}

const HOST_JSON: &str = "host: localhost\r\ncontent-type: application/json\r\n";

fn short(time: &mut Duration) {
    *time = Duration::from_millis(200);
}

#[test]
fn a_connection_that_sends_no_request_is_closed() {
    let (_server, address) = limited(|limits| short(&mut limits.head_timeout));
    for begun in [
        "",
        "GET /v1/assist",
        "GET /v1/assistants HTTP/1.1\r\nhost: localhost\r\nx-slow: ",
    ] {
        let mut raw = Raw::connect(address);
        raw.send(begun);
        raw.read_to_end();
    }
    // Also a connection that has had its response. On a slow machine the request may be too late.
    let start = Instant::now();
    loop {
        let mut raw = Raw::connect(address);
        raw.send("GET /v1/assistants HTTP/1.1\r\nhost: localhost\r\n\r\n");
        if raw.read_to_end().starts_with("HTTP/1.1 200") {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(50), "no request is answered");
    }
}

#[test]
fn a_body_that_does_not_arrive_times_out() {
    let (_server, address) = limited(|limits| short(&mut limits.body_timeout));
    let form = "content-type: multipart/form-data; boundary=x";
    for (path, head, begun) in [
        ("/v1/threads", "content-type: application/json", ""),
        ("/v1/threads", "content-type: application/json", "{"),
        ("/v1/files", form, ""),
        ("/v1/files", form, "--x\r\ncontent-disposition: form-data; name=fi"),
        (
            "/v1/files",
            form,
            "--x\r\ncontent-disposition: form-data; name=file; filename=a\r\n\r\ntext",
        ),
        ("/assistants/v1/threads", "content-type: application/json", "{"),
        (
            "/files/v1/files",
            "content-type: application/json",
            "{\"content\": \"YWJj",
        ),
    ] {
        let mut raw = Raw::connect(address);
        raw.send(format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\n{head}\r\ncontent-length: 1000\r\n\r\n{begun}"
        ));
        let response = raw.read_to_end();
        assert!(
            response.contains("The body did not arrive in time."),
            "{path}: {response:?}"
        );
        let status = if path.starts_with("/v1") { "408" } else { "400" };
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status}")),
            "{path}: {response:?}"
        );
    }
}

#[test]
fn a_stream_outlives_the_limits_of_requests() {
    let (_server, address) = limited(|limits| {
        for time in [
            &mut limits.head_timeout,
            &mut limits.body_timeout,
            &mut limits.write_timeout,
        ] {
            *time = Duration::from_secs(2);
        }
    });
    let body = r#"{"model": "m", "stream": true, "messages": [{"role": "user", "content": "repeat 1\nsleep 5000\nrepeat 2"}]}"#;
    let (status, response) = request(address, "POST", "/v1/chat/completions", HOST_JSON, body);
    assert_eq!(status, 200);
    assert!(response.contains("data: [DONE]"), "{response}");
}

#[test]
fn a_client_that_does_not_read_is_disconnected() {
    let (_server, address) = limited(|limits| {
        short(&mut limits.write_timeout);
        limits.connections = 1;
    });
    let mut reader = Raw::connect(address);
    let body = r#"{"model": "m", "messages": [{"role": "user", "content": "repeat 90000"}]}"#;
    // Several responses, larger than the buffers of a connection.
    for _ in 0..20 {
        reader.send(format!(
            "POST /v1/chat/completions HTTP/1.1\r\n{HOST_JSON}content-length: {}\r\n\r\n{body}",
            body.len()
        ));
    }
    // Another connection is accepted as soon as the only one is closed.
    let start = Instant::now();
    while get(address) != 200 {
        assert!(start.elapsed() < Duration::from_secs(50), "the connection is kept");
    }
    drop(reader);
}

#[test]
fn connections_beyond_the_limit_get_status_503() {
    let (_server, address) = limited(|limits| limits.connections = 2);
    let places: Vec<Raw> = (0..2).map(|_| Raw::connect(address)).collect();
    for (path, shape) in [
        ("/v1/assistants", "\"server_busy\""),
        ("/assistants/v1/threads", "\"code\":14"),
    ] {
        let (status, response) = request(address, "GET", path, "host: localhost\r\n", "");
        assert_eq!(status, 503, "{response}");
        assert!(
            response.contains("retry-after: 1\r\n") && response.contains(shape),
            "{response}"
        );
    }
    // Such a connection is closed after its response: it does not read a second request.
    let mut surplus = Raw::connect(address);
    surplus.send("GET /v1/assistants HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(2));
    let response = surplus.read_to_end();
    assert_eq!(response.matches("HTTP/1.1 503").count(), 1, "{response}");
    assert!(response.contains("connection: close\r\n"), "{response}");
    drop(places);
    let start = Instant::now();
    while get(address) != 200 {
        assert!(start.elapsed() < Duration::from_secs(50), "no place becomes free");
    }
}

#[test]
fn bodies_share_one_budget_of_memory() {
    let (_server, address) = limited(|limits| {
        limits.body_memory = 1024 * 1024;
        short(&mut limits.queue_timeout);
    });
    let large = format!("{}{{}}", " ".repeat(300_000));
    let start = Instant::now();
    let held = loop {
        // Takes most of the budget and never ends, unless the large one came first.
        let mut held = Raw::connect(address);
        held.send(format!(
            "POST /v1/threads HTTP/1.1\r\n{HOST_JSON}content-length: 1000000\r\n\r\n{}",
            " ".repeat(450_000)
        ));
        let (status, response) = request(address, "POST", "/v1/threads", HOST_JSON, &large);
        if status == 503 {
            assert!(response.contains("retry-after: 1\r\n"), "{response}");
            break held;
        }
        assert!(start.elapsed() < Duration::from_secs(50), "{response}");
    };
    // Small bodies do not wait for the budget.
    assert_eq!(request(address, "POST", "/v1/threads", HOST_JSON, "{}").0, 200);
    drop(held);
    let start = Instant::now();
    while request(address, "POST", "/v1/threads", HOST_JSON, &large).0 != 200 {
        assert!(
            start.elapsed() < Duration::from_secs(50),
            "the budget is not given back"
        );
    }
}

#[test]
fn a_malformed_form_is_not_held_in_memory() {
    let (_server, address) = limited(|_| {});
    let head = "content-type: multipart/form-data; boundary=x";
    for (begun, endless) in [
        ("", "no boundary at all, "),
        ("--x\r\ncontent-disposition: form-data; name=", "aaaaaaaaaaaaaaaa"),
        ("--x\r\n", "x-header: of a part\r\n"),
    ] {
        let mut raw = Raw::connect(address);
        let sent = raw.send(format!(
            "POST /v1/files HTTP/1.1\r\nhost: localhost\r\n{head}\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
        ));
        assert!(sent);
        let mut chunk = |text: &str| raw.send(format!("{:x}\r\n{text}\r\n", text.len()));
        assert!(begun.is_empty() || chunk(begun));
        let piece = endless.repeat(1024);
        // Far more than is kept, and far less than what is discarded before the connection is closed.
        let pieces = 1024 * 1024 / piece.len();
        assert!((0..pieces).all(|_| chunk(&piece)));
        raw.send("0\r\n\r\n");
        let response = raw.read_to_end();
        assert!(response.contains("within 16384 bytes"), "{response}");
    }
}

#[test]
fn the_values_of_a_body_are_counted_before_it_is_parsed() {
    let (_server, address) = limited(|_| {});
    let list = |item: &str, count: usize| vec![item; count].join(",");
    let message = r#"{"role":"user","content":"a"}"#;
    for (path, body, want) in [
        (
            "/v1/threads",
            format!("[{}]", list("[0]", 200_000)),
            "more than 250000 values",
        ),
        ("/v1/threads", "[".repeat(100_000), "recursion limit"),
        (
            "/v1/threads",
            format!(r#"{{"messages":[{}]}}"#, list(message, 32)),
            "\"id\":\"thread_",
        ),
        (
            "/v1/threads",
            format!(r#"{{"messages":[{}]}}"#, list(message, 33)),
            "Invalid 'messages': array too long. Expected an array with maximum length 32, but got an array with length 33 instead.",
        ),
        (
            "/v1/threads/runs",
            format!(
                r#"{{"assistant_id":"asst_x","thread":{{"messages":[{}]}}}}"#,
                list(message, 33)
            ),
            "Invalid 'thread.messages': array too long. Expected an array with maximum length 32, but got an array with length 33 instead.",
        ),
        (
            "/v1/vector_stores/vs_x/search",
            format!(r#"{{"query":[{}]}}"#, list("\"a\"", 65)),
            "Invalid 'query': array too long. Expected an array with maximum length 64, but got an array with length 65 instead.",
        ),
        (
            "/assistants/v1/threads",
            format!("[{}]", list("{}", 200_000)),
            "more than 250000 values",
        ),
    ] {
        let (_, response) = request(address, "POST", path, HOST_JSON, &body);
        assert!(response.contains(want), "{path}: {response}");
    }
    let query = list("a=b", 257).replace(',', "&");
    for path in ["/v1/assistants", "/assistants/v1/threads"] {
        let (status, response) = request(address, "GET", &format!("{path}?{query}"), "host: localhost\r\n", "");
        assert_eq!(status, 400);
        assert!(response.contains("maximum length 256"), "{response}");
    }
}

/// The numbers of idle connections and of stalled uploads: small here, and set for a measurement by the environment, as
/// in `ASSISTANTS_LOCAL_LOAD=1000,600`.
fn load() -> (usize, usize) {
    let given = std::env::var("ASSISTANTS_LOCAL_LOAD").unwrap_or_default();
    let (idle, stalled) = given.split_once(',').unwrap_or(("40", "40"));
    (idle.parse().unwrap(), stalled.parse().unwrap())
}

#[test]
fn idle_connections_and_stalled_uploads_delay_nobody() {
    // Fewer threads than stalled uploads.
    let (_server, address) = limited(|limits| limits.handlers = 8);
    let (idle, stalled) = load();
    let idle: Vec<Raw> = (0..idle).map(|_| Raw::connect(address)).collect();
    let stalled: Vec<Raw> = (0..stalled)
        .map(|number| {
            let mut raw = Raw::connect(address);
            let begun = "--x\r\ncontent-disposition: form-data; name=file; filename=a\r\n\r\nsome text";
            raw.send(format!(
                "POST /v1/files HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=x\r\n\
                 content-length: 1000000\r\n\r\n{}",
                if number % 2 == 0 { begun } else { "" }
            ));
            raw
        })
        .collect();
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            let start = Instant::now();
            assert_eq!(get(address), 200);
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    eprintln!(
        "{} idle, {} stalled: a GET took {:?} (p50), {:?} (p99), {:?} (worst)",
        idle.len(),
        stalled.len(),
        times[100],
        times[197],
        times[199]
    );
    // Far less than the time limit of stalled bodies.
    assert!(times[199] < Duration::from_secs(5), "{times:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_in_base64_is_not_held_in_memory() {
    const LENGTH: usize = 64 * 1024 * 1024;
    let program = Program::start(Command::new(PROGRAM).args(["serve", "--listen", "127.0.0.1:0", "--in-memory"]));
    let address = program.address();
    let upload = |length: usize| {
        let (start, end) = (r#"{"folderId": "fld", "content": ""#, r#"", "name": "long"}"#);
        let piece = "bG9u".repeat(256 * 1024);
        let (pieces, last) = (length / 3 * 4 / piece.len(), &piece[..length / 3 * 4 % piece.len()]);
        let mut raw = Raw::connect(address);
        let whole = start.len() + length / 3 * 4 + end.len();
        raw.send(format!(
            "POST /files/v1/files HTTP/1.1\r\n{HOST_JSON}content-length: {whole}\r\nconnection: close\r\n\r\n{start}"
        ));
        for _ in 0..pieces {
            raw.send(&piece);
        }
        raw.send(format!("{last}{end}"));
        let response = raw.read_to_end();
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
        let (_, body) = response.split_once("\r\n\r\n").unwrap();
        let file: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            (&file["name"], &file["mimeType"]),
            (&"long".into(), &"text/plain".into())
        );
        let seen = program
            .client
            .get(&format!("/files/{}", file["id"].as_str().unwrap()))
            .ok();
        assert_eq!(seen["bytes"], length / 3 * 3);
    };
    upload(1024 * 1024);
    let before = program.peak_memory();
    upload(LENGTH);
    let grown = program.peak_memory() - before;
    assert!(grown < LENGTH as u64 / 8, "the server has grown by {grown} bytes");
}
