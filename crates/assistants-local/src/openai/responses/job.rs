//! A response that is ready to be written.

use std::ops::ControlFlow;

use assistants_types::Complete;
use assistants_types::responses::{
    Response, ResponseCompletedEvent, ResponseCreatedEvent, ResponseError, ResponseErrorEvent, ResponseEvent,
    ResponseFailedEvent, ResponseInProgressEvent, ResponseIncompleteDetails, ResponseIncompleteEvent,
    ResponseIncompleteReason, ResponseInputTokens, ResponseItemStatus, ResponseOutputTokens, ResponseStatus,
    ResponseUsage,
};
use serde_json::Value;

use super::draft::Draft;
use crate::engine::ChatOutput;
use crate::model::{Finish, FinishReason, ModelRequest, Usage};
use crate::openai::answer::{EventWriter, Starter, broken_off, model_failed};
use crate::openai::{ApiError, ApiResponse};

pub(super) struct ResponseJob {
    pub(super) request: ModelRequest,
    /// The response before the model writes.
    pub(super) response: Response,
}

impl ResponseJob {
    /// Writes the response, and returns it as a whole.
    pub(super) fn whole(&self, output: &ChatOutput<'_>) -> Result<ApiResponse, ApiError> {
        let mut draft = Draft::default();
        let finish = output.ask(&self.request, &mut |piece| {
            draft.add(piece);
            ControlFlow::Continue(())
        });
        let finish = finish.map_err(|failure| model_failed(failure, "input"))?;
        draft.complete(&item_status(finish));
        Ok(ApiResponse::Json(complete(&ended(
            self.response.clone(),
            draft,
            finish,
        ))))
    }

    /// Sends the response as it is written.
    pub(super) fn streamed(&self, output: &ChatOutput<'_>, starter: Starter) {
        let mut events = Events {
            job: self,
            writer: EventWriter::new(starter, interrupted()),
            sent: 0,
        };
        let outcome = events.write(output);
        let sent = events.sent;
        let failed = |error: &ApiError| on_wire(&self.failed(error), sent);
        events.writer.finish(outcome, failed);
    }

    fn failed(&self, error: &ApiError) -> ResponseEvent {
        let code = error.code.as_deref().unwrap_or("server_error");
        let mut response = Response {
            status: ResponseStatus::Failed,
            ..self.response.clone()
        };
        response.error = Some(ResponseError {
            code: code.to_owned(),
            message: error.message.clone(),
            ..ResponseError::default()
        });
        ResponseEvent::Failed(ResponseFailedEvent {
            response,
            ..ResponseFailedEvent::default()
        })
    }
}

/// The stream that is being written.
struct Events<'a> {
    job: &'a ResponseJob,
    writer: EventWriter,
    /// The number of events that were sent.
    sent: i64,
}

impl Events<'_> {
    fn write(&mut self, output: &ChatOutput<'_>) -> Result<(), ApiError> {
        let mut draft = Draft::default();
        let finish = output.ask(&self.job.request, &mut |piece| {
            let events = draft.add(piece);
            if events.is_empty() {
                return ControlFlow::Continue(());
            }
            self.begin();
            events.iter().for_each(|event| self.send(event));
            self.writer.wait()
        });
        let finish = finish.map_err(|failure| model_failed(failure, "input"))?;
        self.begin();
        let events = draft.complete(&item_status(finish));
        events.iter().for_each(|event| self.send(event));
        let response = ended(self.job.response.clone(), draft, finish);
        self.send(&if response.status == ResponseStatus::Completed {
            ResponseEvent::Completed(ResponseCompletedEvent {
                response,
                ..ResponseCompletedEvent::default()
            })
        } else {
            ResponseEvent::Incomplete(ResponseIncompleteEvent {
                response,
                ..ResponseIncompleteEvent::default()
            })
        });
        Ok(())
    }

    /// Sends what precedes the first item. A model that fails before that makes a response with an error status.
    fn begin(&mut self) {
        if self.sent > 0 {
            return;
        }
        let response = self.job.response.clone();
        self.send(&ResponseEvent::Created(ResponseCreatedEvent {
            response: response.clone(),
            ..ResponseCreatedEvent::default()
        }));
        self.send(&ResponseEvent::InProgress(ResponseInProgressEvent {
            response,
            ..ResponseInProgressEvent::default()
        }));
    }

    fn send(&mut self, event: &ResponseEvent) {
        self.writer.send(&on_wire(event, self.sent));
        self.sent += 1;
    }
}

/// The event that ends a stream whose reader was disconnected.
fn interrupted() -> String {
    let event = ResponseErrorEvent {
        code: Some("server_error".to_owned()),
        message: broken_off().message,
        ..ResponseErrorEvent::default()
    };
    format!("event: error\ndata: {}\n\n", complete(&event))
}

/// Formats an event. Serialized JSON contains no line breaks, so it fits in one data line.
fn on_wire(event: &ResponseEvent, number: i64) -> String {
    let mut json = serde_json::to_value(event).expect("an object of the protocol has a JSON form");
    json["sequence_number"] = number.into();
    if let Some(response) = event.response() {
        json["response"] = serde_json::from_str(&complete(response)).expect("an object was serialized to JSON");
    }
    let name = json.get("type").and_then(Value::as_str).unwrap_or_default();
    format!("event: {name}\ndata: {json}\n\n")
}

fn complete(object: &impl Complete) -> String {
    object
        .to_complete_json()
        .expect("an object of the protocol has a JSON form")
}

/// The status of the items that are open when the answer ends.
fn item_status(finish: Finish) -> ResponseItemStatus {
    match finish.reason {
        FinishReason::Stop => ResponseItemStatus::Completed,
        _ => ResponseItemStatus::Incomplete,
    }
}

/// Returns the response after its end.
fn ended(response: Response, draft: Draft, finish: Finish) -> Response {
    let reason = match finish.reason {
        FinishReason::Stop => None,
        FinishReason::ContentFilter => Some(ResponseIncompleteReason::ContentFilter),
        FinishReason::MaxCompletionTokens | FinishReason::MaxPromptTokens => {
            Some(ResponseIncompleteReason::MaxOutputTokens)
        }
    };
    Response {
        status: match reason {
            None => ResponseStatus::Completed,
            Some(_) => ResponseStatus::Incomplete,
        },
        incomplete_details: reason.map(|reason| ResponseIncompleteDetails {
            reason: Some(reason),
            ..ResponseIncompleteDetails::default()
        }),
        output: draft.into_items(),
        usage: Some(wire_usage(finish.usage)),
        ..response
    }
}

fn wire_usage(usage: Usage) -> ResponseUsage {
    let wire = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
    ResponseUsage {
        input_tokens: wire(usage.prompt_tokens),
        input_tokens_details: Some(ResponseInputTokens {
            cached_tokens: Some(0),
            ..ResponseInputTokens::default()
        }),
        output_tokens: wire(usage.completion_tokens),
        output_tokens_details: Some(ResponseOutputTokens {
            reasoning_tokens: Some(0),
            ..ResponseOutputTokens::default()
        }),
        total_tokens: wire(usage.prompt_tokens.saturating_add(usage.completion_tokens)),
        ..ResponseUsage::default()
    }
}
