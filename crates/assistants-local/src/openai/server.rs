//! What all requests share: the key, the size limit, the headers of answers, the shape of errors.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use assistants_types::openai::Operation;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Query, RawPathParams, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use tokio_stream::StreamExt;

use super::call::{Answer, Call};
use super::error::ApiError;
use super::file_bytes::FileBytes;
use super::form::Form;
use super::legacy;
use crate::engine::Engine;
use crate::ids;
use crate::object::now;
use crate::validate::Schemas;

/// The largest body of a request, in bytes.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// How much of a body that is too large is read and thrown away, in bytes. A client that still writes when the
/// connection closes may never see the answer.
pub(super) const LARGEST_WASTE: usize = 4 * LARGEST_BODY;

/// When to look at a run again. The provider's clients wait a second if nobody tells them; here nothing is far away.
const POLL_AFTER_MS: &str = "50";

/// Where clients of Azure put the key.
const AZURE_KEY: HeaderName = HeaderName::from_static("api-key");

/// Where the protocol lives: the provider's own place, then those of Azure, whose clients know no other. The version that
/// they name in the query is not looked at.
const PREFIXES: &[&str] = &[
    "/v1",
    "/openai",
    "/openai/v1",
    "/openai/deployments/{deployment}",
    "/api/projects/{project}",
];

/// Answers one operation. May block.
pub(super) type Handler = fn(&Call) -> Result<Answer, ApiError>;

/// The schemas of requests, in both versions of the protocol.
#[derive(Clone, Debug)]
struct Versions {
    current: Arc<Schemas>,
    legacy: Arc<Schemas>,
}

impl Versions {
    fn new(strict: bool) -> Self {
        let all = || {
            Schemas::parse(include_str!("generated/request_schemas.json"))
                .and_then(|schemas| schemas.and(include_str!("generated/chat_request_schemas.json")))
                .expect("the generated schemas have the form that the generator gave them")
                .strict(strict)
        };
        let current = all()
            .without_member("Tool", "RetrievalTool")
            .without_property("CreateAssistant", "file_ids")
            .without_property("UpdateAssistant", "file_ids");
        Self {
            current: Arc::new(current),
            legacy: Arc::new(all()),
        }
    }
}

/// The schemas that requests in version 1 are checked against: they know every member that the types have.
#[cfg(any(test, fuzzing))]
pub(super) fn schemas() -> Arc<Schemas> {
    Versions::new(false).legacy
}

/// The router while it is built.
pub(super) struct Routes {
    router: Router,
    engine: Arc<Engine>,
    schemas: Versions,
    key: Option<Arc<str>>,
}

impl Routes {
    pub(super) fn new(engine: Arc<Engine>, key: Option<String>, strict: bool) -> Self {
        Self {
            router: Router::new(),
            engine,
            schemas: Versions::new(strict),
            key: key.map(Arc::from),
        }
    }

    /// Lets `handler` answer `operation`.
    pub(super) fn mount(mut self, operation: &'static Operation, handler: Handler) -> Self {
        let filter = Method::from_bytes(operation.method.as_bytes())
            .ok()
            .and_then(|method| MethodFilter::try_from(method).ok())
            .expect("an operation of the spec has a method that the router knows");
        let (engine, schemas) = (self.engine.clone(), self.schemas.clone());
        let route = on(filter, move |request: Request| {
            answer(engine, schemas, handler, request)
        });
        for prefix in PREFIXES {
            let path = format!("{prefix}{}", operation.path);
            self.router = self.router.route(&path, route.clone());
        }
        self
    }

    pub(super) fn into_router(self) -> Router {
        let Self { router, key, .. } = self;
        router
            .fallback(async |request: Request| {
                let message = format!("Invalid URL ({} {})", request.method(), request.uri().path());
                error_response(&ApiError::new(StatusCode::NOT_FOUND, message).code("unknown_url"))
            })
            .method_not_allowed_fallback(async |request: Request| {
                let message = format!("Invalid method for URL ({} {})", request.method(), request.uri().path());
                error_response(&ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message).code("method_not_allowed"))
            })
            .layer(middleware::from_fn_with_state(key, frame))
    }
}

/// Lets a request in or not, and gives every answer its headers.
async fn frame(State(key): State<Option<Arc<str>>>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let request_id = ids::new("req_");
    let place = format!("{} {}", request.method(), request.uri().path());
    // Clients of Yandex number their calls.
    let client_request_id = request.headers().get("x-client-request-id").cloned();
    let mut response = match let_in(key.as_deref(), &request) {
        Ok(()) => next.run(request).await,
        Err(error) => error_response(&error),
    };
    let elapsed = start.elapsed().as_millis();
    log::debug!(
        "{place}: {} after {elapsed} ms, {request_id}",
        response.status().as_u16()
    );
    let headers = response.headers_mut();
    headers.insert("openai-version", HeaderValue::from_static("2020-10-01"));
    if let Some(id) = client_request_id {
        headers.insert("x-client-request-id", id);
    }
    for (name, value) in [
        ("x-request-id", request_id),
        ("openai-processing-ms", elapsed.to_string()),
    ] {
        let value = HeaderValue::from_str(&value).expect("letters and digits are a header value");
        headers.insert(name, value);
    }
    response
}

fn let_in(key: Option<&str>, request: &Request) -> Result<(), ApiError> {
    let Some(key) = key else { return Ok(()) };
    let unauthorized = |message: &str| ApiError::new(StatusCode::UNAUTHORIZED, message).code("invalid_api_key");
    let header = |name| request.headers().get(name).map(HeaderValue::as_bytes);
    let token = match (header(header::AUTHORIZATION), header(AZURE_KEY)) {
        // The scheme's name is case-insensitive (RFC 9110, section 11.1). Clients of Yandex say `Api-Key`.
        (Some(given), _) => [&b"bearer "[..], b"api-key "].into_iter().find_map(|scheme| {
            let (name, token) = given.split_at_checked(scheme.len())?;
            name.eq_ignore_ascii_case(scheme).then_some(token)
        }),
        (None, Some(key)) => Some(key),
        (None, None) => {
            return Err(unauthorized(
                "You didn't provide an API key. You need to provide your API key in an Authorization header using \
                 Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
            ));
        }
    };
    match token {
        Some(token) if same(token.trim_ascii(), key.as_bytes()) => Ok(()),
        _ => Err(unauthorized("Incorrect API key provided.")),
    }
}

/// Compares in a time that does not depend on where the two differ.
pub(crate) fn same(given: &[u8], key: &[u8]) -> bool {
    let difference = given
        .iter()
        .zip(key)
        .fold(0, |difference, (one, other)| difference | (one ^ other));
    std::hint::black_box(difference) == 0 && given.len() == key.len()
}

async fn answer(engine: Arc<Engine>, schemas: Versions, handler: Handler, request: Request) -> Response {
    let call = match read(engine, schemas, request).await {
        Ok(call) => call,
        Err(error) => return error_response(&error),
    };
    let place = call.place.clone();
    let work = move || {
        call.engine.sweep(now().unix_timestamp())?;
        legacy::show(&call, handler(&call)?)
    };
    let mut answered = tokio::task::spawn_blocking(work).await;
    if let Ok(Ok(Answer::Chat(chat))) = answered {
        // Dropped with this future when the client goes, which stops the model.
        answered = Ok(chat.answer().await);
    }
    match answered {
        Ok(Ok(Answer::Json(json))) => response(StatusCode::OK, "application/json", Body::from(json)),
        Ok(Ok(Answer::Run(json))) => {
            let mut response = response(StatusCode::OK, "application/json", Body::from(json));
            response
                .headers_mut()
                .insert("openai-poll-after-ms", HeaderValue::from_static(POLL_AFTER_MS));
            response
        }
        Ok(Ok(Answer::File { file, length })) => {
            let bytes = FileBytes::new(file, length);
            let mut response = response(StatusCode::OK, "application/octet-stream", Body::from_stream(bytes));
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            response
        }
        Ok(Ok(Answer::Events(events))) => {
            let mut response = response(StatusCode::OK, "text/event-stream; charset=utf-8", events);
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            response
        }
        Ok(Ok(Answer::Chat(_))) => error_response(&ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The answer was not written.",
        )),
        Ok(Err(error)) => error_response(&error),
        Err(error) => {
            log::error!("{place}: {error}");
            let message = "The server had an error processing your request. Sorry about that!";
            error_response(&ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message))
        }
    }
}

async fn read(engine: Arc<Engine>, schemas: Versions, request: Request) -> Result<Call, ApiError> {
    let (mut parts, body) = request.into_parts();
    let path = RawPathParams::from_request_parts(&mut parts, &()).await;
    let path = path.map_err(|error| ApiError::invalid(format!("The path cannot be read: {error}.")))?;
    let path = path
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
    let Query(query) = query.map_err(|error| ApiError::invalid(format!("The query cannot be read: {error}.")))?;
    let place = format!("{} {}", parts.method, parts.uri.path());
    let (body, form) = match Form::of(&parts.headers, body)? {
        Ok(form) => (Bytes::new(), Some(form)),
        Err(body) => (read_body(body).await?, None),
    };
    let legacy = legacy::asked_for(&parts.headers);
    Ok(Call {
        engine,
        schemas: if legacy { schemas.legacy } else { schemas.current },
        legacy,
        place,
        path,
        query,
        headers: parts.headers,
        body,
        form: Mutex::new(form),
    })
}

async fn read_body(body: Body) -> Result<Bytes, ApiError> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut length = 0_usize;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| ApiError::invalid(format!("The body could not be read: {error}.")))?;
        length = length.saturating_add(chunk.len());
        if length <= LARGEST_BODY {
            bytes.extend_from_slice(&chunk);
        } else {
            bytes = Vec::new();
        }
        if length > LARGEST_WASTE {
            break;
        }
    }
    if length > LARGEST_BODY {
        let message = format!("The body is larger than {LARGEST_BODY} bytes.");
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("body_too_large"));
    }
    Ok(bytes.into())
}

fn error_response(error: &ApiError) -> Response {
    response(error.status, "application/json", Body::from(error.body()))
}

fn response(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_keys() {
        assert!(same(b"secret", b"secret"));
        assert!(!same(b"secreT", b"secret"));
        assert!(!same(b"secret2", b"secret"));
        assert!(!same(b"", b"secret"));
    }
}
