//! Runs whose function calls are answered by functions of this program.

use assistants_types::openai;
use serde_json::Value;

use super::call;
use crate::Tools;
use crate::call::options::{Options, option_setters};
use crate::error::{Error, Result};
use crate::tool_rounds::{Round, ToolRounds};
use crate::yandex::{
    CreateRun, FunctionCall, FunctionResult, FunctionTool, RunResult, RunStatus, RunStream, RunStreamEvent, Runs,
};

impl Runs {
    /// Starts a run and answers its function calls with `tools` until it has ended.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
    /// # let assistant = client.assistants().create(params).send()?;
    /// use assistants_blocking::Tools;
    /// use assistants_blocking::yandex::{CreateRun, CreateThread};
    /// use serde_json::{Value, json};
    ///
    /// let tools = Tools::new().function("now", json!({"type": "object"}), |_: Value| Ok::<_, String>("noon"));
    /// let thread = CreateThread::new(client.folder_id()).message("call now {}");
    /// let thread = client.threads().create(thread).send()?;
    /// let result = client.runs().run_with_tools(CreateRun::new(&assistant, &thread), &tools).send()?;
    /// assert_eq!(result.text().as_deref(), Some("now returned noon"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_with_tools(&self, params: CreateRun, tools: &Tools) -> ToolRunCall {
        ToolRunCall::new(self, params, tools)
    }
}

/// A run whose function calls are answered until it has ended. From [`Runs::run_with_tools`].
///
/// The functions are added to the tools of the run. A run that is abandoned (a function failed and failures are to stop
/// it, or the rounds are used up) remains on the server, which has no operation to cancel it.
#[must_use = "nothing runs until `send` or `stream`"]
#[derive(Debug)]
pub struct ToolRunCall {
    runs: Runs,
    params: CreateRun,
    tools: Tools,
    options: Options,
}

impl ToolRunCall {
    pub(crate) fn new(runs: &Runs, mut params: CreateRun, tools: &Tools) -> Self {
        params.tools.extend(function_tools(tools).into_iter().map(Into::into));
        Self {
            runs: runs.clone(),
            params,
            tools: tools.clone(),
            options: runs.client.options.clone(),
        }
    }

    option_setters!();

    /// Starts the run and answers its calls until it has ended; the text is not streamed.
    ///
    /// # Errors
    ///
    /// As [`Call::send`](crate::Call::send) and those of a [`RunStream`](crate::yandex::RunStream); [`Error::Tool`] when a
    /// function fails and failures are to stop the run, or the rounds are used up.
    pub fn send(self) -> Result<RunResult> {
        self.listen(|_| {})
    }

    /// Starts the run, calls `on_event` with its events as they arrive, and answers its calls until it has ended.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn stream(mut self, on_event: impl FnMut(&RunStreamEvent)) -> Result<RunResult> {
        self.params.stream = true;
        self.listen(on_event)
    }

    fn listen(mut self, on_event: impl FnMut(&RunStreamEvent)) -> Result<RunResult> {
        self.options.begin();
        let stream = call::start(&self.runs.client, self.params, self.options.clone())?;
        let mut rounds = Rounds { stream, on_event };
        self.tools.answer_rounds(&mut rounds, &self.options.watch())?;
        rounds.stream.finish()
    }
}

/// The rounds of a run: its stream pauses while it waits for results.
struct Rounds<F> {
    stream: RunStream,
    on_event: F,
}

impl<F: FnMut(&RunStreamEvent)> ToolRounds for Rounds<F> {
    type End = ();

    fn wait(&mut self) -> Result<Round<()>> {
        for event in &mut self.stream {
            let event = event?;
            (self.on_event)(&event);
            // A server that keeps the stream open sends nothing more until it has the results.
            if event.status() == RunStatus::ToolCalls {
                return Ok(Round::Calls(calls_of(event.tool_calls())?));
            }
        }
        Ok(Round::End(()))
    }

    fn submit(&mut self, calls: &[openai::ToolCall], outputs: Vec<openai::ToolOutput>) -> Result<()> {
        self.stream.submit_tool_results(results(calls, outputs))
    }
}

/// The outputs of calls as results, which go by the name of the function.
fn results(calls: &[openai::ToolCall], outputs: Vec<openai::ToolOutput>) -> impl Iterator<Item = FunctionResult> {
    let calls = calls.iter().zip(outputs);
    calls.map(|(call, output)| FunctionResult::new(&call.function.name, output.output.unwrap_or_default()))
}

/// The functions as tools of an assistant or run of Yandex.
fn function_tools(tools: &Tools) -> Vec<FunctionTool> {
    tools
        .function_definitions()
        .cloned()
        .map(|definition| {
            let mut tool = FunctionTool::new(definition.name);
            if let Some(text) = definition.description {
                tool = tool.description(text);
            }
            match definition.parameters {
                Some(parameters) => tool.parameters(parameters),
                None => tool,
            }
        })
        .collect()
}

impl Tools {
    /// The functions as tools of an assistant or run of Yandex.
    #[must_use]
    pub fn yandex_definitions(&self) -> Vec<FunctionTool> {
        function_tools(self)
    }

    /// Executes function calls of a run of Yandex; the results are in the order of the calls.
    ///
    /// # Errors
    ///
    /// As [`answer_all`](Self::answer_all); [`Error::Unsupported`] for a call of a kind newer than this crate.
    pub fn answer_yandex(&self, calls: &[crate::yandex::ToolCall]) -> Result<Vec<FunctionResult>> {
        let calls = calls_of(calls)?;
        let outputs = self.answer_all(&calls, None)?;
        Ok(results(&calls, outputs).collect())
    }
}

/// The calls as [`Tools`] takes them: with their place for an id, and arguments as text.
fn calls_of(calls: &[crate::yandex::ToolCall]) -> Result<Vec<openai::ToolCall>> {
    let call = |(place, call): (usize, &crate::yandex::ToolCall)| {
        let function = call
            .as_function_call()
            .ok_or_else(|| Error::unsupported("the run requests a tool call of an unknown kind"))?;
        Ok(openai::ToolCall {
            id: place.to_string(),
            function: openai::ToolCallFunction {
                name: function.name.clone(),
                arguments: arguments(function),
                ..Default::default()
            },
            ..Default::default()
        })
    };
    calls.iter().enumerate().map(call).collect()
}

/// The arguments as text. The service has only floating-point numbers, and may write 5 as 5.0. Whole numbers are written as
/// integers, from which arguments of either type can be parsed.
fn arguments(call: &FunctionCall) -> String {
    fn whole(value: &mut Value) {
        match value {
            Value::Number(number) => {
                const EXACT: f64 = 9_007_199_254_740_992.0;
                if let Some(float) = number
                    .as_f64()
                    .filter(|float| float.fract() == 0.0 && float.abs() <= EXACT)
                    && number.is_f64()
                {
                    *value = Value::from(float as i64);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(whole),
            Value::Object(members) => members.values_mut().for_each(whole),
            _ => {}
        }
    }
    let mut arguments = call
        .arguments
        .clone()
        .unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    whole(&mut arguments);
    arguments.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whole_numbers_are_integers() {
        let call = FunctionCall::new("f", json!({"a": 5.0, "b": [1.5, -0.0, 1e300], "c": "5.0", "d": 7}));
        assert_eq!(arguments(&call), r#"{"a":5,"b":[1.5,0,1e+300],"c":"5.0","d":7}"#);
        assert_eq!(arguments(&FunctionCall::default()), "{}");
    }

    #[test]
    fn answers_calls_in_their_order_by_name() {
        let tools = Tools::new()
            .function(
                "add",
                json!({"description": "Adds.", "type": "object"}),
                |args: (i64, i64)| Ok::<_, String>(args.0 + args.1),
            )
            .function("say", json!({}), |args: Value| Ok::<_, String>(args["text"].clone()));
        assert_eq!(tools.yandex_definitions()[0].description, "Adds.");
        let calls = [
            FunctionCall::new("say", json!({"text": "a"})).into(),
            FunctionCall::new("say", json!({"text": "b"})).into(),
            FunctionCall::new("add", json!([3.0, 4.0])).into(),
        ];
        let results = tools.answer_yandex(&calls).unwrap();
        let results: Vec<_> = results
            .iter()
            .map(|result| (result.name.as_str(), result.text().unwrap()))
            .collect();
        assert_eq!(results, [("say", "a"), ("say", "b"), ("add", "7")]);
    }
}
