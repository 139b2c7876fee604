//! CORS: responses to browsers whose pages have another origin (Fetch standard, "CORS protocol").

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;

use super::Frontend;

/// How long a browser may cache a preflight response, in seconds.
const PREFLIGHT_MAX_AGE: &str = "600";

/// The response headers of this layer that scripts may read in addition to the CORS-safelisted ones.
const EXPOSED: &str = "x-request-id, x-client-request-id, retry-after, content-disposition";

const REQUESTED_HEADERS: HeaderName = header::ACCESS_CONTROL_REQUEST_HEADERS;
const REQUESTED_METHOD: HeaderName = header::ACCESS_CONTROL_REQUEST_METHOD;
const REQUESTED_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOWED_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// Adds CORS headers to the responses of `router`. Requests from origins that are not allowed get none.
///
/// `headers` are those of the protocols, which scripts may read.
pub(crate) fn with_cors(router: Router, frontend: Arc<Frontend>, headers: &[&str]) -> Router {
    let exposed = [&[EXPOSED], headers].concat().join(", ");
    let exposed = HeaderValue::from_str(&exposed).expect("names of headers are a header value");
    router.layer(middleware::from_fn_with_state((frontend, exposed), respond))
}

async fn respond(
    State((frontend, exposed)): State<(Arc<Frontend>, HeaderValue)>,
    request: Request,
    next: Next,
) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = origin.filter(|origin| {
        origin
            .to_str()
            .is_ok_and(|origin| frontend.access.allows_origin(origin))
    });
    let Some(origin) = allowed else {
        return next.run(request).await;
    };
    // Preflight requests carry no key, so they are handled before the access check.
    let mut response = if request.method() == Method::OPTIONS && request.headers().contains_key(REQUESTED_METHOD) {
        preflight(request.headers())
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    response
}

fn preflight(requested: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST, PATCH, DELETE"),
    );
    if let Some(names) = requested.get(REQUESTED_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    if requested.contains_key(REQUESTED_NETWORK) {
        headers.insert(ALLOWED_NETWORK, HeaderValue::from_static("true"));
    }
    headers.insert(
        header::ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from_static(PREFLIGHT_MAX_AGE),
    );
    response
}
