//! A response that is being written.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use tokio::sync::oneshot;
use tokio_stream::Stream;

use super::failure::abandoned;
use crate::engine::ChatHandle;
use crate::http::event_channel::Reader;
use crate::openai::{ApiError, ApiResponse};

/// The first part of a response.
pub(in crate::openai) enum Started {
    /// The whole response.
    Whole(ApiResponse),
    /// The stream, including its first chunk.
    Stream(Reader),
}

/// Where the thread that writes a response reports its first part.
pub(in crate::openai) struct Starter(oneshot::Sender<Result<Started, ApiError>>);

impl Starter {
    pub(in crate::openai) fn start(self, outcome: Result<Started, ApiError>) {
        if self.0.send(outcome).is_err() {
            log::debug!("the client disconnected before the answer began");
        }
    }
}

/// A response that is being written. Dropping it stops the model.
pub(in crate::openai) struct PendingAnswer {
    started: oneshot::Receiver<Result<Started, ApiError>>,
    chat: ChatHandle,
}

impl PendingAnswer {
    /// `begin` queues the request.
    pub(in crate::openai) fn new(begin: impl FnOnce(Starter) -> ChatHandle) -> Self {
        let (start, started) = oneshot::channel();
        Self {
            started,
            chat: begin(Starter(start)),
        }
    }

    /// Waits for the whole response, or for the first chunk of a stream. If the model fails before that, the response
    /// has an error status.
    pub(in crate::openai) async fn response(self) -> Result<ApiResponse, ApiError> {
        match self.started.await {
            Ok(Ok(Started::Whole(response))) => Ok(response),
            Ok(Ok(Started::Stream(reader))) => Ok(ApiResponse::Events(Body::from_stream(AnswerEvents {
                reader,
                _chat: self.chat,
            }))),
            Ok(Err(error)) => Err(error),
            // The starter was dropped: no thread executed the request.
            Err(_) => Err(abandoned()),
        }
    }
}

/// The body of a streamed response.
#[derive(Debug)]
struct AnswerEvents {
    reader: Reader,
    /// Stops the model if the client disconnects.
    _chat: ChatHandle,
}

impl Stream for AnswerEvents {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.reader).poll_next(context)
    }
}
