//! Chat completions.

use assistants_types::chat::operations as op;

use super::Client;
use crate::Call;
use crate::chat::{ChatCompletion, ChatStreamCall, CreateChatCompletion};

/// Answers to conversations that the caller keeps. From [`Client::chat`].
#[derive(Clone, Debug)]
pub struct Chat {
    pub(super) client: Client,
}

impl Chat {
    /// Answers a conversation. `POST /chat/completions`.
    ///
    /// The answer may wait for a long time: the server sends nothing before it is whole.
    pub fn create(&self, params: CreateChatCompletion) -> Call<ChatCompletion> {
        let model = [params.model.as_ref()];
        let ids = if self.client.chat == op::CREATE_CHAT_COMPLETION {
            &[][..]
        } else {
            &model[..]
        };
        self.client.call_with(self.client.chat, ids, &params)
    }

    /// As [`create`](Self::create), and streams the answer as it is written.
    ///
    /// Tokens taken are told only if `stream_options` asks for it, see
    /// [`include_usage`](crate::chat::ChatStreamOptions::include_usage).
    pub fn stream(&self, params: CreateChatCompletion) -> ChatStreamCall {
        ChatStreamCall::new(self.create(params))
    }
}
