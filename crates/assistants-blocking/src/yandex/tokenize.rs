//! The tokens of texts.

use assistants_types::yandex::operations as op;

use super::{Client, CompletionRequest, Tokenize, TokenizeResponse};
use crate::Call;
use crate::call::request::Request;

/// Splits texts into the tokens of a model. From [`Client::tokenizer`].
#[derive(Clone, Debug)]
pub struct Tokenizer {
    pub(super) client: Client,
}

impl Tokenizer {
    /// The tokens of a text. `POST /foundationModels/v1/tokenize`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// let tokens = client.tokenizer().tokenize("yandexgpt", "How many tokens?").send()?.tokens;
    /// println!("{} tokens", tokens.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tokenize(&self, model: &str, text: impl Into<String>) -> Call<TokenizeResponse> {
        let params = Tokenize::default().model_uri(self.client.model_uri(model)).text(text);
        let request = Request::new(op::TOKENIZE.method, op::TOKENIZE.path, &[]);
        self.client.send(op::TOKENIZE, request.json(&params).read_only())
    }

    /// The tokens of a completion request. `POST /foundationModels/v1/tokenizeCompletion`.
    pub fn tokenize_completion(&self, mut params: CompletionRequest) -> Call<TokenizeResponse> {
        params.model_uri = self.client.model_uri(&params.model_uri);
        let request = Request::new(op::TOKENIZE_COMPLETION.method, op::TOKENIZE_COMPLETION.path, &[]);
        self.client
            .send(op::TOKENIZE_COMPLETION, request.json(&params).read_only())
    }
}
