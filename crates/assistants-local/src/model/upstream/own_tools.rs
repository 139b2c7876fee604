//! The tools that this server performs itself, as functions of the model.

use super::{code_interpreter, file_search};
use crate::model::code::CODE_INTERPRETER;
use crate::model::{Function, ModelRequest, Output, Passage, Stopped, ToolChoice};

/// A tool of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnTool {
    FileSearch,
    CodeInterpreter,
}

/// A call of such a tool.
#[derive(Debug)]
pub(super) struct OwnCall {
    pub(super) tool: OwnTool,
    pub(super) id: String,
    pub(super) arguments: String,
}

impl OwnTool {
    /// Returns the tools that the run has.
    pub(super) fn all(request: &ModelRequest) -> impl Iterator<Item = Self> {
        let search = request.file_search.then_some(Self::FileSearch);
        let code = request.code_interpreter.is_some().then_some(Self::CodeInterpreter);
        search.into_iter().chain(code)
    }

    /// Returns the tool with this name, if the run may use it now.
    pub(super) fn find(name: &str, request: &ModelRequest) -> Option<Self> {
        let may_call = request.tool_choice != ToolChoice::None;
        Self::all(request).find(|tool| may_call && tool.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::FileSearch => file_search::NAME,
            Self::CodeInterpreter => CODE_INTERPRETER,
        }
    }

    pub(super) fn function(self) -> Function {
        match self {
            Self::FileSearch => file_search::function(),
            Self::CodeInterpreter => code_interpreter::function(),
        }
    }
}

/// Returns the instructions that introduce the tools to the model.
pub(super) fn instructions(request: &ModelRequest) -> Vec<String> {
    let search = request.file_search.then(|| file_search::INSTRUCTIONS.to_owned());
    let code = request.code_interpreter.as_ref().map(code_interpreter::instructions);
    search.into_iter().chain(code).collect()
}

/// Performs a call, adds the passages that it finds, and returns the output for the model.
pub(super) fn perform(call: &OwnCall, output: &mut Output<'_>, passages: &mut Vec<Passage>) -> Result<String, Stopped> {
    match call.tool {
        OwnTool::FileSearch => file_search::perform(&call.arguments, output, passages),
        OwnTool::CodeInterpreter => code_interpreter::perform(&call.arguments, output),
    }
}
