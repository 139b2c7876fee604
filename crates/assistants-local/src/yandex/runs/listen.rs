//! Streams the events of a run from any index on, as one JSON object per line.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use assistants_types::openai::{Message, ToolCall};
use assistants_types::yandex::{Dialect, Error, EventType, MessageContent, StreamCursor, StreamEvent, StreamEventData};
use axum::body::Bytes;
use tokio_stream::Stream;

use crate::engine::{Cursor, Engine, History, HistoryEvent, Interruption, ReadOutcome};
use crate::yandex::error::Code;
use crate::yandex::{ApiError, ApiResponse, Call, lines, messages, tools};

/// How many bytes are passed to the connection at a time, unless a single line is longer.
const CHUNK: usize = 64 * 1024;

pub(crate) fn listen(call: &Call) -> Result<ApiResponse, ApiError> {
    let run_id = call.required("runId")?;
    let first = match call.query("eventsStartIdx") {
        None => 0,
        Some(text) => text.parse().map_err(|_| {
            ApiError::invalid(format!(
                "`eventsStartIdx` must be the number of an event, not '{text}'."
            ))
        })?,
    };
    Ok(ApiResponse::Lines(Box::pin(Listening {
        engine: Arc::clone(&call.engine),
        history: call.engine.history(run_id)?,
        cursor: Cursor::at(first),
        dialect: call.dialect,
    })))
}

/// The response to a client that listens to a run.
#[derive(Debug)]
struct Listening {
    engine: Arc<Engine>,
    history: Arc<History>,
    cursor: Cursor,
    dialect: Dialect,
}

impl Stream for Listening {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let mut lines = String::new();
        let mut answer = None;
        let outcome = this.history.read(&mut this.cursor, context.waker(), |number, event| {
            if let HistoryEvent::Message(message) = event {
                // Its citations are read from the storage, so not under the lock of the history. A run is stored before its
                // events are reported.
                answer = Some((number, message.clone()));
                return false;
            }
            lines.push_str(&line(this.dialect, number, event));
            lines.len() < CHUNK
        });
        if let Some((number, message)) = answer {
            lines.push_str(&tokio::task::block_in_place(|| this.done(number, &message)));
        }
        match outcome {
            ReadOutcome::Events => Poll::Ready(Some(Ok(lines.into()))),
            ReadOutcome::Pending => Poll::Pending,
            ReadOutcome::Ended | ReadOutcome::Interrupted(Interruption::Stopped) => Poll::Ready(None),
            ReadOutcome::Interrupted(Interruption::Deleted(message)) => {
                Poll::Ready(Some(Ok(failure(Code::NotFound, message))))
            }
            ReadOutcome::Interrupted(Interruption::NotStored(message)) => {
                Poll::Ready(Some(Ok(failure(Code::Unavailable, message))))
            }
        }
    }
}

impl Listening {
    /// Returns the line of the last event of a run that has an answer.
    fn done(&self, number: u64, message: &Message) -> String {
        let message = self
            .engine
            .storage
            .read(|transaction| messages::written(transaction, message));
        match message {
            Ok(message) => event(
                self.dialect,
                number,
                EventType::Done,
                StreamEventData::CompletedMessage(message),
            ),
            Err(error) => lines::error(&error.into()),
        }
    }
}

fn failure(code: Code, message: String) -> Bytes {
    lines::error(&ApiError::new(code, message)).into()
}

fn line(dialect: Dialect, number: u64, happened: HistoryEvent<'_>) -> String {
    let (event_type, data) = match happened {
        HistoryEvent::Text(text) => (
            EventType::PartialMessage,
            StreamEventData::PartialMessage(MessageContent::from(text)),
        ),
        HistoryEvent::Calls(calls) => (EventType::ToolCalls, call_data(calls)),
        HistoryEvent::Message(message) => (
            EventType::Done,
            StreamEventData::CompletedMessage(messages::view(message, None)),
        ),
        HistoryEvent::Failure(reason) => (
            EventType::Error,
            StreamEventData::Error(Error {
                message: reason.to_owned(),
                ..Error::default()
            }),
        ),
    };
    event(dialect, number, event_type, data)
}

fn event(dialect: Dialect, number: u64, event_type: EventType, data: StreamEventData) -> String {
    let event = StreamEvent {
        event_type,
        stream_cursor: Some(StreamCursor {
            current_event_idx: i64::try_from(number).unwrap_or(i64::MAX),
            ..StreamCursor::default()
        }),
        data: Some(data),
        ..StreamEvent::default()
    };
    lines::result(dialect, &event)
}

fn call_data(calls: &[ToolCall]) -> StreamEventData {
    StreamEventData::ToolCallList(tools::calls(calls))
}
