//! Starting runs of an assistant, with settings that override its own.

use crate::call::options::{Options, option_setters};
use crate::call::response::RawResponse;
use crate::error::Result;
use crate::yandex::{Client, CreateRun, MessageData, ResponseFormat, Run, RunStream, Tool, TruncationStrategy};

/// The setters of both kinds of run. The type has a field `params`.
macro_rules! run_setters {
    () => {
        /// Overrides the assistant's temperature, from 0 to 1.
        pub fn custom_temperature(mut self, temperature: f64) -> Self {
            self.params = self.params.custom_temperature(temperature);
            self
        }

        /// Overrides the assistant's limit on the tokens of an answer.
        pub fn custom_max_tokens(mut self, tokens: i64) -> Self {
            self.params = self.params.custom_max_tokens(tokens);
            self
        }

        /// Overrides the assistant's limit on the tokens sent to the model.
        pub fn custom_max_prompt_tokens(mut self, tokens: i64) -> Self {
            self.params = self.params.custom_max_prompt_tokens(tokens);
            self
        }

        /// Overrides how the assistant truncates a long conversation.
        pub fn custom_prompt_truncation_strategy(mut self, strategy: impl Into<TruncationStrategy>) -> Self {
            self.params = self.params.custom_prompt_truncation_strategy(strategy);
            self
        }

        /// Overrides the format of the assistant's answers.
        pub fn custom_response_format(mut self, format: impl Into<ResponseFormat>) -> Self {
            self.params.custom_response_format = Some(format.into());
            self
        }

        /// Adds a message to the thread first.
        pub fn additional_message(mut self, message: impl Into<MessageData>) -> Self {
            self.params = self.params.additional_message(message);
            self
        }

        /// The user's own key-value pairs.
        pub fn labels(mut self, labels: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
            self.params = self.params.labels(labels);
            self
        }

        /// Adds a tool for this run.
        pub fn tool(mut self, tool: impl Into<Tool>) -> Self {
            self.params = self.params.tool(tool);
            self
        }

        /// The tools of this run.
        pub fn tools(mut self, tools: impl IntoIterator<Item = impl Into<Tool>>) -> Self {
            self.params = self.params.tools(tools);
            self
        }
    };
}

/// A run of an assistant on a thread, not started yet. From [`Assistants::run`](crate::yandex::Assistants::run).
#[must_use = "a call does nothing until `send`"]
#[derive(Debug)]
pub struct RunCall {
    client: Client,
    params: CreateRun,
    options: Options,
}

impl RunCall {
    pub(crate) fn new(client: &Client, params: CreateRun) -> Self {
        Self {
            client: client.clone(),
            params,
            options: client.options.clone(),
        }
    }

    option_setters!();
    run_setters!();

    /// Starts the run, which continues in the background.
    ///
    /// # Errors
    ///
    /// As [`Call::send`](crate::Call::send).
    pub fn send(self) -> Result<Run> {
        self.send_raw()?.parse()
    }

    /// Starts the run; the response is not parsed.
    ///
    /// # Errors
    ///
    /// As [`Call::send_raw`](crate::Call::send_raw).
    pub fn send_raw(self) -> Result<RawResponse<Run>> {
        let call = self.client.runs().create(self.params);
        call.with_options(self.options).send_raw()
    }
}

/// A streamed run of an assistant on a thread, not started yet. From
/// [`Assistants::run_stream`](crate::yandex::Assistants::run_stream).
#[must_use = "a call does nothing until `send`"]
#[derive(Debug)]
pub struct RunStreamCall {
    client: Client,
    params: CreateRun,
    pub(crate) options: Options,
}

impl RunStreamCall {
    pub(crate) fn new(client: &Client, params: CreateRun) -> Self {
        Self {
            client: client.clone(),
            params: params.stream(true),
            options: client.options.clone(),
        }
    }

    option_setters!();
    run_setters!();

    /// Starts the run and listens to it; returns when its events begin.
    ///
    /// # Errors
    ///
    /// As [`Call::send`](crate::Call::send).
    pub fn send(self) -> Result<RunStream> {
        start(&self.client, self.params, self.options)
    }
}

/// Starts a run and listens to it. Query parameters and body fields of the caller are sent with the first request only.
pub(crate) fn start(client: &Client, params: CreateRun, mut options: Options) -> Result<RunStream> {
    options.begin();
    let run = client.runs().create(params).with_options(options.clone()).send()?;
    let listen = client.runs().listen(&run).with_options(options.follow_up());
    let mut stream = listen.send()?;
    stream.run = Some(run);
    Ok(stream)
}
