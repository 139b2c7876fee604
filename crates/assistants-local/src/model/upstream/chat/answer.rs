//! Reads the chunks of a chat completion.

use assistants_blocking::Error;
use assistants_blocking::chat::{
    ChatCalledFunction, ChatChoice, ChatCompletion, ChatCompletionMessage, ChatFunctionToolCall, ChatMessage,
    ChatStream, ChatToolCall, ChatUsage,
};
use assistants_types::ErrorBody;
use serde::Deserialize;
use serde_json::Value;

use super::calls::REASONING;
use crate::ids;
use crate::model::upstream::answer::{Answer, AnswerWriter, Broken, Called};
use crate::model::upstream::text::{WrittenCall, misread_calls};
use crate::model::{FinishReason, Output, Stopped, Usage};

/// Reads a stream to its end.
pub(super) fn read(
    mut stream: ChatStream,
    mut writer: AnswerWriter<'_>,
    output: &mut Output<'_>,
) -> Result<Answer<ChatMessage>, Broken> {
    while let Some(chunk) = stream.next() {
        match chunk {
            Ok(chunk) => {
                let first = chunk.choices.iter().find(|choice| choice.index == 0);
                let delta = first.map(|choice| &choice.delta);
                let texts = delta.map(|delta| [delta.content.as_deref(), delta.refusal.as_deref()]);
                for text in texts.into_iter().flatten().flatten() {
                    writer.push_text(text, output)?;
                }
                push_calls(&mut writer, stream.completion(), false, output)?;
            }
            // Everything was said; only the mark of the end is missing.
            Err(Error::StreamTruncated(_)) if stream.is_complete() => break,
            Err(error) => return Err(writer.broken(error)),
        }
    }
    let written = writer.end_text(output)?;
    let completion = stream.completion().clone();
    let broken = match stream.finish() {
        Ok(_) => Error::Unsupported("the answer is empty and has no finish reason".into()).into(),
        Err(error) => error.into(),
    };
    finish(writer, completion, written, broken, output)
}

/// Reads the calls in an error: Groq rejects what its model wrote if it cannot read it as a call, and includes it.
///
/// # Errors
///
/// `broken` itself, if there are no calls of the run's functions in it.
pub(super) fn in_error(
    broken: Broken,
    writer: AnswerWriter<'_>,
    output: &mut Output<'_>,
) -> Result<Answer<ChatMessage>, Broken> {
    let Some(calls) = failed_generation(&broken).and_then(|text| misread_calls(&text)) else {
        return Err(broken);
    };
    if !calls.iter().all(|call| writer.may_call(&call.name)) {
        return Err(broken);
    }
    let mut completion = ChatCompletion::default();
    completion.choices.push(ChatChoice::default());
    finish(writer, completion, calls, broken, output)
}

fn failed_generation(broken: &Broken) -> Option<String> {
    let Broken::BeforeText(error) = broken else { return None };
    let Error::Api(api) = &**error else { return None };
    let body: Value = serde_json::from_str(&api.body).ok()?;
    Some(body.pointer("/error/failed_generation")?.as_str()?.to_owned())
}

/// Writes what is new of the calls.
fn push_calls(
    writer: &mut AnswerWriter<'_>,
    completion: &ChatCompletion,
    ended: bool,
    output: &mut Output<'_>,
) -> Result<(), Stopped> {
    for (index, call) in called(completion.tool_calls()) {
        writer.push_call(index, call, ended, output)?;
    }
    Ok(())
}

/// Returns the calls of functions with their indexes in the answer.
fn called(calls: &[ChatToolCall]) -> impl Iterator<Item = (usize, Called<'_>)> {
    calls.iter().enumerate().filter_map(|(index, call)| {
        let call = call.as_function()?;
        let called = Called {
            id: &call.id,
            name: &call.function.name,
            arguments: &call.function.arguments,
        };
        Some((index, called))
    })
}

/// Completes the answer. It is `broken` if there is nothing in it, not even a reason for its end.
fn finish(
    mut writer: AnswerWriter<'_>,
    mut completion: ChatCompletion,
    written: Vec<WrittenCall>,
    broken: Broken,
    output: &mut Output<'_>,
) -> Result<Answer<ChatMessage>, Broken> {
    if let Some(choice) = completion.choices.iter_mut().find(|choice| choice.index == 0) {
        let calls = written.into_iter().map(|call| {
            let called = ChatCalledFunction::new(call.name, call.arguments);
            ChatToolCall::from(ChatFunctionToolCall::new("", called))
        });
        choice.message.tool_calls.get_or_insert_default().extend(calls);
        for call in choice.message.tool_calls.iter_mut().flatten() {
            if let ChatToolCall::Function(call) = call
                && call.id.is_empty()
            {
                call.id = ids::new("call_");
            }
        }
    }
    push_calls(&mut writer, &completion, true, output)?;
    if completion.finish_reason().is_none() && completion.text().is_empty() && !writer.has_calls() {
        return Err(broken);
    }
    if let Some(error) = reported_error(&completion) {
        return Err(writer.broken(error));
    }
    let reason = match completion.finish_reason().map_or("", |reason| reason.as_str()) {
        "length" | "max_tokens" => FinishReason::MaxCompletionTokens,
        "content_filter" => FinishReason::ContentFilter,
        // Servers give other reasons, or none, although functions were called.
        _ => FinishReason::Stop,
    };
    let usage = usage(&completion);
    let choice = completion.choices.into_iter().find(|choice| choice.index == 0);
    let message = choice.map(|choice| choice.message).unwrap_or_default();
    let text = message.content.as_deref().unwrap_or_default();
    let calls = called(message.tool_calls.as_deref().unwrap_or_default());
    let mut answer = writer.finish(calls, reason, usage, text);
    answer.items = vec![sent_back(message)];
    Ok(answer)
}

/// Returns the message as it is sent back.
fn sent_back(mut message: ChatCompletionMessage) -> ChatMessage {
    let extra = std::mem::take(&mut message.extra);
    message.content = message.content.filter(|text| !text.is_empty());
    message.refusal = None;
    let mut answer = ChatMessage::from(message);
    if let ChatMessage::Assistant(answer) = &mut answer {
        for name in REASONING {
            if let Some(value) = extra.get(name).filter(|value| !value.is_null()) {
                answer.extra.insert(name.to_owned(), value.clone());
            }
        }
    }
    answer
}

/// Returns the error of an answer that ends with one, but not as an event of its own.
fn reported_error(completion: &ChatCompletion) -> Option<Error> {
    completion.finish_reason().filter(|reason| reason.as_str() == "error")?;
    let error = completion.choices.first().and_then(|choice| choice.extra.get("error"));
    let words = error.and_then(ErrorBody::from_json).and_then(|error| error.message);
    let fault = match words {
        Some(words) => format!("the answer ended with an error: {words}"),
        None => "the answer ended with an error that has no description".to_owned(),
    };
    Some(Error::Unsupported(fault.into()))
}

/// The usage of the answer; some servers report it within the choice.
fn usage(completion: &ChatCompletion) -> Option<Usage> {
    let within = || {
        let choice = completion.choices.first()?;
        ChatUsage::deserialize(choice.extra.get("usage")?).ok()
    };
    let usage = completion.usage.clone().or_else(within)?;
    let count = |tokens: i64| u64::try_from(tokens).unwrap_or_default();
    Some(Usage {
        prompt_tokens: count(usage.prompt_tokens),
        completion_tokens: count(usage.completion_tokens),
    })
}
