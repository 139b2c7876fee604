//! Shortcuts for creating items and reading responses.

use super::{
    Response, ResponseContent, ResponseFunctionCall, ResponseFunctionOutput, ResponseInputText, ResponseItem,
    ResponseMessage, ResponseOutputText, ResponseRole,
};

impl ResponseItem {
    /// A user message with one text part.
    #[must_use]
    pub fn user(text: impl Into<String>) -> Self {
        ResponseMessage::new(ResponseRole::User, [ResponseInputText::new(text)]).into()
    }

    /// A previous answer of the model.
    #[must_use]
    pub fn assistant(text: impl Into<String>) -> Self {
        ResponseMessage::new(ResponseRole::Assistant, [ResponseOutputText::new(text, Vec::new())]).into()
    }

    /// A function call of the model, by the identifier that its output repeats.
    #[must_use]
    pub fn function_call(call_id: impl Into<String>, name: impl Into<String>, arguments: impl Into<String>) -> Self {
        ResponseFunctionCall::new(call_id, name, arguments).into()
    }

    /// The output of a function call.
    #[must_use]
    pub fn function_output(call_id: impl Into<String>, output: impl Into<String>) -> Self {
        ResponseFunctionOutput::new(call_id, output).into()
    }
}

impl Response {
    /// The text of the response: the text parts of all its messages, concatenated.
    #[must_use]
    pub fn text(&self) -> String {
        let messages = self.output.iter().filter_map(|item| match item {
            ResponseItem::Message(message) => Some(message),
            _ => None,
        });
        let parts = messages.flat_map(|message| &message.content);
        parts
            .filter_map(|part| match part {
                ResponseContent::OutputText(part) => Some(part.text.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The function calls of the response.
    pub fn function_calls(&self) -> impl Iterator<Item = &ResponseFunctionCall> {
        self.output.iter().filter_map(|item| match item {
            ResponseItem::FunctionCall(call) => Some(call),
            _ => None,
        })
    }
}
