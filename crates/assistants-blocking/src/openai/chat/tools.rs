//! Chats whose function calls are answered by functions of this program.

use crate::call::options::option_setters;
use crate::chat::{
    ChatCompletion, ChatCompletionChunk, ChatFunctionToolCall, ChatMessage, ChatStreamCall, ChatTool, ChatToolChoice,
    CreateChatCompletion,
};
use crate::error::Result;
use crate::openai::{Chat, ToolCall, ToolCallFunction, ToolOutput};
use crate::tool_rounds::{Round, ToolRounds};
use crate::{Call, Options, Tools};

impl Chat {
    /// Answers a conversation, and the function calls in the answers with `tools`, until the model makes no more.
    ///
    /// Unless `params` has tools of its own, it gets the definitions of these. A `tool_choice` that makes the model call
    /// something holds for the first answer only.
    ///
    /// ```
    /// use assistants_blocking::Tools;
    /// use assistants_blocking::chat::{ChatMessage, CreateChatCompletion};
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    ///
    /// let tools = Tools::new().function("double", serde_json::json!({"type": "integer"}), |n: i64| {
    ///     n.checked_mul(2).ok_or("too large")
    /// });
    /// let params = CreateChatCompletion::new("scripted", [ChatMessage::user("call double 21")]);
    /// let finished = client.chat().run_with_tools(params, &tools).send()?;
    /// assert_eq!(finished.text(), "double returned 42");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_with_tools(&self, params: CreateChatCompletion, tools: &Tools) -> ChatToolsCall {
        ChatToolsCall::new(self, params, tools)
    }
}

/// A chat whose function calls are answered until the model makes no more. From [`Chat::run_with_tools`].
///
/// [`send`](Self::send) waits for each answer, [`stream`](Self::stream) streams it. Options apply to each request, a
/// deadline to all together, an idempotency key to the first.
#[must_use = "nothing is sent until `send` or `stream`"]
#[derive(Debug)]
pub struct ChatToolsCall {
    chat: Chat,
    params: CreateChatCompletion,
    tools: Tools,
    options: Options,
}

/// A chat that has ended: its last answer calls no function of this program.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FinishedChat {
    /// The last answer.
    pub completion: ChatCompletion,
    /// The answers before it, oldest first; each called functions.
    pub calling: Vec<ChatCompletion>,
    /// The whole conversation: the messages of the request, all answers, and the outputs of functions. Append to it to
    /// continue.
    pub messages: Vec<ChatMessage>,
}

impl ChatToolsCall {
    pub(crate) fn new(chat: &Chat, mut params: CreateChatCompletion, tools: &Tools) -> Self {
        params.tools.get_or_insert_with(|| tools.chat_definitions());
        Self {
            chat: chat.clone(),
            params,
            tools: tools.clone(),
            options: chat.client.options.clone(),
        }
    }

    option_setters!();

    /// Requests an answer, answers its calls, and repeats that until the model makes no more calls.
    ///
    /// # Errors
    ///
    /// As [`Call::send`]; [`Error::Tool`](crate::Error::Tool) when a function fails and failures are to stop the chat,
    /// or the rounds are used up.
    pub fn send(self) -> Result<FinishedChat> {
        self.run(Call::<ChatCompletion>::send)
    }

    /// As [`send`](Self::send), and calls `show` with each chunk of the answers as it arrives.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use assistants_blocking::Tools;
    /// use assistants_blocking::chat::{ChatMessage, CreateChatCompletion};
    /// use serde_json::json;
    ///
    /// let tools = Tools::new().function("double", json!({"type": "integer"}), |n: i64| n.checked_mul(2).ok_or("too large"));
    /// let params = CreateChatCompletion::new("scripted", [ChatMessage::user("call double 21")]);
    /// let finished = client.chat().run_with_tools(params, &tools).stream(|chunk| print!("{}", chunk.text()))?;
    /// assert_eq!(finished.text(), "double returned 42");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and those of a [`ChatStream`](crate::chat::ChatStream).
    pub fn stream(self, mut show: impl FnMut(&ChatCompletionChunk)) -> Result<FinishedChat> {
        self.run(|call| {
            let mut stream = ChatStreamCall::new(call).send()?;
            for chunk in &mut stream {
                show(&chunk?);
            }
            stream.finish()
        })
    }

    fn run(mut self, ask: impl FnMut(Call<ChatCompletion>) -> Result<ChatCompletion>) -> Result<FinishedChat> {
        self.options.begin();
        let watch = self.options.watch();
        let mut rounds = Rounds {
            chat: self.chat,
            params: self.params,
            options: self.options,
            ask,
            calling: Vec::new(),
        };
        let completion = self.tools.answer_rounds(&mut rounds, &watch)?;
        Ok(FinishedChat {
            completion,
            calling: rounds.calling,
            messages: rounds.params.messages,
        })
    }
}

/// The rounds of a chat: each is a request of its own, with the whole conversation.
struct Rounds<A> {
    chat: Chat,
    params: CreateChatCompletion,
    options: Options,
    ask: A,
    calling: Vec<ChatCompletion>,
}

impl<A: FnMut(Call<ChatCompletion>) -> Result<ChatCompletion>> ToolRounds for Rounds<A> {
    type End = ChatCompletion;

    fn wait(&mut self) -> Result<Round<ChatCompletion>> {
        let call = self.chat.call(&self.params).with_options(self.options.clone());
        let completion = (self.ask)(call)?;
        self.params.messages.push(completion.to_message());
        let calls: Vec<ToolCall> = completion.function_calls().map(called).collect();
        // The caller has to answer calls of other tools than functions, and all calls are answered together.
        if calls.is_empty() || calls.len() < completion.tool_calls().len() {
            return Ok(Round::End(completion));
        }
        self.calling.push(completion);
        Ok(Round::Calls(calls))
    }

    fn submit(&mut self, calls: &[ToolCall], outputs: Vec<ToolOutput>) -> Result<()> {
        let answers = calls.iter().zip(outputs);
        let answers = answers.map(|(call, output)| ChatMessage::tool(&call.id, output.output.unwrap_or_default()));
        let params = &mut self.params;
        params.messages.extend(answers);
        // A model that must call something would never come to an end.
        params.tool_choice = params
            .tool_choice
            .take()
            .filter(|choice| matches!(choice, ChatToolChoice::Auto | ChatToolChoice::None));
        self.options.idempotency_key = None;
        Ok(())
    }
}

impl FinishedChat {
    /// The text of the last answer.
    #[must_use]
    pub fn text(&self) -> &str {
        self.completion.text()
    }
}

impl Tools {
    /// The functions as a chat takes them.
    #[must_use]
    pub fn chat_definitions(&self) -> Vec<ChatTool> {
        self.function_definitions().cloned().map(ChatTool::from).collect()
    }
}

/// The call as [`Tools`] takes it.
fn called(call: &ChatFunctionToolCall) -> ToolCall {
    ToolCall {
        id: call.id.clone(),
        function: ToolCallFunction {
            name: call.function.name.clone(),
            arguments: call.function.arguments.clone(),
            ..ToolCallFunction::default()
        },
        ..ToolCall::default()
    }
}
