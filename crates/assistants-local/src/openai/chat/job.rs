//! A chat completion that is ready to be executed.

use std::ops::ControlFlow;

use assistants_types::chat::{ChatChoice, ChatCompletion, ChatCompletionMessage, ChatFinishReason, ChatUsage};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::conventions::Conventions;
use super::pieces::{add, complete};
use crate::engine::ChatOutput;
use crate::model::{Finish, FinishReason, ModelRequest, Piece, Usage};
use crate::openai::answer::model_failed;
use crate::openai::{ApiError, ApiResponse};

pub(super) struct ChatJob {
    pub(super) id: String,
    pub(super) conventions: &'static Conventions,
    pub(super) created: OffsetDateTime,
    /// The number of choices.
    pub(super) choices: i64,
    /// Whether the client has requested the usage at the end of the stream.
    pub(super) include_usage: bool,
    pub(super) request: ModelRequest,
}

impl ChatJob {
    /// Writes all choices, and returns them in one response.
    pub(super) fn whole(&self, output: &ChatOutput<'_>) -> Result<ApiResponse, ApiError> {
        let mut usage = Usage::default();
        let mut choices = Vec::new();
        for index in 0..self.choices {
            let mut message = ChatCompletionMessage::default();
            let finish = self.ask(output, &mut |piece| {
                add(&mut message, piece, self.conventions);
                ControlFlow::Continue(())
            })?;
            count(&mut usage, finish);
            complete(&mut message, self.conventions);
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
        Ok(if self.conventions.writes_nulls {
            ApiResponse::json(&with_nulls(&completion))
        } else {
            ApiResponse::json(&completion)
        })
    }

    /// Calls the model once.
    pub(super) fn ask(
        &self,
        output: &ChatOutput<'_>,
        take: &mut dyn FnMut(Piece<'_>) -> ControlFlow<()>,
    ) -> Result<Finish, ApiError> {
        let answered = output.ask(&self.request, take);
        answered.map_err(|failure| model_failed(failure, "messages"))
    }
}

pub(super) fn finish_reason(finish: Finish, called: bool) -> ChatFinishReason {
    match finish.reason {
        FinishReason::MaxCompletionTokens | FinishReason::MaxPromptTokens => ChatFinishReason::Length,
        FinishReason::ContentFilter => ChatFinishReason::ContentFilter,
        FinishReason::Stop if called => ChatFinishReason::ToolCalls,
        FinishReason::Stop => ChatFinishReason::Stop,
    }
}

/// The prompt is counted once, and the completion tokens of all choices are added up.
pub(super) fn count(usage: &mut Usage, finish: Finish) {
    usage.prompt_tokens = finish.usage.prompt_tokens;
    usage.completion_tokens += finish.usage.completion_tokens;
}

pub(super) fn wire_usage(usage: Usage) -> ChatUsage {
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
