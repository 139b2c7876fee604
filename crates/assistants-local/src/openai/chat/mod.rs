//! Chat completions.
//!
//! Nothing is stored, so idempotency keys have no effect and a repeated request is answered again. The model receives
//! the messages, functions, sampling parameters, token limit and response format. The `n` choices are written one after
//! the other. `stop`, `logprobs`, audio and similar parameters have no effect.
//!
//! For models named by a URI of Yandex, responses follow the [`conventions`] of that service.

pub(crate) mod conventions;
pub(crate) mod request;

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use assistants_types::chat::{
    ChatCalledFunction, ChatChoice, ChatChunkChoice, ChatCompletion, ChatCompletionChunk, ChatCompletionMessage,
    ChatDelta, ChatFinishReason, ChatFunctionDelta, ChatFunctionToolCall, ChatToolCallDelta, ChatToolCallType,
    ChatUsage, CreateChatCompletion,
};
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::sync::oneshot;
use tokio_stream::Stream;

use self::conventions::{self as yandex, Conventions};
use self::request::model_request;
use super::error::ApiError;
use super::{ApiResponse, Call};
use crate::clock::now;
use crate::engine::{ChatHandle, ChatOutput, READER_TIMEOUT};
use crate::http::event_channel::{self, Reader, Writer};
use crate::http::response::ErrorResponse;
use crate::ids;
use crate::model::{Failure, Finish, FinishReason, ModelRequest, Piece, Usage};

pub(super) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CreateChatCompletion = call.body_with("CreateChatCompletion", |body| {
        yandex::normalize(body);
        Ok(())
    })?;
    let request = model_request(&params)?;
    let conventions = Conventions::of(&params.model);
    let options = params.stream_options.into_value();
    let job = ChatJob {
        id: conventions.completion_id(),
        conventions,
        created: now(),
        answers: params.n.into_value().unwrap_or(1),
        include_usage: options.and_then(|options| options.include_usage) == Some(true),
        request,
    };
    let streamed = params.stream.into_value() == Some(true);
    let (start, started) = oneshot::channel();
    let chat = call.engine.start_chat(&job.id.clone(), move |output| {
        if streamed {
            job.streamed(output, start);
        } else {
            report(start, job.whole(output).map(Started::Whole));
        }
    });
    Ok(ApiResponse::Pending(Box::pin(PendingChat { started, chat }.response())))
}

/// A response that is being written. Dropping it stops the model.
struct PendingChat {
    started: oneshot::Receiver<Result<Started, ApiError>>,
    chat: ChatHandle,
}

/// The first part of a response.
enum Started {
    /// The whole response.
    Whole(ApiResponse),
    /// The stream, including its first piece.
    Stream(Reader),
}

impl PendingChat {
    /// Waits for the whole response, or for the first piece of a stream. If the model fails before that, the response
    /// has an error status.
    async fn response(self) -> Result<ApiResponse, ApiError> {
        match self.started.await {
            Ok(Ok(Started::Whole(answer))) => Ok(answer),
            Ok(Ok(Started::Stream(reader))) => Ok(ApiResponse::Events(Body::from_stream(ChatEvents {
                reader,
                _chat: self.chat,
            }))),
            Ok(Err(error)) => Err(error),
            // The sender was dropped: no thread executed the chat.
            Err(_) => Err(abandoned()),
        }
    }
}

/// The body of a streamed response.
#[derive(Debug)]
struct ChatEvents {
    reader: Reader,
    /// Stops the model if the client disconnects.
    _chat: ChatHandle,
}

impl Stream for ChatEvents {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.reader).poll_next(context)
    }
}

/// A request that is ready to be executed.
struct ChatJob {
    id: String,
    conventions: Conventions,
    created: OffsetDateTime,
    /// The number of choices.
    answers: i64,
    /// Whether a stream ends with the numbers of tokens.
    include_usage: bool,
    request: ModelRequest,
}

/// Where to report the start of a stream; `None` once it has started.
type Start = Option<(oneshot::Sender<Result<Started, ApiError>>, Reader)>;

impl ChatJob {
    /// Writes all choices, and returns them in one response.
    fn whole(&self, output: &ChatOutput<'_>) -> Result<ApiResponse, ApiError> {
        let mut usage = Usage::default();
        let mut choices = Vec::new();
        for index in 0..self.answers {
            let mut message = ChatCompletionMessage::default();
            let finish = self.ask(output, &mut |piece| {
                add(&mut message, piece, self.conventions);
                ControlFlow::Continue(())
            })?;
            count(&mut usage, finish);
            self.conventions.finish(&mut message);
            choices.push(ChatChoice {
                index,
                finish_reason: finish_reason(finish, message.tool_calls.is_some()),
                message,
                ..ChatChoice::default()
            });
        }
        let completion = ChatCompletion {
            id: self.id.clone(),
            created: Some(self.created),
            model: self.request.model.clone(),
            choices,
            usage: Some(wire_usage(usage)),
            ..ChatCompletion::default()
        };
        Ok(match self.conventions {
            Conventions::OpenAi => ApiResponse::json(&with_nulls(&completion)),
            Conventions::Yandex => ApiResponse::json(&completion),
        })
    }

    /// Sends the choices as they are written.
    fn streamed(&self, output: &ChatOutput<'_>, started: oneshot::Sender<Result<Started, ApiError>>) {
        let (writer, reader) = event_channel::channel(event(&failed("The answer broke off.").body()), READER_TIMEOUT);
        let mut start = Some((started, reader));
        if let Err(error) = self.write(output, &writer, &mut start) {
            match start.take() {
                Some((started, _)) => report(started, Err(error)),
                None => data(&writer, &error.body()),
            }
        }
        writer.finish();
    }

    fn write(&self, output: &ChatOutput<'_>, writer: &Writer, start: &mut Start) -> Result<(), ApiError> {
        let mut usage = Usage::default();
        for index in 0..self.answers {
            let (mut started, mut calls) = (false, 0);
            let mut whole = ChatCompletionMessage::default();
            let mut send = |delta: ChatDelta, reason: Option<ChatFinishReason>| {
                if let Some((started, reader)) = start.take() {
                    report(started, Ok(Started::Stream(reader)));
                }
                let choice = ChatChunkChoice {
                    index,
                    delta,
                    finish_reason: reason,
                    ..ChatChunkChoice::default()
                };
                data(writer, &json(&self.chunk(vec![choice], None)));
            };
            let finish = self.ask(output, &mut |piece| {
                // A chat has no files, so nothing can be searched or cited.
                if matches!(piece, Piece::Text("") | Piece::Search { .. } | Piece::Citation(_)) {
                    return ControlFlow::Continue(());
                }
                let text = matches!(piece, Piece::Text(_));
                let is_call = matches!(piece, Piece::Call { .. });
                if !std::mem::replace(&mut started, true) {
                    send(self.conventions.first_delta(text), None);
                }
                if text || self.conventions == Conventions::OpenAi {
                    send(delta(piece, calls), None);
                } else {
                    add(&mut whole, piece, self.conventions);
                }
                calls += i64::from(is_call);
                writer.wait();
                if writer.is_gone() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })?;
            if !started {
                send(self.conventions.first_delta(true), None);
            }
            send(yandex::calls_at_once(whole), Some(finish_reason(finish, calls > 0)));
            count(&mut usage, finish);
        }
        if self.include_usage || self.conventions == Conventions::Yandex {
            data(writer, &json(&self.chunk(Vec::new(), Some(wire_usage(usage)))));
        }
        data(writer, "[DONE]");
        Ok(())
    }

    /// Calls the model once.
    fn ask(
        &self,
        output: &ChatOutput<'_>,
        take: &mut dyn FnMut(Piece<'_>) -> ControlFlow<()>,
    ) -> Result<Finish, ApiError> {
        output.ask(&self.request, take).map_err(|failure| match failure {
            Failure::Stopped => abandoned(),
            Failure::Failed { code, message } => model_failure(code, message),
        })
    }

    fn chunk(&self, choices: Vec<ChatChunkChoice>, usage: Option<ChatUsage>) -> ChatCompletionChunk {
        ChatCompletionChunk {
            id: self.id.clone(),
            created: Some(self.created),
            model: self.request.model.clone(),
            choices,
            usage,
            ..ChatCompletionChunk::default()
        }
    }
}

/// Adds a piece to a message.
fn add(message: &mut ChatCompletionMessage, piece: Piece<'_>, conventions: Conventions) {
    match piece {
        Piece::Text(text) => message.content.get_or_insert_default().push_str(text),
        Piece::Call { name } => {
            let function = ChatCalledFunction::new(name, "");
            let call = ChatFunctionToolCall::new(conventions.call_id(name), function);
            message.tool_calls.get_or_insert_default().push(call.into());
        }
        Piece::Arguments { index, text } => {
            let calls = message.tool_calls.as_deref_mut().unwrap_or_default();
            if let Some(assistants_types::chat::ChatToolCall::Function(call)) = calls.get_mut(index) {
                call.function.arguments.push_str(text);
            }
        }
        Piece::Search { .. } | Piece::Citation(_) => {}
    }
}

/// Returns the delta for a piece; `calls` is the number of calls begun before it.
fn delta(piece: Piece<'_>, calls: i64) -> ChatDelta {
    let of_call = |call| ChatDelta {
        tool_calls: Some(vec![call]),
        ..ChatDelta::default()
    };
    match piece {
        Piece::Text(text) => ChatDelta {
            content: Some(text.to_owned()),
            ..ChatDelta::default()
        },
        Piece::Call { name } => of_call(ChatToolCallDelta {
            index: calls,
            id: Some(ids::new("call_")),
            type_: Some(ChatToolCallType::Function),
            function: Some(ChatFunctionDelta {
                name: Some(name.to_owned()),
                arguments: Some(String::new()),
                ..ChatFunctionDelta::default()
            }),
            ..ChatToolCallDelta::default()
        }),
        Piece::Arguments { index, text } => of_call(ChatToolCallDelta {
            index: i64::try_from(index).unwrap_or(i64::MAX),
            function: Some(ChatFunctionDelta {
                arguments: Some(text.to_owned()),
                ..ChatFunctionDelta::default()
            }),
            ..ChatToolCallDelta::default()
        }),
        Piece::Search { .. } | Piece::Citation(_) => ChatDelta::default(),
    }
}

fn finish_reason(finish: Finish, called: bool) -> ChatFinishReason {
    match finish.reason {
        FinishReason::MaxCompletionTokens | FinishReason::MaxPromptTokens => ChatFinishReason::Length,
        FinishReason::Stop if called => ChatFinishReason::ToolCalls,
        FinishReason::Stop => ChatFinishReason::Stop,
    }
}

/// The prompt is counted once, and the completion tokens of all choices are added up.
fn count(usage: &mut Usage, finish: Finish) {
    usage.prompt_tokens = finish.usage.prompt_tokens;
    usage.completion_tokens += finish.usage.completion_tokens;
}

fn wire_usage(usage: Usage) -> ChatUsage {
    let wire = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
    ChatUsage {
        prompt_tokens: wire(usage.prompt_tokens),
        completion_tokens: wire(usage.completion_tokens),
        total_tokens: wire(usage.prompt_tokens.saturating_add(usage.completion_tokens)),
        ..ChatUsage::default()
    }
}

/// Serializes a completion with its nulls: clients in statically typed languages rely on these members.
fn with_nulls(completion: &ChatCompletion) -> Value {
    let mut value = json!(completion);
    let choices = value.get_mut("choices").and_then(Value::as_array_mut);
    for choice in choices.into_iter().flatten() {
        for (place, names) in [("", &["logprobs"][..]), ("/message", &["content", "refusal"])] {
            if let Some(Value::Object(members)) = choice.pointer_mut(place) {
                for name in names {
                    members.entry(*name).or_insert(Value::Null);
                }
            }
        }
    }
    value
}

fn json(chunk: &ChatCompletionChunk) -> String {
    serde_json::to_string(chunk).expect("an object of the protocol has a JSON form")
}

/// Writes an event.
fn data(writer: &Writer, data: &str) {
    writer.push(|bytes| bytes.extend_from_slice(event(data).as_bytes()));
}

/// Formats an unnamed event. Serialized JSON contains no line breaks, so it fits in one data line.
fn event(data: &str) -> String {
    format!("data: {data}\n\n")
}

/// Reports how the response has begun.
fn report(started: oneshot::Sender<Result<Started, ApiError>>, outcome: Result<Started, ApiError>) {
    if started.send(outcome).is_err() {
        log::debug!("the client disconnected before the chat completion began");
    }
}

/// Returns the response to a model's failure, with the status and type that the provider uses for the code.
fn model_failure(code: String, message: String) -> ApiError {
    let (status, type_, param) = match code.as_str() {
        "rate_limit_exceeded" => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", None),
        "insufficient_quota" => (StatusCode::TOO_MANY_REQUESTS, "insufficient_quota", None),
        "context_length_exceeded" => (StatusCode::BAD_REQUEST, "invalid_request_error", Some("messages")),
        "invalid_prompt" => (StatusCode::BAD_REQUEST, "invalid_request_error", None),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "server_error", None),
    };
    ApiError {
        type_,
        param: param.map(str::to_owned),
        ..ApiError::new(status, message).code(code)
    }
}

fn abandoned() -> ApiError {
    failed("The answer was given up: it took too long, or the server stops.")
}

fn failed(message: &str) -> ApiError {
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message)
}
