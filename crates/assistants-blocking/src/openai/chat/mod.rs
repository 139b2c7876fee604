//! Chat completions.

mod tools;

use assistants_types::chat::operations as op;

use super::Client;
use crate::Call;
use crate::chat::{ChatCompletion, ChatStreamCall, CreateChatCompletion};

pub use tools::{ChatToolsCall, FinishedChat};

/// Chat completions: the model continues a conversation that the caller keeps. From [`Client::chat`].
#[derive(Clone, Debug)]
pub struct Chat {
    pub(super) client: Client,
}

impl Chat {
    /// Answers a conversation. `POST /chat/completions`.
    ///
    /// This may take long, because the server sends nothing before the answer is complete.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use assistants_blocking::chat::{ChatMessage, CreateChatCompletion};
    ///
    /// let messages = [ChatMessage::system("Be brief."), ChatMessage::user("Hello")];
    /// let params = CreateChatCompletion::new("gpt-4o", messages).temperature(0.2);
    /// let completion = client.chat().create(params).send()?;
    /// assert_eq!(completion.text(), "Hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(&self, params: CreateChatCompletion) -> Call<ChatCompletion> {
        self.call(&params)
    }

    /// As [`create`](Self::create), and streams the answer as it is written.
    ///
    /// The number of tokens is reported only if `stream_options` requests it, see
    /// [`include_usage`](crate::chat::ChatStreamOptions::include_usage).
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use assistants_blocking::chat::{ChatMessage, ChatStreamOptions, CreateChatCompletion};
    ///
    /// let params = CreateChatCompletion::new("gpt-4o", [ChatMessage::user("Hello")])
    ///     .stream_options(ChatStreamOptions::default().include_usage(true));
    /// let mut stream = client.chat().stream(params).send()?;
    /// for text in stream.text_deltas() {
    ///     print!("{}", text?);
    /// }
    /// println!("\n{:?} tokens", stream.finish()?.usage.map(|usage| usage.total_tokens));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stream(&self, params: CreateChatCompletion) -> ChatStreamCall {
        ChatStreamCall::new(self.create(params))
    }

    pub(super) fn call(&self, params: &CreateChatCompletion) -> Call<ChatCompletion> {
        let model = params.model.as_ref();
        self.client.call_model(op::CREATE_CHAT_COMPLETION, model, params)
    }
}
