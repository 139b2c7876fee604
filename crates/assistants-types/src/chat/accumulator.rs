//! From the chunks of a stream to the answer they are pieces of.

use serde_json::Value;

use super::{
    ChatAnnotation, ChatAudio, ChatCalledFunction, ChatChoice, ChatChunkChoice, ChatCompletion, ChatCompletionChunk,
    ChatCompletionMessage, ChatCustomToolCall, ChatDelta, ChatFinishReason, ChatFunctionDelta, ChatFunctionToolCall,
    ChatLogprobs, ChatStatus, ChatToolCall, ChatToolCallDelta, ChatToolCallType,
};
use crate::Extra;
use crate::object::{Object, bit};
use crate::openai::delta::merge;

/// Puts chunks together to a [`ChatCompletion`].
///
/// Chunks of several answers may come interleaved; each piece finds its answer, and its tool call, by the index it
/// names. Text members that the published protocol does not have, such as `reasoning_content`, grow as the text does
/// and end up in the message's `extra`. Only what arrives takes memory: an index, however large, is a name and no
/// length.
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
    /// For each choice, the index that each of its tool calls came under.
    call_indexes: Vec<Vec<i64>>,
    filter_replaces: bool,
}

impl ChatAccumulator {
    /// Starts with an answer of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`new`](Self::new), for servers that take back what they said: the text of a chunk that ends with
    /// `content_filter` stands in place of the text before it. Yandex does this. A chunk without a text, not even an
    /// empty one, takes nothing back.
    #[must_use]
    pub fn replacing_filtered() -> Self {
        Self {
            filter_replaces: true,
            ..Self::default()
        }
    }

    /// Adds what one chunk says.
    pub fn apply(&mut self, chunk: &ChatCompletionChunk) {
        let completion = &mut self.completion;
        // Some servers begin with a chunk that has neither id nor model.
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

    /// The answer as far as it has come.
    #[must_use]
    pub fn completion(&self) -> &ChatCompletion {
        &self.completion
    }

    /// The answer as far as it has come.
    #[must_use]
    pub fn into_completion(self) -> ChatCompletion {
        self.completion
    }

    /// Whether there is an answer, and a reason why it ended; with several answers, a reason for each.
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

/// Grows a message. Its role is not looked at: an answer is always the assistant's.
fn grow_message(message: &mut ChatCompletionMessage, delta: &ChatDelta, call_indexes: &mut Vec<i64>) {
    append(&mut message.content, delta.content.as_deref());
    append(&mut message.refusal, delta.refusal.as_deref());
    for call in delta.tool_calls.iter().flatten() {
        grow_calls(message.tool_calls.get_or_insert_default(), call, call_indexes);
    }
    if let Some(call) = &delta.function_call {
        grow_function(message.function_call.get_or_insert_default(), call);
    }
    for (key, value) in delta.extra.members() {
        match (key.as_str(), value) {
            (_, Value::Null) => {}
            // Published for whole messages only, and sent in streams all the same.
            ("audio", Value::Object(_)) => grow_audio(message.audio.get_or_insert_default(), value),
            ("annotations", Value::Array(more)) => {
                let annotations = message.annotations.get_or_insert_default();
                // One of a known kind and another form is kept as it came, like one of an unknown kind.
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

/// Finds the call that the piece belongs to, or begins it, and grows it.
fn grow_calls(calls: &mut Vec<ChatToolCall>, piece: &ChatToolCallDelta, indexes: &mut Vec<i64>) {
    let named = !piece
        .extra
        .is_absent(const { bit(<ChatToolCallDelta as Object>::KEYS, "index") });
    // A piece without an index belongs to the last call.
    let found = if named {
        indexes.iter().rposition(|index| *index == piece.index)
    } else {
        indexes.len().checked_sub(1)
    };
    // Some servers give all calls of an answer the same index, or none. Each then begins with an id of its own.
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

/// Whether the piece has what only the first piece of a call has, and not that of this call.
fn begins_another(call: &ChatToolCall, piece: &ChatToolCallDelta) -> bool {
    let ChatToolCall::Function(call) = call else {
        return false;
    };
    let id = piece.id.as_deref().unwrap_or_default();
    let name = piece.function.as_ref().and_then(|function| function.name.as_deref());
    !id.is_empty() && !call.id.is_empty() && id != call.id && name.is_some_and(|name| !name.is_empty())
}

/// A call of the piece's kind with nothing in it. A piece without a kind, or with an empty one, is of a function.
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
        // A kind that is not known here: what it is made of is put together all the same.
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

/// A name may come in pieces, or whole in each delta.
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

/// What is not known is not text to append: the latest value stands.
fn keep_latest(into: &mut Extra, from: &Extra) {
    for (key, value) in from.members() {
        if !value.is_null() {
            into.insert(key.clone(), value.clone());
        }
    }
}
