//! Writes an answer to the output of the run while it is read.

use std::collections::BTreeMap;

use assistants_blocking::Error;

use super::file_search::Citations;
use super::own_tools::{OwnCall, OwnTool};
use super::text::{TextFilter, WrittenCall};
use crate::model::{Failure, FinishReason, ModelRequest, Output, Passage, Stopped, ToolChoice, Usage, tokens};

/// A complete answer.
#[derive(Debug)]
pub(super) struct Answer<I> {
    /// The answer in the form of its dialect.
    pub(super) items: Vec<I>,
    pub(super) reason: FinishReason,
    pub(super) usage: Usage,
    /// The number of calls of the run's functions.
    pub(super) calls: usize,
    /// The calls of tools of this server.
    pub(super) own: Vec<OwnCall>,
    /// Calls of functions that were not offered, as id and name.
    pub(super) unknown: Vec<(String, String)>,
}

/// Why there is no complete answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// Another attempt cannot help.
    Failed(Failure),
    /// The answer broke off after a part of it was shown.
    AfterText(Box<Error>),
    /// The request failed before anything was shown.
    BeforeText(Box<Error>),
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Stopped> for Broken {
    fn from(_: Stopped) -> Self {
        Self::Failed(Failure::Stopped)
    }
}

impl From<Error> for Broken {
    /// What went wrong before anything was shown.
    fn from(error: Error) -> Self {
        match error {
            Error::Cancelled(_) => Self::Failed(Failure::Stopped),
            error => Self::BeforeText(Box::new(error)),
        }
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A function of the run; its index in the output.
    Function(usize),
    Own(OwnTool),
    Unknown,
}

/// Receives an answer piece by piece.
pub(super) struct AnswerWriter<'a> {
    request: &'a ModelRequest,
    passages: &'a [Passage],
    citations: Citations,
    text: TextFilter,
    /// The calls that have begun, by their index in the answer, with the length of the arguments that were written.
    calls: BTreeMap<usize, (Kind, usize)>,
    shown: bool,
}

/// A call of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Called<'c> {
    pub(super) id: &'c str,
    pub(super) name: &'c str,
    pub(super) arguments: &'c str,
}

impl<'a> AnswerWriter<'a> {
    pub(super) fn new(request: &'a ModelRequest, passages: &'a [Passage]) -> Self {
        let may_call = !request.functions.is_empty() || OwnTool::all(request).next().is_some();
        Self {
            request,
            passages,
            citations: Citations::default(),
            text: TextFilter::new(may_call && request.tool_choice != ToolChoice::None),
            calls: BTreeMap::new(),
            shown: false,
        }
    }

    /// Whether the run has a function with this name, and may call it.
    pub(super) fn may_call(&self, name: &str) -> bool {
        let mut functions = self.request.functions.iter();
        self.request.tool_choice != ToolChoice::None && functions.any(|function| function.name == name)
    }

    /// Whether the answer has called anything.
    pub(super) fn has_calls(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Returns what has become of an answer that ended with this error.
    pub(super) fn broken(&self, error: Error) -> Broken {
        match Broken::from(error) {
            Broken::BeforeText(error) if self.shown => Broken::AfterText(error),
            broken => broken,
        }
    }

    pub(super) fn push_text(&mut self, text: &str, output: &mut Output<'_>) -> Result<(), Stopped> {
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

    /// Shows the rest of the text, and returns the calls that were written as text.
    pub(super) fn end_text(&mut self, output: &mut Output<'_>) -> Result<Vec<WrittenCall>, Stopped> {
        let (rest, written) = self.text.finish();
        self.show(&rest, output)?;
        self.citations.finish(output)?;
        Ok(written)
    }

    /// Writes what is new of the call with this index; `ended` if nothing follows. The name of a call is complete when its
    /// arguments begin, or at the end.
    pub(super) fn push_call(
        &mut self,
        index: usize,
        call: Called<'_>,
        ended: bool,
        output: &mut Output<'_>,
    ) -> Result<(), Stopped> {
        if !self.calls.contains_key(&index) {
            if call.name.is_empty() || (call.arguments.is_empty() && !ended) {
                return Ok(());
            }
            self.begin_call(index, call.name, output)?;
        }
        if let Some((Kind::Function(at), written)) = self.calls.get_mut(&index) {
            let new = call.arguments.get(*written..).unwrap_or_default();
            if !new.is_empty() {
                output.arguments(*at, new)?;
                *written = call.arguments.len();
            }
            // Functions without parameters are called with nothing at all.
            if ended && *written == 0 {
                output.arguments(*at, "{}")?;
            }
        }
        Ok(())
    }

    fn begin_call(&mut self, index: usize, name: &str, output: &mut Output<'_>) -> Result<(), Stopped> {
        let kind = if self.may_call(name) {
            self.shown = true;
            self.citations.finish(output)?;
            Kind::Function(output.call(name)?)
        } else if let Some(tool) = OwnTool::find(name, self.request) {
            Kind::Own(tool)
        } else {
            Kind::Unknown
        };
        self.calls.insert(index, (kind, 0));
        Ok(())
    }

    /// Completes an answer without items. `calls` are all of its calls with their indexes; usage that the server does not
    /// report is estimated from `text`.
    pub(super) fn finish<'c, I>(
        self,
        calls: impl IntoIterator<Item = (usize, Called<'c>)>,
        reason: FinishReason,
        usage: Option<Usage>,
        text: &str,
    ) -> Answer<I> {
        let mut answer = Answer {
            items: Vec::new(),
            reason,
            usage: usage.unwrap_or_else(|| Usage {
                prompt_tokens: self.request.prompt_tokens(),
                completion_tokens: tokens::of_text(text),
            }),
            calls: 0,
            own: Vec::new(),
            unknown: Vec::new(),
        };
        for (index, call) in calls {
            match self.calls.get(&index) {
                Some((Kind::Function(_), _)) => answer.calls += 1,
                Some((Kind::Own(tool), _)) => answer.own.push(OwnCall {
                    tool: *tool,
                    id: call.id.to_owned(),
                    arguments: call.arguments.to_owned(),
                }),
                Some((Kind::Unknown, _)) => answer.unknown.push((call.id.to_owned(), call.name.to_owned())),
                None => {}
            }
        }
        answer
    }
}
