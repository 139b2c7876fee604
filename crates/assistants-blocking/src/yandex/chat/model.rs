//! Chat models and their configuration.

use std::fmt;
use std::sync::Arc;

use assistants_types::Field;
use assistants_types::chat::operations as op;
use assistants_types::openai::ReasoningEffort;
use serde_json::{Map, Value};

use super::ChatMessages;
use crate::Call;
use crate::call::request::Request;
use crate::chat::{
    ChatAccumulator, ChatCompletion, ChatResponseFormat, ChatStreamCall, ChatTool, ChatToolChoice, CreateChatCompletion,
};
use crate::yandex::Client;

/// A chat model with its configuration. From [`Chat`](super::Chat).
///
/// Setters return a copy with one setting changed. Copies are cheap.
///
/// ```
/// # use assistants_blocking::yandex::{Client, Credentials};
/// # let client = Client::builder().folder_id("fld_1").credentials(Credentials::none()).build()?;
/// let model = client.chat().model("yandexgpt").temperature(0.6);
/// let strict = model.temperature(0.0).max_tokens(100);
/// assert_eq!(model.config().temperature, Some(0.6));
/// assert_eq!(strict.temperature(None).config().temperature, None);
/// assert_eq!(strict.uri(), "gpt://fld_1/yandexgpt/latest");
/// # Ok::<(), assistants_blocking::Error>(())
/// ```
#[derive(Clone)]
pub struct ChatModel {
    client: Client,
    uri: Arc<str>,
    owner: Option<Arc<str>>,
    config: Arc<ChatModelConfig>,
}

/// The configuration of a model. Settings that are `None` are not sent.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ChatModelConfig {
    /// Randomness of the answer, from 0 to 1.
    pub temperature: Option<f64>,
    /// Maximum number of tokens in the answer.
    pub max_tokens: Option<i64>,
    /// How much the model reasons before it answers.
    pub reasoning_mode: Option<ReasoningEffort>,
    /// The format of the answer.
    pub response_format: Option<ChatResponseFormat>,
    /// Functions that the model may call.
    pub tools: Option<Vec<ChatTool>>,
    /// Whether it may call several at once; by default the service allows it.
    pub parallel_tool_calls: Option<bool>,
    /// Whether it calls any, or which.
    pub tool_choice: Option<ChatToolChoice>,
    /// Additional members of the request.
    pub extra_query: Map<String, Value>,
}

impl ChatModel {
    pub(super) fn new(client: &Client, uri: String) -> Self {
        Self {
            client: client.clone(),
            uri: uri.into(),
            owner: None,
            config: Arc::default(),
        }
    }

    pub(super) fn owned_by(self, owner: String) -> Self {
        Self {
            owner: Some(owner.into()).filter(|owner: &Arc<str>| !owner.is_empty()),
            ..self
        }
    }

    /// Answers a conversation. `POST /chat/completions`.
    ///
    /// The default timeout is 180 seconds, because the server sends nothing before the answer is complete.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let model = client.chat().model("yandexgpt");
    /// let answer = model.run([("system", "Be brief."), ("user", "Hello")]).send()?;
    /// println!("{} ({:?} tokens)", answer.text(), answer.usage.as_ref().map(|usage| usage.total_tokens));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run(&self, messages: impl Into<ChatMessages>) -> Call<ChatCompletion> {
        self.call(messages.into(), false)
    }

    /// As [`run`](Self::run), and streams the answer as it is written.
    ///
    /// Text that the service withdraws (`content_filter`) is replaced by what it sends instead. Not every model reports the
    /// number of tokens in a stream.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let model = client.chat().model("yandexgpt");
    /// let mut stream = model.run_stream("Hello").send()?;
    /// while let Some(partial) = stream.next_partial()? {
    ///     print!("{}", partial.delta());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_stream(&self, messages: impl Into<ChatMessages>) -> ChatStreamCall {
        ChatStreamCall::new(self.call(messages.into(), true)).accumulate_with(ChatAccumulator::replacing_filtered())
    }

    /// The URI, for example `gpt://<folder>/yandexgpt/latest`.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &ChatModelConfig {
        &self.config
    }

    /// The owner of the model; known only for models of a [list](super::Chat::list).
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// The folder in the URI; `None` when the URI has another form.
    #[must_use]
    pub fn folder_id(&self) -> Option<&str> {
        Some(Parts::of(&self.uri)?.folder)
    }

    /// The name in the URI; `None` when the URI has another form.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        Some(Parts::of(&self.uri)?.name)
    }

    /// The version in the URI, without the id of a tuning; `None` when the URI has another form.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        Some(Parts::of(&self.uri)?.version)
    }

    /// Whether the URI names a tuning; `None` when the URI has another form.
    #[must_use]
    pub fn is_fine_tuned(&self) -> Option<bool> {
        Some(Parts::of(&self.uri)?.tuning.is_some())
    }

    /// A copy with several settings changed, or some unset.
    ///
    /// ```
    /// # use assistants_blocking::yandex::{Client, Credentials};
    /// # let client = Client::builder().folder_id("f").credentials(Credentials::none()).build()?;
    /// let model = client.chat().model("yandexgpt").tool_choice("none");
    /// let free = model.configure(|config| config.tool_choice = None);
    /// assert_eq!(free.config(), &Default::default());
    /// # Ok::<(), assistants_blocking::Error>(())
    /// ```
    #[must_use]
    pub fn configure(&self, change: impl FnOnce(&mut ChatModelConfig)) -> Self {
        let mut model = self.clone();
        change(Arc::make_mut(&mut model.config));
        model
    }

    /// Randomness of the answer, from 0 to 1; `None` leaves it to the service.
    #[must_use]
    pub fn temperature(&self, temperature: impl Into<Option<f64>>) -> Self {
        self.configure(|config| config.temperature = temperature.into())
    }

    /// Maximum number of tokens of the answer; `None` leaves it to the service.
    #[must_use]
    pub fn max_tokens(&self, tokens: impl Into<Option<i64>>) -> Self {
        self.configure(|config| config.max_tokens = tokens.into())
    }

    /// How much the model reasons before it answers: `low`, `medium` or `high`, in any case. Sent as `reasoning_effort`.
    #[must_use]
    pub fn reasoning_mode(&self, mode: impl Into<ReasoningEffort>) -> Self {
        self.configure(|config| config.reasoning_mode = Some(mode.into()))
    }

    /// The format of the answer: a named JSON schema, any JSON (`ResponseFormatJsonObject`), or with the feature `schemars` a
    /// Rust type (`ResponseFormat::of`).
    ///
    /// ```
    /// use assistants_blocking::openai::{JsonSchemaFormat, ResponseFormatJsonSchema};
    /// use serde_json::json;
    /// # use assistants_blocking::yandex::{Client, Credentials};
    /// # let client = Client::builder().folder_id("f").credentials(Credentials::none()).build()?;
    ///
    /// let schema = json!({"type": "array", "items": {"type": "integer"}});
    /// let format = ResponseFormatJsonSchema::new(JsonSchemaFormat::new("Numbers").schema(schema).strict(true));
    /// let model = client.chat().model("yandexgpt").response_format(format);
    /// # Ok::<(), assistants_blocking::Error>(())
    /// ```
    #[must_use]
    pub fn response_format(&self, format: impl Into<ChatResponseFormat>) -> Self {
        self.configure(|config| config.response_format = Some(format.into()))
    }

    /// The functions that the model may call. Replaces earlier ones.
    #[must_use]
    pub fn tools(&self, tools: impl IntoIterator<Item = impl Into<ChatTool>>) -> Self {
        self.configure(|config| config.tools = Some(tools.into_iter().map(Into::into).collect()))
    }

    /// Adds a function that the model may call.
    #[must_use]
    pub fn tool(&self, tool: impl Into<ChatTool>) -> Self {
        self.configure(|config| config.tools.get_or_insert_default().push(tool.into()))
    }

    /// Whether the model may call several functions at once; `None` leaves it to the service, which allows it.
    #[must_use]
    pub fn parallel_tool_calls(&self, allowed: impl Into<Option<bool>>) -> Self {
        self.configure(|config| config.parallel_tool_calls = allowed.into())
    }

    /// Whether the model calls functions (`none`, `auto`, `required`), or which one ([`ChatToolChoice::function`], or the
    /// `&FunctionTool` itself).
    #[must_use]
    pub fn tool_choice(&self, choice: impl Into<ChatToolChoice>) -> Self {
        self.configure(|config| config.tool_choice = Some(choice.into()))
    }

    /// An additional member of the request. Despite the name, it is sent in the body, and it replaces a member of the same
    /// name.
    #[must_use]
    pub fn extra_query(&self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.configure(|config| drop(config.extra_query.insert(name.into(), value.into())))
    }

    fn call(&self, messages: ChatMessages, stream: bool) -> Call<ChatCompletion> {
        let operation = op::CREATE_CHAT_COMPLETION;
        let request = match self.body(messages, stream) {
            Ok(body) => Request::new(operation.method, operation.path, &[]).json(&body),
            Err(why) => Request::impossible(&why),
        };
        Call::new(self.client.chat_endpoint(), &self.client.options, request)
    }

    /// The body of a request, or why it is invalid.
    fn body(&self, messages: ChatMessages, stream: bool) -> Result<Map<String, Value>, String> {
        if self.uri.is_empty() {
            return Err("chat: the name or the version of the model is empty".to_owned());
        }
        let messages = messages
            .resolve()
            .map_err(|name| format!("chat: no call of `{name}` precedes its result"))?;
        let config = &self.config;
        // The service accepts the names in lower case only.
        let effort = config.reasoning_mode.as_ref().map(|mode| mode.as_str().to_lowercase());
        let effort = effort.map(|mode| ReasoningEffort::from(mode.as_str()));
        let params = CreateChatCompletion {
            temperature: field(config.temperature),
            max_tokens: field(config.max_tokens),
            reasoning_effort: field(effort),
            response_format: config.response_format.clone(),
            tools: config.tools.clone(),
            parallel_tool_calls: config.parallel_tool_calls,
            tool_choice: config.tool_choice.clone(),
            ..CreateChatCompletion::new(&*self.uri, messages).stream(stream)
        };
        let body = serde_json::to_value(&params).map_err(|error| format!("chat: {error}"))?;
        let Value::Object(mut body) = body else {
            return Err("chat: the request is not an object".to_owned());
        };
        body.extend(config.extra_query.clone());
        Ok(body)
    }
}

impl fmt::Debug for ChatModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatModel")
            .field("uri", &self.uri)
            .field("owner", &self.owner)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

fn field<T>(value: Option<T>) -> Field<T> {
    value.map_or(Field::Keep, Field::Set)
}

/// The parts of a URI of the form `scheme://folder/name/version@tuning`.
#[derive(Debug, PartialEq, Eq)]
struct Parts<'u> {
    folder: &'u str,
    name: &'u str,
    version: &'u str,
    tuning: Option<&'u str>,
}

impl<'u> Parts<'u> {
    fn of(uri: &'u str) -> Option<Self> {
        let (_, path) = uri.split_once("://")?;
        let mut parts = path.split('/');
        let (folder, name, version) = (parts.next()?, parts.next()?, parts.next()?);
        let (version, tuning) = match version.split_once('@') {
            Some((version, tuning)) => (version, Some(tuning).filter(|tuning| !tuning.is_empty())),
            None => (version, None),
        };
        let whole = ![folder, name, version].contains(&"");
        whole.then_some(Self {
            folder,
            name,
            version,
            tuning,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_has_parts() {
        let parts = |uri| Parts::of(uri).map(|it| (it.folder, it.name, it.version, it.tuning));
        assert_eq!(
            parts("gpt://f/yandexgpt/latest"),
            Some(("f", "yandexgpt", "latest", None))
        );
        assert_eq!(parts("gpt://f/n/rc@t1"), Some(("f", "n", "rc", Some("t1"))));
        assert_eq!(parts("gpt://f/n/rc@"), Some(("f", "n", "rc", None)));
        for other in ["gpt://f/n", "gpt://f//latest", "yandexgpt", "gpt://f/n/@t1", ""] {
            assert_eq!(parts(other), None, "{other}");
        }
    }
}
