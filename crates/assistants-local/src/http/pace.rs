//! A body, piece by piece, from a client that must not take for ever.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use tokio::time::{Instant, Sleep, sleep};
use tokio_stream::Stream;

use super::Rejection;
use super::limits::LARGEST_WASTE;

/// How much a body must bring, in bytes a second, once its grace period has ended.
const LEAST_RATE: u64 = 1024;

/// The pieces of a body.
#[derive(Debug)]
pub(crate) struct Pieces {
    body: BodyDataStream,
    start: Instant,
    /// How long a pause may be, and how long the whole may be besides what its length allows for.
    time: Duration,
    received: u64,
    /// Ends when the next piece comes too late; there while it is waited for.
    until: Option<Pin<Box<Sleep>>>,
}

impl Pieces {
    pub(crate) fn new(body: Body, time: Duration) -> Self {
        Self {
            body: body.into_data_stream(),
            start: Instant::now(),
            time,
            received: 0,
            until: None,
        }
    }

    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Rejection> {
        poll_fn(|context| self.poll(context)).await
    }

    /// As [`next`](Self::next), for those who are polled themselves.
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

    /// Reads on and throws away, for a while: a client that still writes when the connection closes may never see the
    /// response.
    pub(crate) async fn waste(&mut self) {
        let most = self.received.saturating_add(LARGEST_WASTE);
        while self.received < most && matches!(self.next().await, Ok(Some(_))) {}
    }
}
