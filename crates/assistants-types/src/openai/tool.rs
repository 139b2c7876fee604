//! Shortcuts for creating tools.

use serde_json::Value;

use super::{CodeInterpreterTool, FileSearchTool, FunctionDefinition, FunctionTool, RetrievalTool, Tool};

impl Tool {
    /// A function of the calling program, with the JSON schema of its arguments.
    #[must_use]
    pub fn function(name: impl Into<String>, parameters: Value) -> Self {
        FunctionTool::new(FunctionDefinition::new(name).parameters(parameters)).into()
    }

    /// Search in the files of the assistant and the thread.
    #[must_use]
    pub fn file_search() -> Self {
        FileSearchTool::default().into()
    }

    /// Search in the files of the assistant, in version 1 of the protocol. Legacy, superseded by
    /// [`file_search`](Self::file_search).
    #[must_use]
    pub fn retrieval() -> Self {
        RetrievalTool::default().into()
    }

    /// The provider's Python sandbox.
    #[must_use]
    pub fn code_interpreter() -> Self {
        CodeInterpreterTool::default().into()
    }
}

impl From<FunctionDefinition> for Tool {
    fn from(definition: FunctionDefinition) -> Self {
        FunctionTool::new(definition).into()
    }
}
