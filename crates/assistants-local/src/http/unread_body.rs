//! Request bodies that their handler did not read, because it rejected the request by its head.
//!
//! A connection with an unread body cannot serve another request. hyper then closes it, without a notice if the body was
//! still on its way, and a client that reuses the connection loses its next request. So a small body is read and
//! discarded, and otherwise the response announces the close (RFC 9112, section 9.6).

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::timeout;

use super::BodyReader;

/// The largest rest of a body, in bytes, that is read and discarded.
const MAX_REST: u64 = 64 * 1024;

/// How long the rest of a body may take to arrive.
const REST_TIME: Duration = Duration::from_secs(1);

/// Takes care of bodies that the handlers of `router` do not read.
pub(crate) fn with_unread_bodies(router: Router) -> Router {
    router.layer(middleware::from_fn(respond))
}

async fn respond(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    // A client that asked for permission to send the body does not send it after a rejection.
    let is_held_back = parts.headers.contains_key(header::EXPECT);
    let body = SharedBody(Arc::new(Mutex::new(body)));
    let mut response = next.run(Request::from_parts(parts, Body::new(body.clone()))).await;
    if !body.is_end_stream() && !response.status().is_success() {
        // The time of a body that was too slow is used up.
        let is_late = response.status() == StatusCode::REQUEST_TIMEOUT;
        let is_small = body.size_hint().upper().is_some_and(|rest| rest <= MAX_REST);
        if is_small && !is_late && !is_held_back {
            let mut reader = BodyReader::new(Body::new(body.clone()), REST_TIME);
            // Running out of time leaves the body unread, which is handled below.
            let _ = timeout(REST_TIME, reader.drain()).await;
        }
        if !body.is_end_stream() {
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
    response
}

/// A body that outlives the handler that reads it.
#[derive(Clone, Debug)]
struct SharedBody(Arc<Mutex<Body>>);

impl SharedBody {
    fn lock(&self) -> MutexGuard<'_, Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpBody for SharedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut *self.lock()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().size_hint()
    }
}
