//! Chat completions.
//!
//! Nothing is stored, so an idempotency key has no effect: a repeated request is answered anew. What the model makes use
//! of is handed on (messages, functions, sampling, the limit on tokens, the form of the answer); `n` answers are written
//! one after the other; `stop`, `logprobs`, audio and the like have no effect.
//!
//! A model asked for by a URI of Yandex is answered as Yandex answers, see [`Manner`].

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use assistants_types::chat::{
    ChatCalledFunction, ChatChoice, ChatChunkChoice, ChatCompletion, ChatCompletionChunk, ChatCompletionMessage,
    ChatDelta, ChatFinishReason, ChatFunctionDelta, ChatFunctionToolCall, ChatToolCallDelta, ChatToolCallType,
    ChatUsage, CreateChatCompletion,
};
use axum::http::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::call::{Answer, Call};
use super::chat_request::model_request;
use super::chat_yandex::{self as yandex, Manner};
use super::error::ApiError;
use crate::engine::Engine;
use crate::ids;
use crate::model::{Failure, Finish, FinishReason, ModelRequest, Piece, Usage};
use crate::object::now;
use crate::stream::{self, Writer};

pub(super) fn create(call: &Call) -> Result<Answer, ApiError> {
    let params: CreateChatCompletion = call.body_after("CreateChatCompletion", |body| {
        yandex::put_right(body);
        Ok(())
    })?;
    let request = model_request(&params)?;
    let manner = Manner::of(&params.model);
    let work = Work {
        engine: Arc::clone(&call.engine),
        id: manner.completion_id(),
        manner,
        created: now(),
        answers: params.n.into_value().unwrap_or(1),
        request,
    };
    if params.stream.into_value() != Some(true) {
        return work.whole();
    }
    let options = params.stream_options.into_value();
    work.streamed(options.and_then(|options| options.include_usage) == Some(true))
}

/// One request, ready to be worked on.
struct Work {
    engine: Arc<Engine>,
    id: String,
    manner: Manner,
    created: OffsetDateTime,
    /// How many answers to write.
    answers: i64,
    request: ModelRequest,
}

impl Work {
    /// Writes all answers, then sends them.
    fn whole(&self) -> Result<Answer, ApiError> {
        let mut usage = Usage::default();
        let mut choices = Vec::new();
        for index in 0..self.answers {
            let mut message = ChatCompletionMessage::default();
            let finish = self.ask(&mut |piece| {
                add(&mut message, piece, self.manner);
                ControlFlow::Continue(())
            })?;
            count(&mut usage, finish);
            self.manner.finish(&mut message);
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
        Ok(match self.manner {
            Manner::OpenAi => Answer::json(&with_nulls(&completion)),
            Manner::Yandex => Answer::json(&completion),
        })
    }

    /// Sends the answers as they are written, from a thread of their own. Returns with the first piece, so that a model
    /// that fails at once is answered with a status.
    fn streamed(self, include_usage: bool) -> Result<Answer, ApiError> {
        let (writer, reader) = stream::channel();
        let (started, starting) = sync_channel(1);
        let work = move || {
            let mut started = Some(started);
            if let Err(error) = self.write(&writer, include_usage, &mut started) {
                match started.take() {
                    Some(started) => tell(&started, Err(error)),
                    None => data(&writer, &error.body()),
                }
            }
        };
        let spawned = thread::Builder::new().name("chat".to_owned()).spawn(work);
        spawned.map_err(|error| failed(&format!("No thread could be started for the answer: {error}.")))?;
        match starting.recv() {
            Ok(Ok(())) => Ok(Answer::Events(reader)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(failed("The answer was given up.")),
        }
    }

    fn write(
        &self,
        writer: &Writer,
        include_usage: bool,
        started: &mut Option<SyncSender<Result<(), ApiError>>>,
    ) -> Result<(), ApiError> {
        let mut usage = Usage::default();
        for index in 0..self.answers {
            let (mut begun, mut calls) = (false, 0);
            let mut whole = ChatCompletionMessage::default();
            let room = writer.room();
            let mut send = |delta: ChatDelta, reason: Option<ChatFinishReason>| {
                if let Some(started) = started.take() {
                    tell(&started, Ok(()));
                }
                let choice = ChatChunkChoice {
                    index,
                    delta,
                    finish_reason: reason,
                    ..ChatChunkChoice::default()
                };
                data(writer, &json(&self.chunk(vec![choice], None)));
            };
            let finish = self.ask(&mut |piece| {
                // A chat has no files to search and to cite.
                if matches!(piece, Piece::Text("") | Piece::Search { .. } | Piece::Citation(_)) {
                    return ControlFlow::Continue(());
                }
                let text = matches!(piece, Piece::Text(_));
                let is_call = matches!(piece, Piece::Call { .. });
                if !std::mem::replace(&mut begun, true) {
                    send(self.manner.first_delta(text), None);
                }
                if text || self.manner == Manner::OpenAi {
                    send(delta(piece, calls), None);
                } else {
                    add(&mut whole, piece, self.manner);
                }
                calls += i64::from(is_call);
                room.wait();
                if writer.is_gone() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })?;
            if !begun {
                send(self.manner.first_delta(true), None);
            }
            send(yandex::calls_at_once(whole), Some(finish_reason(finish, calls > 0)));
            count(&mut usage, finish);
        }
        if include_usage || self.manner == Manner::Yandex {
            data(writer, &json(&self.chunk(Vec::new(), Some(wire_usage(usage)))));
        }
        data(writer, "[DONE]");
        Ok(())
    }

    /// Asks the model once.
    fn ask(&self, take: &mut dyn FnMut(Piece<'_>) -> ControlFlow<()>) -> Result<Finish, ApiError> {
        self.engine
            .chat(&self.id, &self.request, take)
            .map_err(|failure| match failure {
                Failure::Stopped => failed("The answer was given up: it took too long, or the server stops."),
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

/// Adds a piece to a whole answer.
fn add(message: &mut ChatCompletionMessage, piece: Piece<'_>, manner: Manner) {
    match piece {
        Piece::Text(text) => message.content.get_or_insert_default().push_str(text),
        Piece::Call { name } => {
            let function = ChatCalledFunction::new(name, "");
            let call = ChatFunctionToolCall::new(manner.call_id(name), function);
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

/// What a piece adds; `calls` were begun before it.
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

/// The prompt counts once, each answer for itself.
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

/// The completion with what is null in it: clients of typed languages count on these members.
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

/// Writes an event without a name. JSON has no line breaks: one data line is enough.
fn data(writer: &Writer, data: &str) {
    writer.push(|bytes| {
        for part in ["data: ", data, "\n\n"] {
            bytes.extend_from_slice(part.as_bytes());
        }
    });
}

/// Tells the request's thread how the answer began. It waits for this, unless the server is being torn down.
fn tell(started: &SyncSender<Result<(), ApiError>>, outcome: Result<(), ApiError>) {
    if started.send(outcome).is_err() {
        log::debug!("nobody waits for the answer any more");
    }
}

/// The response to a model's failure, with the status and type that the provider gives for the code.
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

fn failed(message: &str) -> ApiError {
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message)
}
