//! Reads the chunks of an answer, and writes them to the output of the run.

use std::collections::BTreeMap;

use assistants_blocking::Error;
use assistants_blocking::chat::{
    ChatCalledFunction, ChatCompletion, ChatCompletionMessage, ChatFunctionToolCall, ChatStream, ChatToolCall,
    ChatUsage,
};
use serde::Deserialize;

use crate::ids;
use crate::model::upstream::file_search::{self, Citations};
use crate::model::upstream::text::TextFilter;
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
    let may_call = request.tool_choice != ToolChoice::None && (!request.functions.is_empty() || request.file_search);
    let mut reader = Reader {
        request,
        passages,
        citations,
        text: TextFilter::new(may_call),
        calls: BTreeMap::new(),
        shown: false,
    };
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
    reader.finish(stream, output)
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

impl Reader<'_> {
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
        let may_call = self.request.tool_choice != ToolChoice::None;
        let is_offered = self.request.functions.iter().any(|function| function.name == name);
        let kind = if may_call && is_offered {
            self.shown = true;
            self.citations.finish(output)?;
            Kind::Function(output.call(name)?)
        } else if may_call && self.request.file_search && name == file_search::NAME {
            Kind::Search
        } else {
            Kind::Unknown
        };
        self.calls.insert(index, (kind, 0));
        Ok(())
    }

    fn finish(mut self, stream: ChatStream, output: &mut Output<'_>) -> Result<Answer, Broken> {
        let mut completion = stream.completion().clone();
        let (rest, written) = self.text.finish();
        self.show(&rest, output)?;
        self.citations.finish(output)?;
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
        let ended = completion.finish_reason().is_some();
        if !ended && completion.text().is_empty() && self.calls.is_empty() {
            // The stream said nothing and gave no reason for its end.
            let error = stream.finish().err();
            let truncated =
                error.unwrap_or_else(|| Error::Unsupported("the answer is empty and has no finish reason".into()));
            return Err(Broken::BeforeText(Box::new(truncated)));
        }
        self.answer(completion)
    }

    fn answer(self, completion: ChatCompletion) -> Result<Answer, Broken> {
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
            "error" => {
                let error = Error::Unsupported("the answer ended with an error that has no description".into());
                return Err(if self.shown {
                    Broken::AfterText(Box::new(error))
                } else {
                    Broken::BeforeText(Box::new(error))
                });
            }
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
