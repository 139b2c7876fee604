//! What the rules of a script do to requests: responses that the script contains, delays, and streams that break off.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response as HttpResponse, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use hyper::body::Body as _;
use serde_json::Value;
use tokio::time::sleep;
use tokio_stream::Stream;

use super::body_reader::BodyReader;
use super::frontend::Frontend;
use super::rejection::Rejection;
use super::response::Exchange;
use crate::ids;
use crate::script::{RequestRule, Rules};

/// The size of a body, in bytes, up to which rules can match its texts.
const MAX_MATCHED: usize = 256 * 1024;

/// Returns the body of an error with this status, for a path of one of the protocols.
pub(crate) type ErrorBody = fn(path: &str, status: StatusCode) -> String;

/// Applies the rules to the requests of `router`. A rule does not apply to a request that is denied access.
pub(crate) fn with_script(
    router: Router,
    rules: Vec<RequestRule>,
    frontend: Arc<Frontend>,
    error_body: ErrorBody,
) -> Router {
    let scripted = Arc::new(Scripted {
        rules: Rules::new(rules),
        frontend,
        error_body,
    });
    router.layer(middleware::from_fn_with_state(scripted, respond))
}

struct Scripted {
    rules: Rules<RequestRule>,
    frontend: Arc<Frontend>,
    error_body: ErrorBody,
}

async fn respond(State(scripted): State<Arc<Scripted>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if !scripted.frontend.admits(&parts) {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let mut candidates = scripted.rules.iter().filter(|rule| rule.may_match(method, path));
    let (json, body) = if candidates.any(RequestRule::needs_body) {
        let peeked = Peeked::read(body, &scripted.frontend).await;
        (peeked.json(), peeked.into_body())
    } else {
        (None, body)
    };
    let rules = &scripted.rules;
    let taken = rules.take(|rule| rule.may_match(method, path) && rule.matches_body(json.as_ref()));
    let request = Request::from_parts(parts, body);
    let Some((number, rule)) = taken else {
        return next.run(request).await;
    };
    log::debug!(
        "request rule {number} of the script: {} {}",
        request.method(),
        request.uri().path()
    );
    sleep(rule.delay).await;
    match (rule.status, rule.break_stream_after) {
        (Some(status), _) => {
            let exchange = Exchange::begin(&request, ids::new("req_"));
            let default = || (scripted.error_body)(request.uri().path(), status);
            let mut response = response(rule, status, default);
            exchange.end(&mut response);
            response
        }
        (None, Some(events)) => broken_off(next.run(request).await, events),
        (None, None) => next.run(request).await,
    }
}

/// Creates the response that a rule contains.
fn response(rule: &RequestRule, status: StatusCode, default: impl FnOnce() -> String) -> Response {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
    let (content_type, body) = match &rule.body {
        Some(Value::String(text)) => (TEXT, text.clone()),
        Some(json) => (JSON, json.to_string()),
        None => (JSON, default()),
    };
    let mut response = HttpResponse::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    for (name, value) in &rule.headers {
        response.headers_mut().insert(name, value.clone());
    }
    response
}

/// The beginning of a body, and the rest.
struct Peeked {
    beginning: Vec<u8>,
    /// `None` if the beginning is all.
    rest: Option<Rest>,
}

/// What follows the beginning of a body.
enum Rest {
    More(BodyReader),
    Failed(Rejection),
}

impl Peeked {
    /// Reads a body that is short enough to be matched, and the beginning of a longer one.
    async fn read(body: Body, frontend: &Frontend) -> Self {
        let mut reader = BodyReader::new(body, frontend.limits.body_timeout);
        let mut beginning = Vec::new();
        loop {
            match reader.next().await {
                Ok(Some(piece)) => beginning.extend_from_slice(&piece),
                Ok(None) => return Self { beginning, rest: None },
                Err(rejection) => {
                    let rest = Some(Rest::Failed(rejection));
                    return Self { beginning, rest };
                }
            }
            if beginning.len() > MAX_MATCHED {
                let rest = Some(Rest::More(reader));
                return Self { beginning, rest };
            }
        }
    }

    fn json(&self) -> Option<Value> {
        self.rest
            .is_none()
            .then(|| serde_json::from_slice(&self.beginning).ok())?
    }

    /// Returns the body as it was.
    fn into_body(self) -> Body {
        match self.rest {
            None => Body::from(self.beginning),
            Some(rest) => Body::from_stream(Rejoined {
                beginning: Some(self.beginning.into()),
                rest: Some(rest),
            }),
        }
    }
}

/// The beginning of a body, followed by the rest.
struct Rejoined {
    beginning: Option<Bytes>,
    rest: Option<Rest>,
}

impl Stream for Rejoined {
    type Item = Result<Bytes, Rejection>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(beginning) = self.beginning.take() {
            return Poll::Ready(Some(Ok(beginning)));
        }
        match &mut self.rest {
            Some(Rest::More(reader)) => reader.poll(context).map(Result::transpose),
            Some(Rest::Failed(_)) => {
                let failed = self.rest.take();
                Poll::Ready(failed.and_then(|rest| match rest {
                    Rest::Failed(rejection) => Some(Err(rejection)),
                    Rest::More(_) => None,
                }))
            }
            None => Poll::Ready(None),
        }
    }
}

/// Lets a stream break off after this many events. A response that is not a stream is left as it is.
fn broken_off(response: Response, events: u64) -> Response {
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let is_sse = content_type.is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
    if !is_sse && response.body().size_hint().exact().is_some() {
        return response;
    }
    response.map(|body| {
        Body::from_stream(BrokenStream {
            body: body.into_data_stream(),
            // A blank line ends a server-sent event, and the end of its line an event of the Yandex protocol.
            line_breaks: if is_sse { 2 } else { 1 },
            seen: 0,
            left: events,
            flushed: false,
        })
    })
}

/// A stream that fails after a number of events, so that the connection is closed in the middle of the response.
struct BrokenStream {
    body: BodyDataStream,
    /// How many line breaks in a row end an event.
    line_breaks: usize,
    /// The line breaks at the end of what was sent.
    seen: usize,
    /// The number of events that are still sent.
    left: u64,
    /// Whether the connection had an opportunity to send what it holds.
    flushed: bool,
}

impl BrokenStream {
    /// Returns how many bytes of a piece are sent.
    fn advance(&mut self, piece: &[u8]) -> usize {
        for (index, byte) in piece.iter().enumerate() {
            self.seen = if *byte == b'\n' { self.seen + 1 } else { 0 };
            if self.seen == self.line_breaks {
                self.seen = 0;
                self.left -= 1;
                if self.left == 0 {
                    return index + 1;
                }
            }
        }
        piece.len()
    }
}

impl Stream for BrokenStream {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.left == 0 {
            // A connection sends what it holds when its body is pending, and discards it when its body fails.
            if !self.flushed {
                self.flushed = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let error = axum::Error::new("the script breaks off this stream");
            return Poll::Ready(Some(Err(error)));
        }
        let piece = ready!(Pin::new(&mut self.body).poll_next(context));
        Poll::Ready(piece.map(|piece| {
            piece.map(|mut piece| {
                piece.truncate(self.advance(&piece));
                piece
            })
        }))
    }
}
