//! Reads a body piece by piece, and fails if the client sends it too slowly.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use tokio::time::{Instant, Sleep, sleep};
use tokio_stream::Stream;

use super::Rejection;
use super::limits::MAX_DRAINED;

/// The minimum rate of a body, in bytes per second, once the grace period has ended.
const LEAST_RATE: u64 = 1024;

/// The pieces of a body.
#[derive(Debug)]
pub(crate) struct BodyReader {
    body: BodyDataStream,
    start: Instant,
    /// The maximum pause between two pieces, and the grace period: the time that the body may take in addition to its
    /// length divided by [`LEAST_RATE`].
    time: Duration,
    received: u64,
    /// The time at which the next piece is too late. `Some` while waiting for one.
    until: Option<Pin<Box<Sleep>>>,
}

impl BodyReader {
    pub(crate) fn new(body: Body, time: Duration) -> Self {
        Self {
            body: body.into_data_stream(),
            start: Instant::now(),
            time,
            received: 0,
            until: None,
        }
    }

    /// Returns the next piece, or `None` at the end of the body.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Rejection> {
        poll_fn(|context| self.poll(context)).await
    }

    /// The polling form of [`next`](Self::next).
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Rejection>> {
        if let Poll::Ready(piece) = Pin::new(&mut self.body).poll_next(context) {
            self.until = None;
            return Poll::Ready(match piece {
                Some(Ok(piece)) => {
                    self.received += piece.len() as u64;
                    Ok(Some(piece))
                }
                Some(Err(error)) => Err(Rejection::Broken(error.to_string())),
                None => Ok(None),
            });
        }
        let (start, time, received) = (self.start, self.time, self.received);
        let until = self.until.get_or_insert_with(|| {
            let allowed = time + Duration::from_secs(received / LEAST_RATE);
            Box::pin(sleep(time.min(allowed.saturating_sub(start.elapsed()))))
        });
        until.as_mut().poll(context).map(|()| Err(Rejection::TooSlow))
    }

    /// Reads and discards more of the body, up to a limit. A client that is still sending when the connection closes
    /// may never see the response.
    pub(crate) async fn drain(&mut self) {
        let most = self.received.saturating_add(MAX_DRAINED);
        while self.received < most && matches!(self.next().await, Ok(Some(_))) {}
    }
}
