//! Routing, and what all requests have in common: reading them, the headers of responses, and the format of errors.
//!
//! Paths are not matched by axum's router, which does not support a verb after an id and a colon
//! (`/operations/{operationId}:cancel`). Unknown paths also need errors in the format of this protocol.

use std::sync::{Arc, Mutex};

use assistants_types::openai::Operation;
use assistants_types::yandex::{Dialect, operations as op};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;

use super::error::{ApiError, Code};
use super::request::{ApiResponse, Call};
use super::{files, resource};
use crate::engine::Engine;
use crate::http::response::{self, Exchange};
use crate::http::{self, Frontend, MAX_BODY, Upload};
use crate::ids;
use crate::storage::blobs::Unfinished;

/// The prefixes of the protocol. All paths below them belong to it.
const PREFIXES: &[&str] = &[
    "/assistants/v1",
    "/files/v1",
    "/users/v1",
    "/operations",
    "/foundationModels/v1",
];

/// The headers of this protocol that scripts of web pages may read.
pub(crate) const RESPONSE_HEADERS: &[&str] = &["x-server-trace-id"];

/// Handles one operation. May block.
pub(super) type Handler = fn(&Call) -> Result<ApiResponse, ApiError>;

/// The routes of the protocol.
#[derive(Debug)]
pub(super) struct Routes {
    engine: Arc<Engine>,
    frontend: Arc<Frontend>,
    dialect: Dialect,
    strict: bool,
    routes: Vec<(&'static Operation, Handler)>,
}

impl Routes {
    pub(super) fn new(engine: Arc<Engine>, frontend: Arc<Frontend>, dialect: Dialect, strict: bool) -> Self {
        Self {
            engine,
            frontend,
            dialect,
            strict,
            routes: Vec::new(),
        }
    }

    /// Adds an operation. If a path matches several, the one added first is used.
    pub(super) fn mount(mut self, operation: &'static Operation, handler: Handler) -> Self {
        self.routes.push((operation, handler));
        self
    }

    pub(super) fn in_front_of(self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(Arc::new(self), dispatch))
    }

    /// Returns the operation for a method and a path, with the ids in the path.
    fn find(&self, method: &str, path: &str) -> Result<Match, ApiError> {
        let mut path_is_known = false;
        for (operation, handler) in &self.routes {
            let Some(ids) = match_path(operation.path, path) else {
                continue;
            };
            // The provider's guide cancels with POST, its API definition with GET.
            let is_cancel = operation.id == op::CANCEL_OPERATION.id && method == "POST";
            if operation.method == method || is_cancel {
                return Ok(Match {
                    operation,
                    handler: *handler,
                    ids,
                });
            }
            path_is_known = true;
        }
        // The messages and codes of the provider's gateway.
        Err(if path_is_known {
            ApiError::new(Code::Unimplemented, "Method Not Allowed")
        } else {
            ApiError::new(Code::NotFound, "Not Found")
        })
    }
}

struct Match {
    operation: &'static Operation,
    handler: Handler,
    ids: Vec<(&'static str, String)>,
}

/// Returns the ids in `path` if it matches `template`.
fn match_path(template: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let mut ids = Vec::new();
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(ids),
            (Some(wanted), Some(given)) => match wanted.strip_prefix('{') {
                None if wanted == given => {}
                None => return None,
                Some(rest) => {
                    let (name, verb) = rest.split_once('}')?;
                    let id = given.strip_suffix(verb).filter(|id| !id.is_empty())?;
                    // A colon begins a verb, so an id cannot contain one.
                    if id.contains(':') {
                        return None;
                    }
                    ids.push((name, decode(id)?));
                }
            },
            _ => return None,
        }
    }
}

/// Decodes percent-encoding.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Returns whether a path belongs to the protocol.
pub(crate) fn has_path(path: &str) -> bool {
    PREFIXES.iter().any(|prefix| {
        path.strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':']))
    })
}

/// Handles the requests that belong to the protocol, and passes on all others.
async fn dispatch(State(routes): State<Arc<Routes>>, request: Request, next: Next) -> Response {
    if !has_path(request.uri().path()) {
        return next.run(request).await;
    }
    let exchange = Exchange::begin(&request, ids::uuid());
    let response = respond(&routes, request).await;
    let mut response = response.unwrap_or_else(|error| response::error(&error));
    exchange.end(&mut response);
    let trace = ids::uuid().replace('-', "");
    let (one, other) = trace.split_at(16);
    response::add_header(&mut response, "x-server-trace-id", &format!("{one}:{other}:{one}:0"));
    response
}

async fn respond(routes: &Routes, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    // The path of a download contains a secret, so no key is needed.
    let download = match_path(files::DOWNLOAD, path).filter(|_| parts.method == "GET");
    routes.frontend.admit(&parts, download.is_none())?;
    routes.frontend.check_content_type(&parts, false)?;
    let found = match download {
        Some(ids) => Match {
            operation: &op::GET_FILE_URL,
            handler: files::download,
            ids,
        },
        None => routes.find(parts.method.as_str(), path)?,
    };
    let query = http::query(&parts.uri)?;
    let (body, content) = if found.operation.id == op::CREATE_FILE.id {
        let upload = routes.frontend.read_upload(body, files::CONTENT, &routes.engine.files);
        let Upload { body, file } = upload.await?;
        (body, Some(file))
    } else {
        (routes.frontend.read_body(body, MAX_BODY).await?, None)
    };
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let call = Call {
        engine: Arc::clone(&routes.engine),
        dialect: routes.dialect,
        strict: routes.strict,
        origin: format!("http://{}", host.unwrap_or("localhost")),
        target: format!("{} {path}", parts.method),
        path: found.ids,
        query,
        headers: parts.headers,
        body,
        content_digest: content.as_ref().map(Unfinished::digest),
        content: Mutex::new(content),
    };
    let handler = found.handler;
    let work = move || {
        call.engine.sweep(resource::now().unix_timestamp())?;
        handler(&call)
    };
    routes.frontend.work(work).await?.map(into_http)
}

fn into_http(response: ApiResponse) -> Response {
    match response {
        ApiResponse::Json(json) => response::json(json),
        ApiResponse::Lines(lines) => response::with_body("application/json", Body::from_stream(lines)),
        ApiResponse::File {
            file,
            length,
            mime_type,
        } => {
            let mut response = response::file(file, length);
            // A stored file must not be rendered as a page of this server's origin.
            response::add_header(&mut response, "content-disposition", "attachment");
            response::add_header(&mut response, "x-content-type-options", "nosniff");
            // A media type that is not a valid header value is omitted.
            if let Ok(mime_type) = HeaderValue::from_str(&mime_type) {
                response.headers_mut().insert(header::CONTENT_TYPE, mime_type);
            }
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(template: &'static str, path: &str, want: Option<&[&str]>) {
        let ids = match_path(template, path);
        let ids: Option<Vec<&str>> = ids.as_ref().map(|ids| ids.iter().map(|(_, id)| id.as_str()).collect());
        assert_eq!(ids.as_deref(), want, "{path}");
    }

    #[test]
    fn fits_ids_and_verbs() {
        check("/a/v1/x/{id}", "/a/v1/x/1", Some(&["1"]));
        check("/a/v1/x/{id}", "/a/v1/x/a%2Fb", Some(&["a/b"]));
        check("/a/v1/x/{id}", "/a/v1/x/%zz", None);
        check("/a/v1/x/{id}", "/a/v1/x/", None);
        check("/a/v1/x/{id}", "/a/v1/x", None);
        check("/a/v1/x/{id}", "/a/v1/x/1/2", None);
        check("/a/v1/x/{id}", "/a/v1/x/1:cancel", None);
        check("/o/{id}:cancel", "/o/1:cancel", Some(&["1"]));
        check("/o/{id}:cancel", "/o/:cancel", None);
        check("/o/{id}:cancel", "/o/1", None);
        check("/a/x:list", "/a/x:list", Some(&[]));
        check("/a/{one}/{other}", "/a/1/2", Some(&["1", "2"]));
    }
}
