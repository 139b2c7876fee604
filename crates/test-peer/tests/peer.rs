//! The peer itself, against plain sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::panic;
use std::thread;
use std::time::Duration;

use test_peer::{Gate, Nobody, PATIENCE, Peer, Response, Scheme, Step};

fn send(peer: &Peer, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(peer.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

fn get(peer: &Peer, path: &str) -> TcpStream {
    send(peer, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
}

fn read(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn ok(body: &str) -> Step {
    Response::new("200 OK").body(body).into()
}

#[test]
fn plays_steps_over_connections_and_keeps_the_requests() {
    let peer = Peer::play(vec![
        Step::Expect("POST /a".into()),
        Step::Split(Response::new("200 OK").body("one").bytes(), vec![1, 2]),
        Step::Close,
        Step::Expect("GET /b".into()),
        Step::Drip(b"two".to_vec(), Duration::from_millis(1)),
    ]);
    let chunked = "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
    assert_eq!(
        read(send(&peer, chunked)),
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none"
    );
    assert_eq!(read(get(&peer, "/b?x=1")), "two");
    let requests = peer.finish();
    assert_eq!(requests[0].body, b"abcd");
    assert_eq!(requests[1].line(), "GET /b?x=1");
    assert_eq!(requests[1].header("HOST"), Some("x"));
}

#[test]
fn serves_any_number_of_connections() {
    let peer = Peer::serve(|request| vec![ok(&request.target)]);
    let streams = ["/a", "/b"].map(|path| get(&peer, path));
    for (mut stream, path) in streams.into_iter().zip(["/a", "/b"]) {
        stream.write_all(b"GET /c HTTP/1.1\r\n\r\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(read(stream).matches(path).count(), 1);
    }
    assert_eq!(peer.finish().len(), 4);
}

#[test]
fn a_reset_reaches_the_client_as_a_reset() {
    let peer = Peer::play(vec![Step::Expect("GET /".into()), Step::Reset]);
    let error = get(&peer, "/").read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    peer.finish();
}

#[test]
fn an_address_without_a_listener_refuses_connections() {
    let nobody = Nobody::new();
    let error = TcpStream::connect(nobody.address()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn a_stall_ends_with_its_gate() {
    let gate = Gate::new();
    let stall = Step::Stall(Some(gate.clone()));
    let peer = Peer::play(vec![
        Step::Expect("GET /".into()),
        Step::Send(b"a".to_vec()),
        stall,
        Step::Send(b"b".to_vec()),
    ]);
    let mut stream = get(&peer, "/");
    stream.read_exact(&mut [0]).unwrap();
    gate.open();
    assert_eq!(read(stream), "b");
    peer.finish();
}

#[test]
fn an_unbounded_client_is_reported() {
    let peer = Peer::play(vec![Step::Expect("".into()), Step::Endless(vec![b'x'; 1000], 100_000)]);
    let taken = read(get(&peer, "/"));
    assert!(taken.len() > 100_000);
    assert!(panic::catch_unwind(panic::AssertUnwindSafe(|| peer.finish())).is_err());
}

#[test]
fn an_unexpected_request_fails_the_test_when_the_peer_ends() {
    for drops in [false, true] {
        let peer = Peer::play(vec![Step::Expect("GET /a".into())]);
        assert_eq!(read(get(&peer, "/b")), "");
        let ends = move || if drops { drop(peer) } else { drop(peer.finish()) };
        let panic = panic::catch_unwind(panic::AssertUnwindSafe(ends)).unwrap_err();
        let message = panic.downcast::<String>().unwrap();
        assert!(message.starts_with("not GET /a, but GET /b HTTP/1.1"), "{message}");
    }
    let peer = Peer::serve(|request| panic!("no {}", request.target));
    assert_eq!(read(get(&peer, "/c")), "");
    assert!(panic::catch_unwind(panic::AssertUnwindSafe(|| peer.finish())).is_err());
}

#[test]
fn a_dropped_peer_ends_its_script_at_any_point() {
    // Waiting for a connection, for a request, for the client's close, and sending to one that does not read.
    drop(Peer::start(Scheme::Https, |listener| drop(listener.accept())));
    let steps: [fn() -> Vec<Step>; 3] = [
        || vec![Step::Expect("".into()), Step::Expect("".into())],
        || vec![Step::Expect("".into()), Step::Stall(None)],
        || vec![Step::Expect("".into()), Step::Endless(vec![0; 1 << 20], usize::MAX)],
    ];
    for steps in steps {
        let peer = Peer::play(steps());
        let stream = get(&peer, "/");
        while peer.requests().is_empty() {
            thread::yield_now();
        }
        drop(peer);
        drop(stream);
    }
}
