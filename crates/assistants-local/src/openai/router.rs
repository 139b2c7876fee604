//! Routing, and what all requests have in common: reading them, the headers of responses, and the format of errors.

use std::sync::{Arc, Mutex};

use assistants_types::openai::Operation;
use axum::Router;
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{MethodFilter, on};

use super::error::ApiError;
use super::{ApiResponse, Call, v1};
use crate::clock::now;
use crate::engine::Engine;
use crate::http::response::{self, Exchange};
use crate::http::{self, BodyReader, BufferedBody, Form, Frontend, MAX_BODY};
use crate::ids;
use crate::openai::request_schema::Schemas;

/// The value of `openai-poll-after-ms`. Without it, the provider's clients poll a run once a second, which is slow for
/// a server on the same machine.
const POLL_AFTER_MS: &str = "50";

/// The headers of this protocol that scripts of web pages may read.
pub(crate) const RESPONSE_HEADERS: &[&str] = &["openai-version", "openai-processing-ms", "openai-poll-after-ms"];

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
                .and_then(|schemas| schemas.and(include_str!("generated/responses_request_schemas.json")))
                .and_then(|schemas| schemas.and(include_str!("generated/embeddings_request_schemas.json")))
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
            let response = respond(reader, handler, request).await;
            response.unwrap_or_else(|error| response::error(&error))
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
                response::error(&ApiError::new(StatusCode::NOT_FOUND, message).code("unknown_url"))
            })
            .method_not_allowed_fallback(async |request: Request| {
                let message = format!("Invalid method for URL ({} {})", request.method(), request.uri().path());
                response::error(&ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message).code("method_not_allowed"))
            })
            .layer(middleware::from_fn_with_state(frontend, admit_and_label))
    }
}

/// Checks access, and adds the headers that all responses have.
async fn admit_and_label(State(frontend): State<Arc<Frontend>>, request: Request, next: Next) -> Response {
    let exchange = Exchange::begin(&request, ids::new("req_"));
    let (parts, body) = request.into_parts();
    let mut response = match frontend.admit(&parts, true) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(rejection) => response::error(&ApiError::from(rejection)),
    };
    let elapsed = exchange.end(&mut response);
    response::add_header(&mut response, "openai-version", "2020-10-01");
    response::add_header(&mut response, "openai-processing-ms", &elapsed.to_string());
    response
}

async fn respond(reader: CallReader, handler: Handler, request: Request) -> Result<Response, ApiError> {
    let frontend = Arc::clone(&reader.frontend);
    let call = reader.read(request).await?;
    let work = move || {
        call.engine.sweep(now().unix_timestamp())?;
        v1::show(&call, handler(&call)?)
    };
    into_http(frontend.work(work).await??).await
}

async fn into_http(response: ApiResponse) -> Result<Response, ApiError> {
    Ok(match response {
        ApiResponse::Json(json) => response::json(json),
        ApiResponse::Run(json) => {
            let mut response = response::json(json);
            response::add_header(&mut response, "openai-poll-after-ms", POLL_AFTER_MS);
            response
        }
        ApiResponse::File { file, length } => response::file(file, length),
        ApiResponse::Events(events) => {
            let mut response = response::with_body("text/event-stream; charset=utf-8", events);
            response::add_header(&mut response, "cache-control", "no-cache");
            response
        }
        ApiResponse::Pending(pending) => Box::pin(into_http(pending.await?)).await?,
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
        self.frontend.check_content_type(&parts, takes_form)?;
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
            target: format!("{} {}", parts.method, parts.uri.path()),
            path,
            query: http::query(&parts.uri)?,
            headers: std::mem::take(&mut parts.headers),
            body: BufferedBody::default(),
            form: Mutex::default(),
        })
    }
}
