//! Assembles the chunks of a stream into a completion.

use serde_json::Value;

use super::{
    ChatAnnotation, ChatAudio, ChatCalledFunction, ChatChoice, ChatChunkChoice, ChatCompletion, ChatCompletionChunk,
    ChatCompletionMessage, ChatCustomToolCall, ChatDelta, ChatFinishReason, ChatFunctionDelta, ChatFunctionToolCall,
    ChatLogprobs, ChatStatus, ChatToolCall, ChatToolCallDelta, ChatToolCallType,
};
use crate::Extra;
use crate::object::{Object, bit};
use crate::openai::delta::merge;

/// Assembles chunks into a [`ChatCompletion`].
///
/// Chunks of several answers may be interleaved: each delta is added to the answer, and to the tool call, whose index
/// it contains. Text members that are not part of the published protocol, such as `reasoning_content`, are concatenated
/// as well and become part of the message's `extra`, as does reasoning that is a part of the content. Memory use is proportional to the data received: an index
/// identifies an entry and never determines a length.
///
/// ```
/// use assistants_types::chat::{ChatAccumulator, ChatCompletionChunk};
///
/// let mut answer = ChatAccumulator::new();
/// for delta in [r#"{"role":"assistant"}"#, r#"{"content":"Hel"}"#, r#"{"content":"lo"}"#] {
///     let chunk = format!(r#"{{"id":"chatcmpl_1","choices":[{{"index":0,"delta":{delta}}}]}}"#);
///     answer.apply(&serde_json::from_str::<ChatCompletionChunk>(&chunk)?);
/// }
/// assert_eq!(answer.completion().text(), "Hello");
/// assert!(!answer.is_complete(), "no chunk said why the answer ended");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatAccumulator {
    completion: ChatCompletion,
    /// For each choice, the indexes of its tool calls.
    call_indexes: Vec<Vec<i64>>,
    filter_replaces: bool,
}

impl ChatAccumulator {
    /// Creates an accumulator without any data.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Like [`new`](Self::new), for servers that retract text, such as Yandex: the text of a chunk that ends with
    /// `content_filter` replaces the text before it. A chunk without a text member retracts nothing; an empty text
    /// does.
    #[must_use]
    pub fn replacing_filtered() -> Self {
        Self {
            filter_replaces: true,
            ..Self::default()
        }
    }

    /// Adds a chunk.
    pub fn apply(&mut self, chunk: &ChatCompletionChunk) {
        let completion = &mut self.completion;
        // Some servers send a first chunk without an identifier or model.
        take_first(&mut completion.id, &chunk.id);
        take_first(&mut completion.model, &chunk.model);
        completion.created = completion.created.or(chunk.created);
        replace(&mut completion.usage, chunk.usage.as_ref());
        replace(&mut completion.service_tier, chunk.service_tier.as_ref());
        replace(&mut completion.system_fingerprint, chunk.system_fingerprint.as_ref());
        replace(&mut completion.moderation, chunk.moderation.as_ref());
        keep_latest(&mut completion.extra, &chunk.extra);
        for piece in &chunk.choices {
            self.choice(piece);
        }
    }

    /// The completion received so far.
    #[must_use]
    pub fn completion(&self) -> &ChatCompletion {
        &self.completion
    }

    /// The completion received so far.
    #[must_use]
    pub fn into_completion(self) -> ChatCompletion {
        self.completion
    }

    /// Whether there is at least one answer and every answer has a finish reason.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let choices = &self.completion.choices;
        let ended = |choice: &ChatChoice| !choice.finish_reason.as_str().is_empty();
        !choices.is_empty() && choices.iter().all(ended)
    }

    fn choice(&mut self, piece: &ChatChunkChoice) {
        let choices = &mut self.completion.choices;
        let at = match choices.binary_search_by_key(&piece.index, |choice| choice.index) {
            Ok(at) => at,
            Err(at) => {
                let choice = ChatChoice {
                    index: piece.index,
                    ..ChatChoice::default()
                };
                choices.insert(at, choice);
                self.call_indexes.insert(at, Vec::new());
                at
            }
        };
        let (choice, indexes) = (&mut choices[at], &mut self.call_indexes[at]);
        if self.filter_replaces
            && piece.delta.content.is_some()
            && piece.finish_reason.as_ref().map(ChatFinishReason::status) == Some(ChatStatus::ContentFilter)
        {
            choice.message.content = None;
        }
        grow_message(&mut choice.message, &piece.delta, indexes);
        if let Some(reason) = piece.finish_reason.as_ref().filter(|it| !it.as_str().is_empty()) {
            choice.finish_reason = reason.clone();
        }
        if let Some(more) = &piece.logprobs {
            grow_logprobs(choice.logprobs.get_or_insert_default(), more);
        }
        keep_latest(&mut choice.extra, &piece.extra);
    }
}

impl Extend<ChatCompletionChunk> for ChatAccumulator {
    fn extend<I: IntoIterator<Item = ChatCompletionChunk>>(&mut self, chunks: I) {
        for chunk in chunks {
            self.apply(&chunk);
        }
    }
}

/// Adds a delta to a message. The role is ignored: the author of an answer is always the assistant.
fn grow_message(message: &mut ChatCompletionMessage, delta: &ChatDelta, call_indexes: &mut Vec<i64>) {
    append(&mut message.content, delta.content.as_deref());
    append(&mut message.refusal, delta.refusal.as_deref());
    if let Some(thinking) = delta.thinking() {
        let reasoning = message.extra.entry("reasoning_content").or_insert_with(|| "".into());
        merge(reasoning, &thinking.into());
    }
    for call in delta.tool_calls.iter().flatten() {
        grow_calls(message.tool_calls.get_or_insert_default(), call, call_indexes);
    }
    if let Some(call) = &delta.function_call {
        grow_function(message.function_call.get_or_insert_default(), call);
    }
    for (key, value) in delta.extra.members() {
        match (key.as_str(), value) {
            (_, Value::Null) => {}
            // The published protocol has this in complete messages only, but servers also send it in streams.
            ("audio", Value::Object(_)) => grow_audio(message.audio.get_or_insert_default(), value),
            ("annotations", Value::Array(more)) => {
                let annotations = message.annotations.get_or_insert_default();
                // A value of a known type in an unexpected form is kept unchanged, like one of an unknown type.
                let read = |one: &Value| serde_json::from_value(one.clone());
                let kept = |one: &Value| read(one).unwrap_or_else(|_| ChatAnnotation::Unknown(one.clone()));
                annotations.extend(more.iter().map(kept));
            }
            _ => match message.extra.get_mut(key) {
                Some(there) => merge(there, value),
                None => {
                    message.extra.insert(key.clone(), value.clone());
                }
            },
        }
    }
}

/// Adds deltas of tool calls to the calls they belong to, which are created as needed.
fn grow_calls(calls: &mut Vec<ChatToolCall>, piece: &ChatToolCallDelta, indexes: &mut Vec<i64>) {
    let named = !piece
        .extra
        .is_absent(const { bit(<ChatToolCallDelta as Object>::KEYS, "index") });
    // A delta without an index belongs to the last call.
    let found = if named {
        indexes.iter().rposition(|index| *index == piece.index)
    } else {
        indexes.len().checked_sub(1)
    };
    // Some servers send the same index for all calls of an answer, or none. Each call then starts with its own
    // identifier.
    let found = found.filter(|at| !begins_another(&calls[*at], piece));
    let at = found.unwrap_or_else(|| {
        let index = if named {
            piece.index
        } else {
            indexes.last().map_or(0, |last| last.saturating_add(1))
        };
        let at = indexes.partition_point(|other| *other <= index);
        indexes.insert(at, index);
        calls.insert(at, start(piece));
        at
    });
    grow_call(&mut calls[at], piece);
}

/// Whether the delta starts another call than the one that its index leads to: it contains a name, and an identifier that
/// differs from that of the call. Without identifiers, it contains arguments although those of the call are complete.
fn begins_another(call: &ChatToolCall, piece: &ChatToolCallDelta) -> bool {
    let ChatToolCall::Function(call) = call else {
        return false;
    };
    let Some(function) = &piece.function else { return false };
    if function.name.as_deref().is_none_or(str::is_empty) {
        return false;
    }
    match piece.id.as_deref().unwrap_or_default() {
        "" => call.id.is_empty() && function.arguments.is_some() && is_object(&call.function.arguments),
        id => !call.id.is_empty() && id != call.id,
    }
}

/// Whether a text is a JSON object from its start to its end.
fn is_object(text: &str) -> bool {
    text.ends_with('}') && serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object())
}

/// An empty call of the delta's type. Without a type, or with an empty one, it is a function call.
fn start(piece: &ChatToolCallDelta) -> ChatToolCall {
    match &piece.type_ {
        Some(ChatToolCallType::Unknown(kind)) if kind.as_str() == "custom" => ChatCustomToolCall::default().into(),
        Some(ChatToolCallType::Unknown(kind)) if !kind.as_str().is_empty() => ChatToolCall::Unknown(Value::Null),
        _ => ChatFunctionToolCall::default().into(),
    }
}

fn grow_call(call: &mut ChatToolCall, piece: &ChatToolCallDelta) {
    let id = piece.id.as_ref().filter(|id| !id.is_empty());
    match call {
        ChatToolCall::Function(call) => {
            if let Some(id) = id {
                call.id.clone_from(id);
            }
            if let Some(function) = &piece.function {
                grow_function(&mut call.function, function);
            }
            keep_latest(&mut call.extra, &piece.extra);
        }
        ChatToolCall::Custom(call) => {
            if let Some(id) = id {
                call.id.clone_from(id);
            }
            if let Some(custom) = piece.extra.get("custom") {
                let text = |key: &str| custom.get(key).and_then(Value::as_str);
                grow_name(&mut call.custom.name, text("name"));
                call.custom.input.push_str(text("input").unwrap_or_default());
            }
        }
        // A call of an unknown type: its members are assembled in the same way.
        ChatToolCall::Unknown(raw) => {
            if let Ok(mut piece) = serde_json::to_value(piece) {
                if let Value::Object(members) = &mut piece {
                    members.retain(|key, value| key != "index" && !value.is_null() && value != "");
                }
                merge(raw, &piece);
            }
        }
    }
}

fn grow_function(call: &mut ChatCalledFunction, piece: &ChatFunctionDelta) {
    grow_name(&mut call.name, piece.name.as_deref());
    call.arguments.push_str(piece.arguments.as_deref().unwrap_or_default());
    keep_latest(&mut call.extra, &piece.extra);
}

/// A name may be split over several deltas, or repeated in each.
fn grow_name(name: &mut String, piece: Option<&str>) {
    let piece = piece.unwrap_or_default();
    if name != piece {
        name.push_str(piece);
    }
}

fn grow_audio(audio: &mut ChatAudio, piece: &Value) {
    let text = |key: &str| piece.get(key).and_then(Value::as_str).unwrap_or_default();
    take_first(&mut audio.id, text("id"));
    audio.data.push_str(text("data"));
    audio.transcript.push_str(text("transcript"));
    if let Some(time) = piece.get("expires_at").and_then(crate::unix_time::from_json) {
        audio.expires_at = Some(time);
    }
}

fn grow_logprobs(logprobs: &mut ChatLogprobs, more: &ChatLogprobs) {
    for (list, more) in [
        (&mut logprobs.content, &more.content),
        (&mut logprobs.refusal, &more.refusal),
    ] {
        if let Some(more) = more {
            list.get_or_insert_default().extend(more.iter().cloned());
        }
    }
}

fn append(text: &mut Option<String>, piece: Option<&str>) {
    if let Some(piece) = piece {
        text.get_or_insert_default().push_str(piece);
    }
}

fn take_first(slot: &mut String, value: &str) {
    if slot.is_empty() {
        slot.push_str(value);
    }
}

fn replace<T: Clone>(slot: &mut Option<T>, value: Option<&T>) {
    if let Some(value) = value {
        *slot = Some(value.clone());
    }
}

/// Unknown members are not text to append: the latest value replaces the previous one.
fn keep_latest(into: &mut Extra, from: &Extra) {
    for (key, value) in from.members() {
        if !value.is_null() {
            into.insert(key.clone(), value.clone());
        }
    }
}
