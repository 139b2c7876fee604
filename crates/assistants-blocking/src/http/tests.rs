//! Attempts against a scripted peer, over http and https.

use std::io::{self, Read};
use std::net::TcpListener;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use test_peer::{Connection, Listener, PATIENCE, Peer, SCHEMES, Scheme};

use super::head::Head;
use super::incoming::{Incoming, MAX_BODY_BYTES, Response};
use super::outgoing::{Body, Expect, Outgoing, Source, Timeouts};
use super::proxy::ProxyChoice;
use super::transport::{Transport, TransportOptions};
use super::watch::{self, Limit, Watch};
use crate::auth::secrets::Secrets;
use crate::call::url::OwnQuery;
use crate::cancel::CancelToken;
use crate::error::{Error, TimeoutPhase};

use crate::stream::sse::SseReader;

/// What a cancelled call promises.
const PROMISE: Duration = Duration::from_millis(50);

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A transport that trusts `peer`.
fn transport(peer: &Peer) -> Transport {
    transport_with(peer, |_| {})
}

fn transport_with(peer: &Peer, change: impl FnOnce(&mut TransportOptions)) -> Transport {
    let mut options = TransportOptions {
        proxy: ProxyChoice::Off,
        ..TransportOptions::default()
    };
    if let Some(certificate) = peer.certificate() {
        options.add_root_certificates(certificate.as_bytes()).unwrap();
    }
    change(&mut options);
    Transport::new(&options).unwrap()
}

fn outgoing<'a>(method: &'static str, url: &'a str) -> Outgoing<'a> {
    Outgoing {
        method,
        url,
        path: "/x",
        head: Head::default(),
        body: Body::Empty,
        timeouts: Timeouts {
            attempt: Some(PATIENCE),
            ..Timeouts::default()
        },
        expect: Expect::Whole,
        own_query: OwnQuery::default(),
        secrets: Secrets::default(),
    }
}

fn stream<'a>(url: &'a str, idle: Option<Duration>) -> Outgoing<'a> {
    let get = outgoing("GET", url);
    Outgoing {
        expect: Expect::Stream,
        timeouts: Timeouts { idle, ..get.timeouts },
        ..get
    }
}

/// The error that the transport put into a reader's.
fn ours(error: io::Error) -> Error {
    error.downcast().expect("an error of ours inside")
}

#[track_caller]
fn assert_timeout(error: &Error, phase: TimeoutPhase, request_sent: bool) {
    match error {
        Error::Timeout(error) => assert_eq!((error.phase, error.request_sent), (phase, request_sent), "{error}"),
        other => panic!("{other:?}"),
    }
}

/// Reads one event, as proof that the stream has begun.
fn first_event<R: Read>(events: &mut SseReader<R>, want: &str) {
    assert_eq!(events.next_event().unwrap().map(|event| event.data), Some(want));
}

/// Cancels `call` once it is about to block, which either side reports, and measures until it is back. Three times,
/// because a busy machine may be late once: the middle one counts. What `serve` returns is kept until then.
#[track_caller]
fn assert_cancels<Kept: 'static>(
    scheme: Scheme,
    serve: fn(&Listener, Sender<()>) -> Kept,
    call: fn(&Transport, &str, &Watch, Sender<()>) -> Error,
) {
    let mut took = [(); 3].map(|()| {
        let (blocked, is_blocked) = mpsc::channel();
        let (done, is_done) = mpsc::channel::<()>();
        let server_blocked = blocked.clone();
        let peer = Peer::start(scheme, move |listener| {
            let kept = serve(listener, server_blocked);
            is_done.recv_timeout(PATIENCE).expect_err("nothing is ever sent");
            drop(kept);
        });
        let (transport, url) = (transport(&peer), peer.url("/x"));
        let token = CancelToken::new();
        let watch = Watch::new(Some(token.clone()), None);
        let client = thread::spawn(move || (call(&transport, &url, &watch, blocked), Instant::now()));
        is_blocked.recv_timeout(PATIENCE).unwrap();
        let start = Instant::now();
        token.cancel();
        let (error, end) = client.join().unwrap();
        assert!(matches!(error, Error::Cancelled(_)), "{error:?}");
        assert_eq!(error.to_string(), "GET /x: cancelled");
        drop(done);
        peer.finish();
        end.duration_since(start)
    });
    took.sort_unstable();
    assert!(took[1] < PROMISE, "{scheme:?}: {took:?}");
}

#[test]
fn cancel_ends_a_read_of_a_stream() {
    for scheme in SCHEMES {
        assert_cancels(
            scheme,
            |listener, _| {
                let mut connection = listener.accept();
                connection.request();
                connection.begin_stream();
                connection.chunk("data: one\n\n");
                connection
            },
            |transport, url, watch, blocked| {
                let response = transport.attempt(&stream(url, None), watch).unwrap();
                let mut events = SseReader::new(response.body);
                first_event(&mut events, "one");
                blocked.send(()).unwrap();
                events.next_event().unwrap_err()
            },
        );
    }
}

#[test]
fn cancel_ends_the_wait_for_a_response() {
    for scheme in SCHEMES {
        assert_cancels(
            scheme,
            |listener, blocked| {
                let mut connection = listener.accept();
                connection.request();
                blocked.send(()).unwrap();
                connection
            },
            |transport, url, watch, _| transport.attempt(&outgoing("GET", url), watch).unwrap_err(),
        );
    }
}

#[test]
fn cancel_ends_sending() {
    for scheme in SCHEMES {
        assert_cancels(
            scheme,
            |listener, blocked| {
                let mut connection = listener.accept();
                connection.head();
                blocked.send(()).unwrap();
                connection
            },
            |transport, url, watch, _| {
                // More than the buffers of two sockets take. Not so much that giving it back takes long, too.
                let body = vec![b'x'; 16 << 20];
                let request = Outgoing {
                    body: Body::Bytes(&body),
                    ..outgoing("GET", url)
                };
                transport.attempt(&request, watch).unwrap_err()
            },
        );
    }
}

#[test]
fn cancel_ends_connecting() {
    assert_cancels(
        Scheme::Https,
        |listener, blocked| {
            // The client has said hello and waits for the server's part of the handshake.
            let mut stream = listener.accept_tcp();
            stream.read_exact(&mut [0]).unwrap();
            blocked.send(()).unwrap();
            stream
        },
        |transport, url, watch, _| transport.attempt(&outgoing("GET", url), watch).unwrap_err(),
    );
}

#[test]
fn a_cancelled_token_sends_nothing() {
    let peer = Peer::start(Scheme::Http, |_| {});
    let token = CancelToken::new();
    token.cancel();
    let watch = Watch::new(Some(token), None);
    let error = transport(&peer)
        .attempt(&outgoing("GET", &peer.url("/x")), &watch)
        .unwrap_err();
    assert!(matches!(error, Error::Cancelled(_)), "{error:?}");
    peer.finish();
}

#[test]
fn a_silent_stream_ends_at_the_idle_limit() {
    for scheme in SCHEMES {
        let peer = Peer::start(scheme, |listener| {
            let mut connection = listener.accept();
            connection.request();
            connection.begin_stream();
            connection.chunk("data: one\n\n");
            connection.wait_for_close();
        });
        let idle = millis(120);
        let url = peer.url("/x");
        let response = transport(&peer)
            .attempt(&stream(&url, Some(idle)), &Watch::default())
            .unwrap();
        let mut events = SseReader::new(response.body);
        first_event(&mut events, "one");
        let start = Instant::now();
        let error = events.next_event().unwrap_err();
        assert!(start.elapsed() >= idle);
        assert_timeout(&error, TimeoutPhase::Idle, true);
        assert_eq!(error.to_string(), "GET /x: the stream was silent for 120ms");
        drop(events);
        peer.finish();
    }
}

#[test]
fn a_lively_stream_outlasts_the_idle_limit_and_the_attempts() {
    const PIECES: u32 = 15;
    for scheme in SCHEMES {
        let peer = Peer::start(scheme, |listener| {
            let mut connection = listener.accept();
            connection.request();
            connection.begin_stream();
            for _ in 0..PIECES {
                // Half an event at a time: any byte is a sign of life.
                connection.chunk("data: ");
                thread::sleep(millis(20)); // The subject of the test is time; nothing waits for this to be over.
                connection.chunk("x\n\n");
                thread::sleep(millis(20));
            }
            connection.end_stream();
        });
        let url = peer.url("/x");
        let limit = millis(300);
        let request = stream(&url, Some(limit));
        let request = Outgoing {
            timeouts: Timeouts {
                attempt: Some(limit),
                ..request.timeouts
            },
            ..request
        };
        let start = Instant::now();
        let response = transport(&peer).attempt(&request, &Watch::default()).unwrap();
        let mut events = SseReader::new(response.body);
        let mut count = 0;
        while events.next_event().unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, PIECES);
        assert!(start.elapsed() > limit, "the test is too short to show anything");
        peer.finish();
    }
}

#[test]
fn an_attempt_is_limited_from_connecting_to_the_last_byte() {
    // Long enough for a TLS handshake on a machine that is busy with other tests.
    let limit = millis(500);
    for scheme in SCHEMES {
        for headers_come in [false, true] {
            let peer = Peer::start(scheme, move |listener| {
                let mut connection = listener.accept();
                connection.request();
                if headers_come {
                    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
                }
                connection.wait_for_close();
            });
            let url = peer.url("/x");
            let request = outgoing("GET", &url);
            let request = Outgoing {
                timeouts: Timeouts {
                    attempt: Some(limit),
                    ..request.timeouts
                },
                ..request
            };
            let start = Instant::now();
            let response = transport(&peer).attempt(&request, &Watch::default());
            assert_eq!(response.is_ok(), headers_come);
            let error = response
                .and_then(|mut response| response.body.read_all(MAX_BODY_BYTES))
                .unwrap_err();
            assert!(start.elapsed() >= limit);
            assert_timeout(&error, TimeoutPhase::Attempt, true);
            peer.finish();
        }
    }
}

#[test]
fn the_deadline_of_a_call_ends_a_stream() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        connection.request();
        connection.begin_stream();
        connection.wait_for_close();
    });
    let url = peer.url("/x");
    let watch = Watch::new(None, Limit::starting_now(millis(150)));
    let mut response = transport(&peer).attempt(&stream(&url, None), &watch).unwrap();
    let error = ours(response.body.read(&mut [0; 10]).unwrap_err());
    assert_timeout(&error, TimeoutPhase::Deadline, true);
    drop(response);
    peer.finish();
    assert_eq!(watch.remaining(), Some(Duration::ZERO));
    assert_timeout(&watch.check(String::new).unwrap_err(), TimeoutPhase::Deadline, true);
    assert_timeout(
        &watch.sleep(PATIENCE, String::new).unwrap_err(),
        TimeoutPhase::Deadline,
        true,
    );
}

#[test]
fn connecting_has_its_own_limit() {
    let peer = Peer::start(Scheme::Https, |listener| {
        let stream = listener.accept_tcp();
        Connection::from(stream).wait_for_close();
    });
    let url = peer.url("/x");
    let request = outgoing("GET", &url);
    let request = Outgoing {
        timeouts: Timeouts {
            connect: Some(millis(100)),
            ..request.timeouts
        },
        ..request
    };
    let error = transport(&peer).attempt(&request, &Watch::default()).unwrap_err();
    assert_timeout(&error, TimeoutPhase::Connect, false);
    assert_eq!(error.to_string(), "GET /x: no connection within 100ms");
    peer.finish();
}

#[test]
fn the_limit_on_connecting_ends_with_the_connection() {
    for scheme in SCHEMES {
        let (go, wait) = mpsc::channel::<()>();
        let peer = Peer::start(scheme, move |listener| {
            let mut connection = listener.accept();
            connection.request();
            wait.recv_timeout(PATIENCE).unwrap_err();
            connection.answer("200 OK", &[], "late");
        });
        let url = peer.url("/x");
        let request = outgoing("GET", &url);
        let request = Outgoing {
            timeouts: Timeouts {
                connect: Some(millis(250)),
                ..request.timeouts
            },
            ..request
        };
        let (transport, watch) = (transport(&peer), Watch::default());
        thread::scope(|scope| {
            let call = scope.spawn(|| transport.attempt(&request, &watch).unwrap().body.read_all(10).unwrap());
            thread::sleep(millis(400)); // Longer than the limit; nothing waits for it.
            drop(go);
            assert_eq!(call.join().unwrap(), b"late");
        });
        peer.finish();
    }
}

#[track_caller]
fn assert_no_response(error: &Error, request_sent: bool, causes: &[&str]) {
    let Error::Transport(inner) = error else {
        panic!("{error:?}")
    };
    assert_eq!(inner.request_sent, request_sent, "{error:?}");
    let mut chain = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        chain.push(error.to_string());
        cause = error.source();
    }
    assert_eq!(chain.len(), causes.len(), "{chain:?}");
    for (got, want) in chain.iter().zip(causes) {
        assert!(got.contains(want), "{chain:?}");
    }
}

#[test]
fn a_refused_connection_has_sent_nothing() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let transport = Transport::new(&TransportOptions::default()).unwrap();
    let url = format!("http://{address}/x");
    let error = transport
        .attempt(&outgoing("GET", &url), &Watch::default())
        .unwrap_err();
    assert_no_response(&error, false, &[&format!("no connection to {address}"), "refused"]);
    assert_eq!(error.to_string(), "GET /x: connecting failed");
}

#[test]
fn a_name_that_does_not_exist_has_sent_nothing() {
    let transport = Transport::new(&TransportOptions {
        allow_plain_http: true,
        proxy: ProxyChoice::Off,
        ..TransportOptions::default()
    })
    .unwrap();
    // RFC 6761: nobody may ever own it, and resolvers need not ask anybody.
    let error = transport
        .attempt(&outgoing("GET", "http://nowhere.invalid/x"), &Watch::default())
        .unwrap_err();
    let Error::Transport(error) = error else {
        panic!("{error:?}")
    };
    assert!(!error.request_sent);
    assert_eq!(error.source.to_string(), "no connection to nowhere.invalid:80");
}

#[test]
fn an_untrusted_certificate_has_sent_nothing() {
    let peer = Peer::start(Scheme::Https, |listener| {
        let stream = listener.accept_tcp();
        assert!(listener.secure(stream).handshake().is_err(), "the client goes away");
    });
    let transport = Transport::new(&TransportOptions::default()).unwrap();
    let error = transport
        .attempt(&outgoing("GET", &peer.url("/x")), &Watch::default())
        .unwrap_err();
    let Error::Transport(error) = error else {
        panic!("{error:?}")
    };
    assert!(!error.request_sent);
    peer.finish();
}

#[test]
fn a_connection_cut_after_the_request_has_sent_it() {
    for scheme in SCHEMES {
        let peer = Peer::start(scheme, |listener| {
            let mut connection = listener.accept();
            connection.request();
            connection.close();
        });
        let error = transport(&peer)
            .attempt(&outgoing("POST", &peer.url("/x")), &Watch::default())
            .unwrap_err();
        let Error::Transport(inner) = &error else {
            panic!("{error:?}")
        };
        assert!(inner.request_sent, "{error:?}");
        assert_eq!(error.to_string(), "POST /x: the connection failed");
        peer.finish();
    }
}

#[test]
fn a_body_that_breaks_off_is_an_error() {
    for scheme in SCHEMES {
        let peer = Peer::start(scheme, |listener| {
            for _ in 0..2 {
                let mut connection = listener.accept();
                connection.request();
                connection.begin_stream();
                connection.chunk("data: one\n\n");
                connection.send("20\r\ndata: tw");
                connection.close();
            }
        });
        let (transport, url) = (transport(&peer), peer.url("/x"));
        let response = transport.attempt(&stream(&url, None), &Watch::default()).unwrap();
        let mut events = SseReader::new(response.body);
        first_event(&mut events, "one");
        let error = events.next_event().unwrap_err();
        let Error::Transport(error) = error else {
            panic!("{error:?}")
        };
        assert!(error.request_sent);
        assert_eq!(error.source.kind(), io::ErrorKind::UnexpectedEof);
        let mut response = transport.attempt(&outgoing("GET", &url), &Watch::default()).unwrap();
        assert!(matches!(response.body.read_all(100), Err(Error::Transport(_))));
        peer.finish();
    }
}

#[test]
fn a_pooled_connection_obeys_the_thread_that_uses_it() {
    for scheme in SCHEMES {
        let (pause, paused) = mpsc::channel();
        let (go, wait) = mpsc::channel();
        let peer = Peer::start(scheme, move |listener| {
            // One connection only: the second request must come over it.
            let mut connection = listener.accept();
            connection.request();
            connection.answer("200 OK", &[], "first");
            connection.request();
            connection.begin_stream();
            connection.chunk("data: one\n\n");
            pause.send(()).unwrap();
            wait.recv_timeout(PATIENCE).unwrap();
            connection.chunk("data: two\n\n");
            connection.wait_for_close();
        });
        let (transport, url) = (transport(&peer), peer.url("/x"));
        let (first, second) = (CancelToken::new(), CancelToken::new());
        let watch = Watch::new(Some(first.clone()), None);
        let mut body = transport.attempt(&outgoing("GET", &url), &watch).unwrap().body;
        assert_eq!(body.read_all(100).unwrap(), b"first");
        let watch = Watch::new(Some(second.clone()), None);
        let (read, is_read) = mpsc::channel();
        let client = thread::spawn(move || {
            let response = transport.attempt(&stream(&url, None), &watch).unwrap();
            let mut events = SseReader::new(response.body);
            first_event(&mut events, "one");
            first_event(&mut events, "two");
            read.send(()).unwrap();
            events.next_event().unwrap_err()
        });
        paused.recv_timeout(PATIENCE).unwrap();
        first.cancel();
        go.send(()).unwrap();
        is_read.recv_timeout(PATIENCE).unwrap();
        second.cancel();
        assert!(matches!(client.join().unwrap(), Error::Cancelled(_)));
        peer.finish();
    }
}

#[test]
fn a_stream_can_be_read_on_another_thread() {
    let peer = Peer::start(Scheme::Https, |listener| {
        let mut connection = listener.accept();
        connection.request();
        connection.begin_stream();
        connection.chunk("data: one\n\n");
        connection.wait_for_close();
    });
    let url = peer.url("/x");
    let response = transport(&peer)
        .attempt(&stream(&url, Some(millis(60))), &Watch::default())
        .unwrap();
    let mut events = SseReader::new(response.body);
    let reader = thread::spawn(move || {
        first_event(&mut events, "one");
        events.next_event().unwrap_err()
    });
    assert_timeout(&reader.join().unwrap(), TimeoutPhase::Idle, true);
    peer.finish();
}

#[test]
fn a_stream_that_has_ended_leaves_its_connection_to_the_next_call() {
    for scheme in SCHEMES {
        let peer = Peer::start(scheme, |listener| {
            let mut connection = listener.accept();
            for _ in 0..2 {
                connection.request();
                connection.begin_stream();
                connection.chunk("data: [DONE]\n\n");
                connection.end_stream();
            }
        });
        let (transport, url) = (transport(&peer), peer.url("/x"));
        for _ in 0..2 {
            let response = transport.attempt(&stream(&url, None), &Watch::default()).unwrap();
            let mut events = SseReader::new(response.body);
            first_event(&mut events, "[DONE]");
            events.into_inner().recycle();
        }
        peer.finish();
    }
}

#[test]
fn recycling_does_not_wait_for_a_stream_that_goes_on() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        connection.request();
        connection.begin_stream();
        connection.wait_for_close();
    });
    let url = peer.url("/x");
    let response = transport(&peer)
        .attempt(&stream(&url, None), &Watch::default())
        .unwrap();
    response.body.recycle();
    peer.finish();
}

const CREDENTIALS: [(&str, &str); 5] = [
    ("authorization", "Bearer sk-hush"),
    ("api-key", "sk-hush"),
    ("openai-organization", "org-hush"),
    ("x-custom", "hush"),
    ("accept", "application/json"),
];

fn credentials() -> Head {
    let mut head = Head::default();
    for (name, value) in CREDENTIALS {
        head.set_text(name, value).unwrap();
    }
    head
}

#[test]
fn a_redirect_to_another_origin_carries_no_credentials() {
    // The same host, but another port is another origin.
    let other = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        let request = connection.request();
        assert!(request.starts_with("POST /there?limit=2 HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("accept: application/json\r\n"), "{request}");
        assert!(!request.contains("hush"), "{request}");
        connection.answer("200 OK", &[], "there");
    });
    let location = format!("Location: {}", other.url("/there?limit=2&key=hush"));
    let peer = Peer::start(Scheme::Http, move |listener| {
        let mut connection = listener.accept();
        assert_eq!(connection.request().matches("hush").count(), 5);
        connection.answer("307 Temporary Redirect", &[&location], "");
    });
    let url = peer.url("/x?limit=2&key=hush");
    let request = Outgoing {
        head: credentials(),
        own_query: OwnQuery {
            call: &[("key".to_owned(), "hush".to_owned())],
            ..OwnQuery::default()
        },
        ..outgoing("POST", &url)
    };
    let mut response = transport(&peer).attempt(&request, &Watch::default()).unwrap();
    assert_eq!((response.status, response.host.as_str()), (200, "127.0.0.1"));
    assert_eq!(response.body.read_all(10).unwrap(), b"there");
    peer.finish();
    other.finish();
}

#[test]
fn a_body_is_not_sent_to_another_origin() {
    for (status, body) in [
        ("307 Temporary Redirect", Body::Bytes(b"body")),
        ("308 Permanent Redirect", Body::Source(&Text("body"))),
    ] {
        // Nobody accepts: a connection would time out.
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = other.local_addr().unwrap();
        let location = format!("Location: http://{address}/there?token=hush");
        let peer = Peer::start(Scheme::Http, move |listener| {
            let mut connection = listener.accept();
            assert!(connection.request().ends_with("\r\n\r\nbody"));
            connection.answer(status, &[&location, "x-request-id: req_1"], "");
        });
        let url = peer.url("/x");
        let request = Outgoing {
            body,
            ..outgoing("POST", &url)
        };
        let error = transport(&peer).attempt(&request, &Watch::default()).unwrap_err();
        let status = &status[..3];
        assert_eq!(
            error.to_string(),
            format!(
                "POST /x: the server responded with status {status}: redirected to http://{address}; the body of a request is not \
                 sent to another origin; give the client the address of that server"
            )
        );
        assert_eq!(error.status().map(|code| code.to_string()).as_deref(), Some(status));
        assert_eq!((error.request_id(), error.is_retryable()), (Some("req_1"), false));
        peer.finish();
        other.set_nonblocking(true).unwrap();
        assert_eq!(other.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}

#[test]
fn a_redirect_within_the_origin_keeps_them() {
    for scheme in SCHEMES {
        let peer = Peer::start(scheme, |listener| {
            let mut connection = listener.accept();
            connection.request();
            connection.answer("302 Found", &["Location: ../there?a=b", "Connection: close"], "");
            let mut connection = listener.accept();
            let request = connection.request();
            assert!(request.starts_with("GET /there?a=b HTTP/1.1\r\n"), "{request}");
            assert_eq!(request.matches("hush").count(), 4, "{request}");
            connection.answer("200 OK", &[], "");
        });
        let url = peer.url("/v1/x");
        let request = Outgoing {
            head: credentials(),
            ..outgoing("GET", &url)
        };
        assert_eq!(
            transport(&peer).attempt(&request, &Watch::default()).unwrap().status,
            200
        );
        peer.finish();
    }
}

#[test]
fn a_redirect_that_is_not_followed_is_the_response() {
    for (method, status, location, requests) in [
        ("POST", "302 Found", "/y", 1),
        ("GET", "302 Found", "ftp://h/y", 1),
        ("GET", "308 Permanent Redirect", "/x", 6),
    ] {
        let peer = Peer::start(Scheme::Http, move |listener| {
            for _ in 0..requests {
                let mut connection = listener.accept();
                connection.request();
                connection.answer(status, &[&format!("Location: {location}"), "Connection: close"], "");
            }
        });
        let response = transport(&peer)
            .attempt(&outgoing(method, &peer.url("/x")), &Watch::default())
            .unwrap();
        assert_eq!(response.status.to_string(), status[..3]);
        let error = response.into_error();
        assert_eq!(
            error.to_string(),
            format!("{method} /x: the server responded with status {}", &status[..3])
        );
        assert!(!error.is_retryable());
        peer.finish();
    }
}

#[test]
fn plain_http_stays_on_this_machine() {
    let transport = Transport::new(&TransportOptions {
        proxy: ProxyChoice::Off,
        ..TransportOptions::default()
    })
    .unwrap();
    let error = transport
        .attempt(&outgoing("GET", "http://example.test/x"), &Watch::default())
        .unwrap_err();
    assert!(
        matches!(&error, Error::Config(message) if message.contains("plain http to `example.test`")),
        "{error:?}"
    );
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        connection.request();
        connection.answer("302 Found", &["Location: http://example.test/y"], "");
    });
    let error = transport
        .attempt(&outgoing("GET", &peer.url("/x")), &Watch::default())
        .unwrap_err();
    assert!(matches!(error, Error::Config(_)), "{error:?}");
    peer.finish();
}

/// A proxy that responds to one CONNECT, and is the server behind it from then on.
fn tunnel(scheme: Scheme, serve: impl FnOnce(Connection) + Send + 'static) -> Peer {
    Peer::start(scheme, move |listener| {
        let mut stream = listener.accept_tcp();
        let mut proxy = Connection::from(stream.try_clone().unwrap());
        let request = proxy.request();
        let port = if scheme == Scheme::Http { 80 } else { 443 };
        assert!(
            request.starts_with(&format!("CONNECT example.test:{port} HTTP/1.1\r\n")),
            "{request}"
        );
        assert!(!request.contains("hush"), "{request}");
        io::Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        serve(if scheme == Scheme::Http {
            Connection::from(stream)
        } else {
            listener.secure(stream)
        });
    })
}

fn through(proxy: &Peer) -> Transport {
    transport_with(proxy, |options| {
        options.proxy = ProxyChoice::Url(format!("http://{}", proxy.address()));
        options.allow_plain_http = true;
    })
}

#[test]
fn limits_hold_behind_a_proxy() {
    for (scheme, url) in [
        (Scheme::Http, "http://example.test/x"),
        (Scheme::Https, "https://example.test/x"),
    ] {
        let proxy = tunnel(scheme, |mut connection| {
            assert_eq!(connection.request().matches("hush").count(), 4);
            connection.begin_stream();
            connection.chunk("data: one\n\n");
            connection.wait_for_close();
        });
        let request = Outgoing {
            head: credentials(),
            ..stream(url, Some(millis(80)))
        };
        let response = through(&proxy).attempt(&request, &Watch::default()).unwrap();
        let mut events = SseReader::new(response.body);
        first_event(&mut events, "one");
        assert_timeout(&events.next_event().unwrap_err(), TimeoutPhase::Idle, true);
        drop(events);
        proxy.finish();
    }
}

#[test]
fn what_a_proxy_gets_is_no_request() {
    let proxy = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        connection.request();
        connection.answer("403 Forbidden", &[], "");
    });
    let error = through(&proxy)
        .attempt(&outgoing("POST", "https://example.test/x"), &Watch::default())
        .unwrap_err();
    assert_no_response(&error, false, &["CONNECT proxy failed"]);
    proxy.finish();
    // Connecting lasts until the tunnel and the TLS in it are there.
    let proxy = tunnel(Scheme::Https, |connection| {
        Connection::from(connection.into_tcp()).wait_for_close();
    });
    let request = outgoing("POST", "https://example.test/x");
    let request = Outgoing {
        timeouts: Timeouts {
            connect: Some(millis(200)),
            ..request.timeouts
        },
        ..request
    };
    let error = through(&proxy).attempt(&request, &Watch::default()).unwrap_err();
    assert_timeout(&error, TimeoutPhase::Connect, false);
    proxy.finish();
}

#[test]
fn this_machine_is_reached_without_the_proxy() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        let request = connection.request();
        assert!(request.starts_with("GET /x "), "{request}");
        connection.answer("200 OK", &[], "");
    });
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let transport = transport_with(&peer, |options| {
        options.proxy = ProxyChoice::Url(format!("http://{nobody}"));
    });
    assert_eq!(
        transport
            .attempt(&outgoing("GET", &peer.url("/x")), &Watch::default())
            .unwrap()
            .status,
        200
    );
    peer.finish();
}

#[test]
fn a_socks_proxy_is_refused_instead_of_bypassed() {
    let options = TransportOptions {
        proxy: ProxyChoice::Url("socks5://127.0.0.1:9".to_owned()),
        ..TransportOptions::default()
    };
    let transport = Transport::new(&options).unwrap();
    let error = transport
        .attempt(&outgoing("GET", "https://example.test/x"), &Watch::default())
        .unwrap_err();
    assert_no_response(&error, false, &["SOCKS proxy"]);
}

struct Text(&'static str);

impl Source for Text {
    fn is_whole(&self) -> bool {
        true
    }

    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.0.as_bytes()))
    }
}

#[test]
fn sends_bodies_with_their_length() {
    for (method, body, length, text) in [
        ("GET", Body::Empty, None, ""),
        ("DELETE", Body::Empty, None, ""),
        ("POST", Body::Empty, Some(0), ""),
        ("POST", Body::Bytes(b"bytes"), Some(5), "bytes"),
        ("DELETE", Body::Bytes(b"bytes"), Some(5), "bytes"),
        ("POST", Body::Source(&Text("source")), Some(6), "source"),
    ] {
        let peer = Peer::start(Scheme::Http, move |listener| {
            let mut connection = listener.accept();
            let request = connection.request();
            let (head, got) = request.split_once("\r\n\r\n").unwrap();
            let said = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            assert_eq!((said, got), (length, text), "{request}");
            assert!(!head.to_ascii_lowercase().contains("transfer-encoding"), "{request}");
            connection.answer("200 OK", &[], "");
        });
        let url = peer.url("/x");
        let request = Outgoing {
            body,
            ..outgoing(method, &url)
        };
        assert_eq!(
            transport(&peer).attempt(&request, &Watch::default()).unwrap().status,
            200,
            "{method}"
        );
        peer.finish();
    }
}

#[test]
fn a_source_is_opened_again_for_a_redirect() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        assert!(connection.request().ends_with("\r\n\r\ntwice"));
        connection.answer("307 Temporary Redirect", &["Location: /y", "Connection: close"], "");
        let mut connection = listener.accept();
        assert!(connection.request().ends_with("\r\n\r\ntwice"));
        connection.answer("200 OK", &[], "");
    });
    let url = peer.url("/x");
    let request = Outgoing {
        body: Body::Source(&Text("twice")),
        ..outgoing("POST", &url)
    };
    assert_eq!(
        transport(&peer).attempt(&request, &Watch::default()).unwrap().status,
        200
    );
    peer.finish();
}

#[test]
fn a_response_above_the_limit_is_not_read_into_memory() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        connection.request();
        connection.answer("200 OK", &[], "12345");
        for chunked in [false, true] {
            connection.request();
            if chunked {
                connection.begin_stream();
                connection.chunk("123456");
                connection.end_stream();
            } else {
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 123456789012\r\n\r\n");
                connection.wait_for_close();
                connection = listener.accept();
            }
        }
    });
    let (transport, url) = (transport(&peer), peer.url("/x"));
    let read = || {
        transport
            .attempt(&outgoing("GET", &url), &Watch::default())
            .unwrap()
            .body
            .read_all(5)
    };
    assert_eq!(read().unwrap(), b"12345");
    for _ in 0..2 {
        let error = read().unwrap_err();
        assert_eq!(
            error.to_string(),
            "GET /x: the response is larger than the limit of 5 bytes"
        );
        assert!(!error.is_retryable());
    }
    peer.finish();
}

#[test]
fn an_error_body_that_breaks_off_does_not_hide_the_status() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        connection.request();
        connection.send("HTTP/1.1 503 Unavailable\r\nx-request-id: req_1\r\nContent-Length: 100\r\n\r\ncome back");
        connection.close();
    });
    let response = transport(&peer)
        .attempt(&outgoing("GET", &peer.url("/x")), &Watch::default())
        .unwrap();
    assert!(!response.is_success());
    assert_eq!(response.headers["content-length"], "100");
    assert_eq!(response.request_id().as_deref(), Some("req_1"));
    let error = response.into_error();
    assert_eq!((error.status(), error.request_id()), (Some(503), Some("req_1")));
    assert_eq!(
        error.to_string(),
        "GET /x: the server responded with status 503: come back"
    );
    peer.finish();
}

#[test]
fn refuses_what_cannot_be_sent() {
    let transport = Transport::new(&TransportOptions::default()).unwrap();
    for url in ["", "no url", "http://"] {
        let error = transport.attempt(&outgoing("GET", url), &Watch::default()).unwrap_err();
        assert!(matches!(error, Error::Config(_)), "{url:?}: {error:?}");
    }
    let options = TransportOptions {
        proxy: ProxyChoice::Url("http://hush@".to_owned()),
        ..TransportOptions::default()
    };
    let message = Transport::new(&options).unwrap_err().to_string();
    assert_eq!(message, "the proxy url is not valid");
    for certificate in [
        "",
        "no certificate",
        "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n",
    ] {
        let error = TransportOptions::default()
            .add_root_certificates(certificate.as_bytes())
            .unwrap_err();
        assert!(matches!(error, Error::Config(_)), "{certificate:?}: {error:?}");
    }
}

#[test]
fn the_slices_leave_room_for_the_promise() {
    assert!(watch::SLICE <= millis(25) && watch::SLICE * 2 < PROMISE);
}

#[test]
fn can_be_shared_and_moved() {
    fn shared<T: Send + Sync + 'static>() {}
    fn moved<T: Send + 'static>() {}
    shared::<Transport>();
    shared::<Watch>();
    moved::<Response>();
    moved::<SseReader<Incoming>>();
}

#[test]
fn a_length_that_no_memory_holds_is_not_believed() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        connection.request();
        connection.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n12345", u64::MAX));
        connection.close();
    });
    let url = peer.url("/x");
    let response = transport(&peer).attempt(&outgoing("GET", &url), &Watch::default());
    let error = response.unwrap().body.read_all(usize::MAX).unwrap_err();
    assert!(matches!(error, Error::Transport(_)), "{error:?}");
    peer.finish();
}
