//! Routing, and what all requests have in common: reading them, the headers of responses, and the format of errors.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use assistants_types::openai::Operation;
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Query, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{MethodFilter, on};

use super::error::ApiError;
use super::{ApiResponse, Call, v1};
use crate::clock::now;
use crate::engine::Engine;
use crate::http::file_stream::FileBytes;
use crate::http::{self, BodyReader, BufferedBody, Form, Frontend, MAX_BODY};
use crate::ids;
use crate::openai::request_schema::Schemas;

/// The maximum number of query parameters.
const MAX_QUERY_PARAMETERS: usize = 256;

/// The value of `openai-poll-after-ms`. Without it, the provider's clients poll a run once a second, which is slow for
/// a server on the same machine.
const POLL_AFTER_MS: &str = "50";

/// The paths under which the protocol is served: the provider's, followed by those that clients of Azure use. The
/// `api-version` in their query is ignored.
const PREFIXES: &[&str] = &[
    "/v1",
    "/openai",
    "/openai/v1",
    "/openai/deployments/{deployment}",
    "/api/projects/{project}",
];

/// Handles one operation. May block.
pub(super) type Handler = fn(&Call) -> Result<ApiResponse, ApiError>;

/// The kind of body that an operation accepts.
#[derive(Clone, Copy, Debug)]
enum BodyKind {
    /// JSON, or no body.
    Json,
    /// A form. The function checks the request before the form is read.
    Form(Form, fn(&Call) -> Result<(), ApiError>),
}

/// The schemas of requests in both versions of the protocol.
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

/// Returns the schemas of version 1, which include every member of the types.
#[cfg(any(test, fuzzing))]
pub(super) fn schemas() -> Arc<Schemas> {
    Versions::new(false).legacy
}

/// Builds the router.
pub(super) struct Routes {
    router: Router,
    engine: Arc<Engine>,
    schemas: Versions,
    frontend: Arc<Frontend>,
}

impl Routes {
    pub(super) fn new(engine: Arc<Engine>, frontend: Arc<Frontend>, strict: bool) -> Self {
        Self {
            router: Router::new(),
            engine,
            schemas: Versions::new(strict),
            frontend,
        }
    }

    /// Adds an operation with a JSON body.
    pub(super) fn mount(self, operation: &'static Operation, handler: Handler) -> Self {
        self.mount_body(operation, BodyKind::Json, handler)
    }

    /// Adds an operation with a form. `before` checks the request before the form is read.
    pub(super) fn mount_form(
        self,
        operation: &'static Operation,
        handler: Handler,
        form: Form,
        before: fn(&Call) -> Result<(), ApiError>,
    ) -> Self {
        self.mount_body(operation, BodyKind::Form(form, before), handler)
    }

    fn mount_body(mut self, operation: &'static Operation, body_kind: BodyKind, handler: Handler) -> Self {
        let filter = Method::from_bytes(operation.method.as_bytes())
            .ok()
            .and_then(|method| MethodFilter::try_from(method).ok())
            .expect("an operation of the spec has a method that the router knows");
        let reader = CallReader {
            engine: Arc::clone(&self.engine),
            schemas: self.schemas.clone(),
            frontend: Arc::clone(&self.frontend),
            body_kind,
        };
        let route = on(filter, async move |request: Request| {
            let response = answer(reader, handler, request).await;
            response.unwrap_or_else(|error| error_response(&error))
        });
        for prefix in PREFIXES {
            let path = format!("{prefix}{}", operation.path);
            self.router = self.router.route(&path, route.clone());
        }
        self
    }

    pub(super) fn into_router(self) -> Router {
        let Self { router, frontend, .. } = self;
        router
            .fallback(async |request: Request| {
                let message = format!("Invalid URL ({} {})", request.method(), request.uri().path());
                error_response(&ApiError::new(StatusCode::NOT_FOUND, message).code("unknown_url"))
            })
            .method_not_allowed_fallback(async |request: Request| {
                let message = format!("Invalid method for URL ({} {})", request.method(), request.uri().path());
                error_response(&ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message).code("method_not_allowed"))
            })
            .layer(middleware::from_fn_with_state(frontend, admit_and_label))
    }
}

/// Checks access, and adds the headers that all responses have.
async fn admit_and_label(State(frontend): State<Arc<Frontend>>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let request_id = ids::new("req_");
    let target = format!("{} {}", request.method(), request.uri().path());
    // Clients of Yandex send an id of their own, which is returned.
    let client_request_id = request.headers().get("x-client-request-id").cloned();
    let (parts, body) = request.into_parts();
    let mut response = match frontend.admit(&parts, true) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(rejection) => {
            http::log_rejection(&rejection, &target, &parts);
            error_response(&rejection.into())
        }
    };
    let elapsed = start.elapsed().as_millis();
    log::debug!(
        "{target}: {} after {elapsed} ms, {request_id}",
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

async fn answer(reader: CallReader, handler: Handler, request: Request) -> Result<Response, ApiError> {
    let frontend = Arc::clone(&reader.frontend);
    let call = reader.read(request).await?;
    let work = move || {
        call.engine.sweep(now().unix_timestamp())?;
        v1::show(&call, handler(&call)?)
    };
    into_http(frontend.work(work).await??).await
}

async fn into_http(answer: ApiResponse) -> Result<Response, ApiError> {
    Ok(match answer {
        ApiResponse::Json(json) => response(StatusCode::OK, "application/json", Body::from(json)),
        ApiResponse::Run(json) => {
            let mut response = response(StatusCode::OK, "application/json", Body::from(json));
            response
                .headers_mut()
                .insert("openai-poll-after-ms", HeaderValue::from_static(POLL_AFTER_MS));
            response
        }
        ApiResponse::File { file, length } => {
            let bytes = FileBytes::new(file, length);
            let mut response = response(StatusCode::OK, "application/octet-stream", Body::from_stream(bytes));
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            response
        }
        ApiResponse::Events(events) => {
            let mut response = response(StatusCode::OK, "text/event-stream; charset=utf-8", events);
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            response
        }
        ApiResponse::Pending(response) => Box::pin(into_http(response.await?)).await?,
    })
}

/// Reads the requests of one operation.
#[derive(Clone)]
struct CallReader {
    engine: Arc<Engine>,
    schemas: Versions,
    frontend: Arc<Frontend>,
    body_kind: BodyKind,
}

impl CallReader {
    async fn read(self, request: Request) -> Result<Call, ApiError> {
        let (mut parts, body) = request.into_parts();
        let takes_form = matches!(self.body_kind, BodyKind::Form(..));
        let checked = self.frontend.check_content_type(&parts, takes_form);
        checked.inspect_err(|rejection| http::log_rejection(rejection, &target(&parts), &parts))?;
        let mut call = self.head(&mut parts).await?;
        match self.body_kind {
            BodyKind::Json => {
                if http::has_form(&call.headers) {
                    return Err(ApiError::invalid("The body must be JSON, not a form."));
                }
                call.body = self.frontend.read_body(body, MAX_BODY).await?;
                Ok(call)
            }
            BodyKind::Form(form, before) => {
                let before = move || before(&call).map(|()| call);
                let mut call = match self.frontend.work(before).await? {
                    Ok(call) => call,
                    Err(error) => {
                        BodyReader::new(body, self.frontend.limits.body_timeout).drain().await;
                        return Err(error);
                    }
                };
                let files = &self.engine.files;
                let received = self.frontend.read_form(&call.headers, body, form, files).await?;
                call.form = Mutex::new(Some(received));
                Ok(call)
            }
        }
    }

    /// Reads the head of a request.
    async fn head(&self, parts: &mut Parts) -> Result<Call, ApiError> {
        let path = RawPathParams::from_request_parts(parts, &()).await;
        let path = path.map_err(|error| ApiError::invalid(format!("The path cannot be read: {error}.")))?;
        let path = path
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(query) = query.map_err(|error| ApiError::invalid(format!("The query cannot be read: {error}.")))?;
        http::check_count("query", query.len(), MAX_QUERY_PARAMETERS)?;
        let legacy = v1::asked_for(&parts.headers);
        let schemas = if legacy {
            &self.schemas.legacy
        } else {
            &self.schemas.current
        };
        Ok(Call {
            engine: Arc::clone(&self.engine),
            schemas: Arc::clone(schemas),
            legacy,
            target: target(parts),
            path,
            query,
            headers: std::mem::take(&mut parts.headers),
            body: BufferedBody::default(),
            form: Mutex::default(),
        })
    }
}

fn target(parts: &Parts) -> String {
    format!("{} {}", parts.method, parts.uri.path())
}

fn error_response(error: &ApiError) -> Response {
    let mut response = response(error.status, "application/json", Body::from(error.body()));
    http::add_retry_after(&mut response);
    response
}

fn response(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
