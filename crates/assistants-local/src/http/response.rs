//! Writes responses.

use std::fs;
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::file_stream::FileBytes;

/// The header by which a client identifies a request. It is returned.
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-client-request-id");

/// The value of `retry-after`, in seconds, in responses with status 503.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// An error in the format of its protocol.
pub(crate) trait ErrorResponse {
    fn status(&self) -> StatusCode;

    /// Returns the body of the response, as JSON.
    fn body(&self) -> String;
}

/// Creates a response with status 200 and a JSON body.
pub(crate) fn json(json: String) -> Response {
    with_body("application/json", Body::from(json))
}

/// Creates the response to a request that failed. Clients may repeat one with status 503.
pub(crate) fn error(error: &impl ErrorResponse) -> Response {
    let mut response = json(error.body());
    *response.status_mut() = error.status();
    if error.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}

/// Creates a response with the contents of a file.
pub(crate) fn file(file: fs::File, length: u64) -> Response {
    let bytes = Body::from_stream(FileBytes::new(file, length));
    let mut response = with_body("application/octet-stream", bytes);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// Creates a response with status 200 and a body of this type.
pub(crate) fn with_body(content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Adds a header with a value of the server's own.
pub(crate) fn add_header(response: &mut Response, name: &'static str, value: &str) {
    let value = HeaderValue::from_str(value).expect("the server's own values consist of visible ASCII characters");
    response.headers_mut().insert(name, value);
}

/// A request that is being handled, for the log and for the headers of its response.
#[derive(Debug)]
pub(crate) struct Exchange {
    start: Instant,
    target: String,
    request_id: String,
    client_request_id: Option<HeaderValue>,
}

impl Exchange {
    pub(crate) fn begin(request: &Request, request_id: String) -> Self {
        Self {
            start: Instant::now(),
            target: format!("{} {}", request.method(), request.uri().path()),
            request_id,
            client_request_id: request.headers().get(CLIENT_REQUEST_ID).cloned(),
        }
    }

    /// Logs the response, and adds the ids of the request to it. Returns the duration in milliseconds.
    pub(crate) fn end(self, response: &mut Response) -> u128 {
        let elapsed = self.start.elapsed().as_millis();
        log::debug!(
            "{}: {} after {elapsed} ms, {}",
            self.target,
            response.status().as_u16(),
            self.request_id
        );
        add_header(response, "x-request-id", &self.request_id);
        if let Some(id) = self.client_request_id {
            response.headers_mut().insert(CLIENT_REQUEST_ID, id);
        }
        elapsed
    }
}
