//! The faults, one entry each.

use std::time::Duration;

use test_peer::{Connection, Response, Step};

use crate::calls::Good;

/// Where a fault occurs.
#[derive(Debug)]
pub(crate) enum Stage {
    /// No server is listening.
    Nobody,
    /// The client speaks TLS to a server that does not.
    PlainForTls,
    /// A TLS server with an untrusted certificate.
    Untrusted,
    /// The connection itself, before a request has been read completely.
    Connection(fn(Connection)),
    /// The response to the request that matters.
    Response(fn(&Good, &Origins) -> Vec<Step>),
}

/// A fault, which occurs at every attempt unless marked `once`.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) stage: Stage,
    /// Only the first attempt is affected.
    pub(crate) once: bool,
    /// Some call reaches a time limit.
    pub(crate) stalls: bool,
    /// Applies to streams only.
    pub(crate) needs_stream: bool,
    /// What a call may return instead of its result, because the protocol does not reveal the difference.
    pub(crate) alters: Option<&'static str>,
}

/// Targets of redirects.
pub(crate) struct Origins {
    /// The server itself.
    pub(crate) own: String,
    /// The server itself, which redirects to the same address again.
    pub(crate) circle: String,
    /// Another server.
    pub(crate) other: String,
}

const fn response(name: &'static str, play: fn(&Good, &Origins) -> Vec<Step>) -> Fault {
    at(name, Stage::Response(play))
}

const fn at(name: &'static str, stage: Stage) -> Fault {
    Fault {
        name,
        stage,
        once: false,
        stalls: false,
        needs_stream: false,
        alters: None,
    }
}

const fn once(fault: Fault) -> Fault {
    Fault { once: true, ..fault }
}

const fn stalls(fault: Fault) -> Fault {
    Fault { stalls: true, ..fault }
}

const fn stream(fault: Fault) -> Fault {
    Fault {
        needs_stream: true,
        ..fault
    }
}

const fn alters(what: &'static str, fault: Fault) -> Fault {
    Fault {
        alters: Some(what),
        ..fault
    }
}

/// More than a client should accept of one response.
const TOO_MUCH: usize = 64 << 20;
/// So slow that no response is complete when the attempt times out, but faster than the idle limit.
const DRIP: Duration = Duration::from_millis(150);

pub(crate) const FAULTS: &[Fault] = &[
    at(
        "none: the server behaves correctly",
        Stage::Response(|good, _| vec![right(good).into()]),
    ),
    // Connections.
    at("connection refused", Stage::Nobody),
    at("TLS to a server that speaks plain HTTP", Stage::PlainForTls),
    at("an untrusted certificate", Stage::Untrusted),
    at(
        "connection closed before the request",
        Stage::Connection(Connection::close),
    ),
    at(
        "connection reset during the request",
        Stage::Connection(|mut connection| {
            drop(connection.head());
            connection.reset();
        }),
    ),
    at("413 before the body is read", Stage::Connection(early_413)),
    response("connection closed after the request", |_, _| vec![Step::Close]),
    once(response("connection closed after the request, once", |_, _| {
        vec![Step::Close]
    })),
    response("connection reset after the request", |_, _| vec![Step::Reset]),
    once(response("connection reset after the request, once", |_, _| {
        vec![Step::Reset]
    })),
    // Cuts.
    response("cut in the status line", |good, _| cut(&right(good).bytes()[..7])),
    response("cut in the headers", |good, _| cut(&right(good).bytes()[..30])),
    response("cut after the headers", |good, _| cut(right(good).head())),
    response("cut after a third of the body", |good, _| cut(third(good, 1))),
    once(response("cut after a third of the body, once", |good, _| {
        cut(third(good, 1))
    })),
    response("cut after two thirds of the body", |good, _| cut(third(good, 2))),
    response("reset after a third of the body", |good, _| {
        vec![Step::Send(third(good, 1)), Step::Reset]
    }),
    response("cut before the last byte", |good, _| cut(but_last(good))),
    // Silence and slowness.
    stalls(response("no response, connection open", |_, _| vec![Step::Stall(None)])),
    once(stalls(response("no response, connection open, once", |_, _| {
        vec![Step::Stall(None)]
    }))),
    stalls(response("silence in the headers", |good, _| {
        stall(&right(good).bytes()[..30])
    })),
    stalls(response("silence after the headers", |good, _| {
        stall(right(good).head())
    })),
    stalls(response("silence in the middle of the body", |good, _| {
        stall(third(good, 1))
    })),
    stalls(response("silence before the last byte", |good, _| {
        stall(but_last(good))
    })),
    stalls(response("headers that trickle", |good, _| {
        vec![Step::Drip(right(good).bytes(), DRIP)]
    })),
    stalls(response("a body that trickles", |good, _| {
        let body = right(good).bytes().split_off(right(good).head().len());
        vec![Step::Send(right(good).head()), Step::Drip(body, DRIP)]
    })),
    stalls(response("500 with a body that trickles", |_, _| {
        let whole = Response::new("500 Internal Server Error").body("broken ".repeat(50));
        vec![
            Step::Send(whole.head()),
            Step::Drip("broken ".repeat(50).into_bytes(), DRIP),
        ]
    })),
    stalls(response("503 with a body that never arrives", |_, _| {
        stall(Response::new("503 Service Unavailable").length(99).head())
    })),
    // Lengths.
    response("`Content-Length` too long", |good, _| cut(lengthened(good))),
    stalls(response("`Content-Length` too long, connection open", |good, _| {
        stall(lengthened(good))
    })),
    alters(
        "what the length covers",
        response("`Content-Length` too short", |good, _| {
            let body = good.body();
            vec![whole(good).length(body.len() / 2).into(), Step::Close]
        }),
    ),
    response("`Content-Length` not a number", |good, _| {
        vec![text("200 OK\r\nContent-Length: many", good), Step::Close]
    }),
    response("two different `Content-Length`s", |good, _| {
        vec![
            text("200 OK\r\nContent-Length: 3\r\nContent-Length: 5", good),
            Step::Close,
        ]
    }),
    response("an invalid chunk size", |_, _| {
        vec![
            Step::Send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n".to_vec()),
            Step::Close,
        ]
    }),
    response("no length, ended by the connection", |good, _| {
        vec![whole(good).until_close().into(), Step::Close]
    }),
    response("an endless body", |good, _| {
        vec![
            Step::Send(whole(good).length(1 << 40).head()),
            Step::Endless(vec![b'x'; 1 << 14], TOO_MUCH),
        ]
    }),
    response("500 with an endless body", |_, _| {
        let head = Response::new("500 Internal Server Error").length(1 << 40).head();
        vec![Step::Send(head), Step::Endless(vec![b'x'; 1 << 14], TOO_MUCH)]
    }),
    response("an endless header", |_, _| {
        vec![
            Step::Send(b"HTTP/1.1 200 OK\r\nX: ".to_vec()),
            Step::Endless(vec![b'x'; 1 << 14], TOO_MUCH),
        ]
    }),
    response("endless headers", |_, _| {
        vec![
            Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()),
            Step::Endless(b"X: y\r\n".repeat(1000), TOO_MUCH),
        ]
    }),
    response("10 preceding 1xx responses", |good, _| {
        vec![right(good).after_informational(10).into()]
    }),
    response("endless 1xx responses", |_, _| {
        vec![Step::Endless(b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(500), TOO_MUCH)]
    }),
    // Contents.
    response("no `Content-Type`", |good, _| {
        vec![framed(good, Response::new("200 OK")).into()]
    }),
    alters(
        "the page",
        response("200 with an HTML page", |_, _| vec![html("200 OK").into()]),
    ),
    alters(
        "nothing",
        response("200 without a body", |_, _| vec![Response::new("200 OK").into()]),
    ),
    alters(
        "nothing",
        response("204", |_, _| vec![Response::new("204 No Content").into()]),
    ),
    alters(
        "the bytes",
        response("invalid UTF-8", |good, _| {
            let mut body = good.body();
            let middle = body.len() / 2;
            body[middle] = 0xff;
            vec![framed(good, head(good)).body(body).into()]
        }),
    ),
    alters(
        "the text",
        response("invalid JSON", |_, _| vec![json("200 OK", "{\"id\": oops}").into()]),
    ),
    alters(
        "the text",
        response("JSON with another structure", |_, _| {
            vec![json("200 OK", "[1, 2]").into()]
        }),
    ),
    alters(
        "the text",
        response("JSON nested 100,000 levels deep", |_, _| {
            vec![json("200 OK", &"[".repeat(100_000)).into()]
        }),
    ),
    alters(
        "the compressed bytes",
        response("gzip that was not requested", |good, _| {
            vec![framed(good, head(good)).body(good.body()).gzip().into()]
        }),
    ),
    response("invalid gzip", |good, _| {
        vec![right(good).header("Content-Encoding", "gzip").into()]
    }),
    response("not HTTP", |_, _| {
        vec![Step::Send(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()), Step::Close]
    }),
    // Statuses.
    response("401", |_, _| vec![refusal("401 Unauthorized").into()]),
    response("403", |_, _| vec![refusal("403 Forbidden").into()]),
    response("404", |_, _| vec![refusal("404 Not Found").into()]),
    response("408", |_, _| vec![refusal("408 Request Timeout").into()]),
    once(response("408, once", |_, _| {
        vec![refusal("408 Request Timeout").into()]
    })),
    response("409", |_, _| vec![refusal("409 Conflict").into()]),
    response("429", |_, _| vec![refusal("429 Too Many Requests").into()]),
    once(response("429 with `Retry-After`, once", |_, _| {
        vec![refusal("429 Too Many Requests").header("Retry-After", "1").into()]
    })),
    response("429, the quota is exhausted", |_, _| {
        let body = r#"{"error":{"message":"no money","type":"insufficient_quota","code":"insufficient_quota"}}"#;
        vec![json("429 Too Many Requests", body).into()]
    }),
    response("500", |_, _| vec![refusal("500 Internal Server Error").into()]),
    once(response("500, once", |_, _| {
        vec![refusal("500 Internal Server Error").into()]
    })),
    response("502 with an HTML page", |_, _| vec![html("502 Bad Gateway").into()]),
    response("503", |_, _| vec![refusal("503 Service Unavailable").into()]),
    once(response("503, once", |_, _| {
        vec![refusal("503 Service Unavailable").into()]
    })),
    response("503 with `Retry-After: 3600`", |_, _| {
        vec![refusal("503 Service Unavailable").header("Retry-After", "3600").into()]
    }),
    // Redirects.
    response("307 to the same server", |_, to| {
        vec![Response::redirect("307 Temporary Redirect", &to.own).into()]
    }),
    response("302 to the same server", |_, to| {
        vec![Response::redirect("302 Found", &to.own).into()]
    }),
    response("307 to another server", |_, to| {
        vec![Response::redirect("307 Temporary Redirect", &to.other).into()]
    }),
    response("302 to another server", |_, to| {
        vec![Response::redirect("302 Found", &to.other).into()]
    }),
    response("307 without `Location`", |_, _| {
        vec![Response::new("307 Temporary Redirect").into()]
    }),
    response("redirect loop of 307s", |_, to| {
        vec![Response::redirect("307 Temporary Redirect", &to.circle).into()]
    }),
    // Streams.
    stream(response("the stream ends between events", |good, _| {
        vec![pieces(good, 0..half(good)).into()]
    })),
    stream(response("the stream ends within an event", |good, _| {
        let mut cut = pieces(good, 0..half(good));
        let body = good.pieces[..half(good)].concat();
        cut = cut.body(&body[..body.len() - 9]);
        vec![cut.into()]
    })),
    stream(once(response("the stream ends between events, once", |good, _| {
        vec![pieces(good, 0..half(good)).into()]
    }))),
    stream(response("an error event", |good, _| {
        let body = good.pieces[..half(good)].concat() + good.error_event;
        vec![pieces(good, 0..0).body(body).into()]
    })),
    stream(alters(
        "the text twice",
        response("every event twice", |good, _| {
            let twice: String = good.pieces.iter().map(|piece| piece.repeat(2)).collect();
            vec![pieces(good, 0..0).body(twice).into()]
        }),
    )),
    stream(response("an event that cannot be parsed", |good, _| {
        let mut events = good.pieces.clone();
        let middle = half(good);
        events[middle] = events[middle].replace('{', "{oops");
        vec![pieces(good, 0..0).body(events.concat()).into()]
    })),
    stream(response("an endless line", |good, _| {
        vec![
            Step::Send(until_close(good).head()),
            Step::Endless(b"data: {".repeat(2000), TOO_MUCH),
        ]
    })),
    stream(stalls(response("silence between two events", |good, _| {
        stall(event_bytes(good, half(good)))
    }))),
    stream(stalls(response("only keep-alive comments", |good, _| {
        vec![
            Step::Send(until_close(good).head()),
            Step::Drip(good.keep_alive.repeat(500).into_bytes(), DRIP),
        ]
    }))),
    stream(response("events after the last one", |good, _| {
        vec![pieces(good, 0..0).body(good.body().repeat(2)).into()]
    })),
    stream(response("connection open after the last event", |good, _| {
        stall(event_bytes(good, good.pieces.len()))
    })),
];

/// 413 as soon as the head has arrived; the body is read, so that the client can read the response.
fn early_413(connection: Connection) {
    let mut connection = connection;
    drop(connection.head());
    let body = r#"{"error":{"message":"too large","type":"invalid_request_error"},"code":3,"message":"too large"}"#;
    connection.answer(
        "413 Payload Too Large",
        &["Content-Type: application/json", "Connection: close"],
        body,
    );
    connection.wait_for_close();
}

fn head(good: &Good) -> Response {
    Response::new("200 OK").header("Content-Type", good.content_type)
}

/// The body, with the framing that servers use for it.
fn framed(good: &Good, response: Response) -> Response {
    let response = response.body(good.body());
    if good.is_stream { response.chunked() } else { response }
}

/// The response without a fault.
pub(crate) fn right(good: &Good) -> Response {
    framed(good, head(good))
}

/// The same with a `Content-Length`, even for a stream.
fn whole(good: &Good) -> Response {
    head(good).body(good.body())
}

fn until_close(good: &Good) -> Response {
    whole(good).until_close()
}

fn cut(bytes: impl AsRef<[u8]>) -> Vec<Step> {
    vec![Step::Send(bytes.as_ref().to_vec()), Step::Close]
}

fn stall(bytes: impl AsRef<[u8]>) -> Vec<Step> {
    vec![Step::Send(bytes.as_ref().to_vec()), Step::Stall(None)]
}

/// The response up to this many thirds of its body.
fn third(good: &Good, count: usize) -> Vec<u8> {
    let (mut bytes, head) = (right(good).bytes(), right(good).head().len());
    bytes.truncate(head + (bytes.len() - head) * count / 3);
    bytes
}

fn but_last(good: &Good) -> Vec<u8> {
    let mut bytes = whole(good).bytes();
    bytes.pop();
    bytes
}

fn lengthened(good: &Good) -> Vec<u8> {
    whole(good).length(good.body().len() + 100).bytes()
}

fn text(head: &str, good: &Good) -> Step {
    let head = format!("HTTP/1.1 {head}\r\nContent-Type: {}\r\n\r\n", good.content_type);
    Step::Send([head.into_bytes(), good.body()].concat())
}

fn json(status: &str, body: &str) -> Response {
    Response::new(status)
        .header("Content-Type", "application/json")
        .body(body)
}

/// An error in the formats of both providers.
fn refusal(status: &str) -> Response {
    json(
        status,
        r#"{"error":{"message":"no","type":"some_error","code":null,"param":null},"message":"no"}"#,
    )
}

fn html(status: &str) -> Response {
    let page = "<html><head><title>Welcome to nginx</title></head><body>hi</body></html>";
    Response::new(status).header("Content-Type", "text/html").body(page)
}

fn half(good: &Good) -> usize {
    good.pieces.len() / 2
}

/// A stream of some of the events, with the right framing.
fn pieces(good: &Good, range: std::ops::Range<usize>) -> Response {
    right(good).body(good.pieces[range].concat())
}

/// The headers and this many events, chunked, without the final chunk.
fn event_bytes(good: &Good, count: usize) -> Vec<u8> {
    let events = good.pieces[..count].concat();
    let chunk = format!("{:x}\r\n{events}\r\n", events.len());
    [right(good).head(), chunk.into_bytes()].concat()
}
