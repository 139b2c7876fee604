//! Reads the chunks of an answer, and writes them to the output of the run.

use std::collections::BTreeMap;

use assistants_blocking::Error;
use assistants_blocking::chat::{
    ChatCalledFunction, ChatChoice, ChatCompletion, ChatCompletionMessage, ChatFunctionToolCall, ChatStream,
    ChatToolCall, ChatUsage,
};
use assistants_types::ErrorBody;
use serde::Deserialize;
use serde_json::Value;

use crate::ids;
use crate::model::upstream::file_search::{self, Citations};
use crate::model::upstream::text::{TextFilter, WrittenCall, misread_calls};
use crate::model::{FinishReason, ModelRequest, Output, Passage, Stopped, ToolChoice, Usage, tokens};

/// A complete answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) message: ChatCompletionMessage,
    pub(super) reason: FinishReason,
    pub(super) usage: Usage,
    /// The number of calls of the run's functions.
    pub(super) calls: usize,
    /// Calls of the search, as id and arguments.
    pub(super) searches: Vec<(String, String)>,
    /// Calls of functions that were not offered, as id and name.
    pub(super) unknown: Vec<(String, String)>,
}

/// Why there is no complete answer.
#[derive(Debug)]
pub(super) enum Broken {
    Stopped,
    /// The answer broke off after a part of it was shown.
    AfterText(Box<Error>),
    /// The request failed before anything was shown.
    BeforeText(Box<Error>),
}

impl From<Stopped> for Broken {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl From<&str> for Broken {
    /// What is wrong with an answer of which nothing was shown.
    fn from(fault: &str) -> Self {
        Self::BeforeText(Box::new(Error::Unsupported(fault.into())))
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A function of the run; its index in the output.
    Function(usize),
    Search,
    Unknown,
}

/// Reads a stream to its end.
pub(super) fn read(
    mut stream: ChatStream,
    request: &ModelRequest,
    passages: &[Passage],
    citations: &mut Citations,
    output: &mut Output<'_>,
) -> Result<Answer, Broken> {
    let mut reader = Reader::new(request, passages, citations);
    while let Some(chunk) = stream.next() {
        match chunk {
            Ok(chunk) => {
                let first = chunk.choices.iter().find(|choice| choice.index == 0);
                let delta = first.map(|choice| &choice.delta);
                let texts = delta.map(|delta| [delta.content.as_deref(), delta.refusal.as_deref()]);
                for text in texts.into_iter().flatten().flatten() {
                    reader.push_text(text, output)?;
                }
                reader.push_calls(stream.completion(), false, output)?;
            }
            // Everything was said; only the mark of the end is missing.
            Err(Error::StreamTruncated(_)) if stream.is_complete() => break,
            Err(Error::Cancelled(_)) => return Err(Broken::Stopped),
            Err(error) if reader.shown => return Err(Broken::AfterText(Box::new(error))),
            Err(error) => return Err(Broken::BeforeText(Box::new(error))),
        }
    }
    let written = reader.end_text(output)?;
    let completion = stream.completion().clone();
    let broken = match stream.finish() {
        Ok(_) => "the answer is empty and has no finish reason".into(),
        Err(error) => Broken::BeforeText(Box::new(error)),
    };
    reader.finish(completion, written, broken, output)
}

/// Reads the calls in an error: Groq rejects what its model wrote if it cannot read it as a call, and includes it.
///
/// # Errors
///
/// `broken` itself, if there are no calls of the run's functions in it.
pub(super) fn in_error(broken: Broken, request: &ModelRequest, output: &mut Output<'_>) -> Result<Answer, Broken> {
    let mut citations = Citations::default();
    let reader = Reader::new(request, &[], &mut citations);
    let Some(calls) = failed_generation(&broken).and_then(|text| misread_calls(&text)) else {
        return Err(broken);
    };
    if !calls.iter().all(|call| reader.may_call(&call.name)) {
        return Err(broken);
    }
    let mut completion = ChatCompletion::default();
    completion.choices.push(ChatChoice::default());
    reader.finish(completion, calls, broken, output)
}

fn failed_generation(broken: &Broken) -> Option<String> {
    let Broken::BeforeText(error) = broken else { return None };
    let Error::Api(api) = &**error else { return None };
    let body: Value = serde_json::from_str(&api.body).ok()?;
    Some(body.pointer("/error/failed_generation")?.as_str()?.to_owned())
}

struct Reader<'a> {
    request: &'a ModelRequest,
    passages: &'a [Passage],
    citations: &'a mut Citations,
    text: TextFilter,
    /// The calls that have begun, by their index in the answer, with the length of the arguments that were written.
    calls: BTreeMap<usize, (Kind, usize)>,
    shown: bool,
}

impl<'a> Reader<'a> {
    fn new(request: &'a ModelRequest, passages: &'a [Passage], citations: &'a mut Citations) -> Self {
        let may_call = !request.functions.is_empty() || request.file_search;
        Self {
            request,
            passages,
            citations,
            text: TextFilter::new(may_call && request.tool_choice != ToolChoice::None),
            calls: BTreeMap::new(),
            shown: false,
        }
    }

    /// Whether the run has a function with this name, and may call it.
    fn may_call(&self, name: &str) -> bool {
        let mut functions = self.request.functions.iter();
        self.request.tool_choice != ToolChoice::None && functions.any(|function| function.name == name)
    }

    fn push_text(&mut self, text: &str, output: &mut Output<'_>) -> Result<(), Stopped> {
        let shown = self.text.push(text);
        self.show(&shown, output)
    }

    fn show(&mut self, text: &str, output: &mut Output<'_>) -> Result<(), Stopped> {
        if text.is_empty() {
            return Ok(());
        }
        self.shown = true;
        self.citations.push(text, self.passages, output)
    }

    /// Writes what is new of the calls. The name of a call is complete when its arguments begin, or at the end.
    fn push_calls(&mut self, completion: &ChatCompletion, ended: bool, output: &mut Output<'_>) -> Result<(), Stopped> {
        for (index, call) in completion.tool_calls().iter().enumerate() {
            let ChatToolCall::Function(call) = call else { continue };
            let function = &call.function;
            if !self.calls.contains_key(&index) {
                if function.name.is_empty() || (function.arguments.is_empty() && !ended) {
                    continue;
                }
                self.begin_call(index, &function.name, output)?;
            }
            if let Some((Kind::Function(at), written)) = self.calls.get_mut(&index) {
                let new = function.arguments.get(*written..).unwrap_or_default();
                if !new.is_empty() {
                    output.arguments(*at, new)?;
                    *written = function.arguments.len();
                }
                // Functions without parameters are called with nothing at all.
                if ended && *written == 0 {
                    output.arguments(*at, "{}")?;
                }
            }
        }
        Ok(())
    }

    fn begin_call(&mut self, index: usize, name: &str, output: &mut Output<'_>) -> Result<(), Stopped> {
        let may_search = self.request.file_search && self.request.tool_choice != ToolChoice::None;
        let kind = if self.may_call(name) {
            self.shown = true;
            self.citations.finish(output)?;
            Kind::Function(output.call(name)?)
        } else if may_search && name == file_search::NAME {
            Kind::Search
        } else {
            Kind::Unknown
        };
        self.calls.insert(index, (kind, 0));
        Ok(())
    }

    /// Shows the rest of the text, and returns the calls that were written as text.
    fn end_text(&mut self, output: &mut Output<'_>) -> Result<Vec<WrittenCall>, Stopped> {
        let (rest, written) = self.text.finish();
        self.show(&rest, output)?;
        self.citations.finish(output)?;
        Ok(written)
    }

    /// Completes the answer. It is `broken` if there is nothing in it, not even a reason for its end.
    fn finish(
        mut self,
        mut completion: ChatCompletion,
        written: Vec<WrittenCall>,
        broken: Broken,
        output: &mut Output<'_>,
    ) -> Result<Answer, Broken> {
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
        self.push_calls(&completion, true, output)?;
        if completion.finish_reason().is_none() && completion.text().is_empty() && self.calls.is_empty() {
            return Err(broken);
        }
        self.answer(completion)
    }

    fn answer(self, completion: ChatCompletion) -> Result<Answer, Broken> {
        if let Some(broken) = self.reported_error(&completion) {
            return Err(broken);
        }
        let reported = usage(&completion);
        let reason = completion
            .finish_reason()
            .map_or("", |reason| reason.as_str())
            .to_owned();
        let choice = completion.choices.into_iter().find(|choice| choice.index == 0);
        let message = choice.map(|choice| choice.message).unwrap_or_default();
        let calls: Vec<&ChatFunctionToolCall> = message
            .tool_calls
            .iter()
            .flatten()
            .filter_map(ChatToolCall::as_function)
            .collect();
        let (mut functions, mut searches, mut unknown) = (0, Vec::new(), Vec::new());
        for (index, call) in calls.iter().enumerate() {
            match self.calls.get(&index) {
                Some((Kind::Function(_), _)) => functions += 1,
                Some((Kind::Search, _)) => searches.push((call.id.clone(), call.function.arguments.clone())),
                Some((Kind::Unknown, _)) => unknown.push((call.id.clone(), call.function.name.clone())),
                None => {}
            }
        }
        let reason = match reason.as_str() {
            "length" | "max_tokens" => FinishReason::MaxCompletionTokens,
            "content_filter" => FinishReason::ContentFilter,
            // Servers give other reasons, or none, although functions were called.
            _ => FinishReason::Stop,
        };
        let text = message.content.as_deref().unwrap_or_default();
        Ok(Answer {
            usage: reported.unwrap_or_else(|| Usage {
                prompt_tokens: self.request.prompt_tokens(),
                completion_tokens: tokens::of_text(text),
            }),
            reason,
            calls: functions,
            searches,
            unknown,
            message,
        })
    }

    /// Returns the error of an answer that ends with one, but not as an event of its own.
    fn reported_error(&self, completion: &ChatCompletion) -> Option<Broken> {
        completion.finish_reason().filter(|reason| reason.as_str() == "error")?;
        let error = completion.choices.first().and_then(|choice| choice.extra.get("error"));
        let words = error.and_then(ErrorBody::from_json).and_then(|error| error.message);
        let fault = match words {
            Some(words) => format!("the answer ended with an error: {words}"),
            None => "the answer ended with an error that has no description".to_owned(),
        };
        Some(match Broken::from(fault.as_str()) {
            Broken::BeforeText(error) if self.shown => Broken::AfterText(error),
            broken => broken,
        })
    }
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
