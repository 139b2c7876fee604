//! Functions of the program that a model may call.

use std::error::Error as StdError;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use assistants_types::openai::{FunctionDefinition, Tool, ToolCall, ToolOutput};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::CancelToken;
use crate::error::{Error, Result, ToolError};
use crate::http::log;
use crate::http::watch::{SLICE, Watch};

type Failure = Box<dyn StdError + Send + Sync>;
type Body = dyn Fn(&str) -> Result<String, Failure> + Send + Sync;

/// Functions of the program that a model may call, and how their calls are executed.
///
/// See also the chapter [Tools](crate::guide::tools).
///
/// ```
/// use assistants_blocking::Tools;
/// use serde_json::json;
///
/// #[derive(serde::Deserialize)]
/// struct Sum {
///     a: i64,
///     b: i64,
/// }
///
/// let schema = json!({
///     "description": "Adds two whole numbers.",
///     "type": "object",
///     "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
///     "required": ["a", "b"],
/// });
/// let tools = Tools::new()
///     .function("sum", schema, |args: Sum| args.a.checked_add(args.b).ok_or("the sum is too large"));
/// assert_eq!(tools.definitions().len(), 1);
/// ```
#[derive(Clone)]
pub struct Tools {
    functions: Vec<Function>,
    parallel: usize,
    max_rounds: u32,
    time_limit: Option<Duration>,
    on_error: OnToolError,
}

#[derive(Clone)]
struct Function {
    definition: FunctionDefinition,
    body: Arc<Body>,
}

/// What happens when a function call fails: the function returns an error, panics or takes too long, its arguments do not
/// match, or there is no such function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnToolError {
    /// The error is reported to the model as output `{"error": "…"}`, so that it can try something else.
    #[default]
    Report,
    /// The run is cancelled and the call ends with [`Error::Tool`].
    Stop,
}

impl Default for Tools {
    fn default() -> Self {
        Self::new()
    }
}

impl Tools {
    /// No functions; one call at a time, at most 10 rounds, no time limit, failures reported to the model.
    #[must_use]
    pub fn new() -> Self {
        Self {
            functions: Vec::new(),
            parallel: 1,
            max_rounds: 10,
            time_limit: None,
            on_error: OnToolError::Report,
        }
    }

    /// Adds a function. It replaces an earlier one of the same name.
    ///
    /// `schema` is the JSON schema of the arguments; its `description` also describes the function to the model. The
    /// arguments are parsed into `Args` before `body` is called. A string is returned to the model as it is, any other output
    /// as JSON.
    ///
    /// ```
    /// use assistants_blocking::Tools;
    /// use serde_json::{Value, json};
    ///
    /// let schema = json!({"description": "The time of day.", "type": "object", "properties": {}});
    /// let tools = Tools::new().function("now", schema, |_: Value| Ok::<_, std::io::Error>("noon"));
    /// # assert_eq!(tools.definitions().len(), 1);
    /// ```
    #[must_use]
    pub fn function<Args, Out, E>(
        self,
        name: impl Into<String>,
        schema: Value,
        body: impl Fn(Args) -> Result<Out, E> + Send + Sync + 'static,
    ) -> Self
    where
        Args: DeserializeOwned,
        Out: Serialize,
        E: Into<Failure>,
    {
        let mut definition = FunctionDefinition::new(name);
        if let Some(text) = schema.get("description").and_then(Value::as_str) {
            definition = definition.description(text);
        }
        self.defined(definition.parameters(schema), body)
    }

    fn defined<Args, Out, E>(
        mut self,
        definition: FunctionDefinition,
        body: impl Fn(Args) -> Result<Out, E> + Send + Sync + 'static,
    ) -> Self
    where
        Args: DeserializeOwned,
        Out: Serialize,
        E: Into<Failure>,
    {
        let body = move |arguments: &str| {
            let arguments = serde_json::from_str(arguments)
                .map_err(|error| Failure::from(format!("the arguments do not fit: {error}")))?;
            let output = body(arguments).map_err(Into::into)?;
            match serde_json::to_value(&output)? {
                Value::String(text) => Ok(text),
                other => Ok(other.to_string()),
            }
        };
        self.functions
            .retain(|function| function.definition.name != definition.name);
        self.functions.push(Function {
            definition,
            body: Arc::new(body),
        });
        self
    }

    /// Adds a function whose schema is derived from the type of its arguments, in strict mode. The doc comment of the type
    /// describes the function to the model.
    ///
    /// ```
    /// use assistants_blocking::Tools;
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    ///
    /// /// Adds two whole numbers.
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Add {
    ///     /// The first number.
    ///     a: i64,
    ///     /// The second number.
    ///     b: i64,
    /// }
    ///
    /// let tools = Tools::new().typed("add", |add: Add| add.a.checked_add(add.b).ok_or("too large"));
    /// assert_eq!(tools.definitions().len(), 1);
    /// ```
    #[cfg(feature = "schemars")]
    #[must_use]
    pub fn typed<Args, Out, E>(
        self,
        name: impl Into<String>,
        body: impl Fn(Args) -> Result<Out, E> + Send + Sync + 'static,
    ) -> Self
    where
        Args: DeserializeOwned + schemars::JsonSchema,
        Out: Serialize,
        E: Into<Failure>,
    {
        let definition = assistants_types::openai::FunctionTool::of::<Args>(name).function;
        self.defined(definition, body)
    }

    /// How many calls of a round run at the same time, each on a thread of its own. Default: 1, on the caller's thread unless
    /// something can end the wait for it: a time limit, a cancel token or a deadline.
    #[must_use]
    pub fn parallel(mut self, calls: usize) -> Self {
        self.parallel = calls.max(1);
        self
    }

    /// How often the model may request calls before the run is cancelled. Default: 10.
    #[must_use]
    pub fn max_rounds(mut self, rounds: u32) -> Self {
        self.max_rounds = rounds;
        self
    }

    /// Limits each call. A function cannot be stopped: one that takes longer continues in the background, on its own thread,
    /// and its output is dropped. Default: no limit.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// What happens when a call fails. Default: the failure is reported to the model.
    #[must_use]
    pub fn on_error(mut self, policy: OnToolError) -> Self {
        self.on_error = policy;
        self
    }

    /// The functions as tools of an assistant or a run.
    #[must_use]
    pub fn definitions(&self) -> Vec<Tool> {
        self.function_definitions().cloned().map(Tool::from).collect()
    }

    pub(crate) fn function_definitions(&self) -> impl Iterator<Item = &FunctionDefinition> {
        self.functions.iter().map(|function| &function.definition)
    }

    /// Executes one call.
    ///
    /// # Errors
    ///
    /// [`Error::Tool`] if the call fails and the policy is [`OnToolError::Stop`].
    pub fn answer(&self, call: &ToolCall) -> Result<ToolOutput> {
        let mut outputs = self.answer_all(std::slice::from_ref(call), None)?;
        outputs.pop().ok_or_else(|| Error::config("the call has no output"))
    }

    /// Executes the calls of one round; the outputs are in the same order.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use assistants_blocking::Tools;
    /// use assistants_blocking::openai::{CreateAssistant, CreateMessage, CreateRun, CreateThread};
    /// # let schema = serde_json::json!({"type": "object"});
    /// # let tools = Tools::new().function("now", schema, |_: serde_json::Value| Ok::<_, String>("noon"));
    ///
    /// let assistant = CreateAssistant::new("scripted").tools(tools.definitions());
    /// let assistant = client.assistants().create(assistant).send()?;
    /// let thread = CreateThread::default().message(CreateMessage::user("call now {}"));
    /// let thread = client.threads().create(thread).send()?;
    /// let run = client.runs(&thread).create_and_poll(CreateRun::new(&assistant)).send()?;
    /// let outputs = tools.answer_all(run.tool_calls(), None)?;
    /// client.runs(&thread).submit_tool_outputs_and_poll(&run, outputs).send()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Tool`] as [`answer`](Self::answer); [`Error::Cancelled`] when the token is cancelled. A function that is then
    /// running continues in the background, and its output is dropped.
    pub fn answer_all(&self, calls: &[ToolCall], cancel: Option<&CancelToken>) -> Result<Vec<ToolOutput>> {
        self.answer_within(calls, &Watch::new(cancel.cloned(), None))
    }

    /// As [`answer_all`](Self::answer_all), until the call that needs the outputs ends.
    pub(crate) fn answer_within(&self, calls: &[ToolCall], watch: &Watch) -> Result<Vec<ToolOutput>> {
        let mut outputs = Vec::with_capacity(calls.len());
        for round in calls.chunks(self.parallel) {
            let started = Instant::now();
            let mut waiting = Vec::with_capacity(round.len());
            for call in round {
                watch.check(|| what(call))?;
                waiting.push((call, self.start(call, watch)));
            }
            for (call, pending) in waiting {
                let limit = self.time_limit.map(|limit| (started, limit));
                let output = match pending.wait(limit, || watch.check(|| what(call))) {
                    Ok(output) => output,
                    Err(CallFailure::GivenUp(error)) => return Err(error),
                    Err(CallFailure::Failed(source)) => match self.on_error {
                        OnToolError::Report => {
                            log::debug!("tool `{}` failed; reporting to the model: {source}", call.function.name);
                            serde_json::json!({ "error": source.to_string() }).to_string()
                        }
                        OnToolError::Stop => return Err(ToolError::new(&call.function.name, source).into()),
                    },
                };
                outputs.push(call.output(output));
            }
        }
        Ok(outputs)
    }

    /// The error of a run that exceeds the limit on rounds.
    pub(crate) fn too_many_rounds(&self, rounds: u32, calls: &[ToolCall]) -> Option<Error> {
        let name = calls.first().map_or("", |call| call.function.name.as_str());
        (rounds > self.max_rounds)
            .then(|| ToolError::new(name, format!("the model asks for more than {} rounds", self.max_rounds)).into())
    }

    fn start(&self, call: &ToolCall, watch: &Watch) -> Pending {
        let Some(function) = self
            .functions
            .iter()
            .find(|function| function.definition.name == call.function.name)
        else {
            return Pending::Done(Err(format!("there is no function `{}`", call.function.name).into()));
        };
        if self.parallel == 1 && self.time_limit.is_none() && !watch.can_end() {
            return Pending::Done(execute(&*function.body, &call.function.arguments));
        }
        let (sender, receiver) = mpsc::channel();
        let (body, arguments) = (Arc::clone(&function.body), call.function.arguments.clone());
        let thread = thread::Builder::new()
            // The name of the function may be any text, but that of a thread must not contain a zero byte.
            .name("tool".to_owned())
            .spawn(move || {
                if sender.send(execute(&*body, &arguments)).is_err() {
                    log::debug!("a tool ended after its call");
                }
            });
        match thread {
            Ok(_) => Pending::Running(receiver),
            Err(error) => Pending::Done(Err(error.into())),
        }
    }
}

impl fmt::Debug for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self
            .functions
            .iter()
            .map(|function| function.definition.name.as_str())
            .collect();
        f.debug_struct("Tools")
            .field("functions", &names)
            .field("parallel", &self.parallel)
            .field("max_rounds", &self.max_rounds)
            .field("time_limit", &self.time_limit)
            .field("on_error", &self.on_error)
            .finish()
    }
}

/// Calls the function. A panic counts as a failure.
fn execute(body: &Body, arguments: &str) -> Result<String, Failure> {
    // It leaves nothing of this crate half changed, and the functions are responsible for what they share.
    panic::catch_unwind(AssertUnwindSafe(|| body(arguments))).unwrap_or_else(|_| Err("the function panicked".into()))
}

fn what(call: &ToolCall) -> String {
    format!("tool `{}`", call.function.name)
}

/// A call that was started.
enum Pending {
    Done(Result<String, Failure>),
    Running(mpsc::Receiver<Result<String, Failure>>),
}

/// Why a call has no output.
enum CallFailure {
    /// The call that needs it was cancelled or is past its deadline.
    GivenUp(Error),
    Failed(Failure),
}

impl Pending {
    fn wait(self, limit: Option<(Instant, Duration)>, check: impl Fn() -> Result<()>) -> Result<String, CallFailure> {
        let receiver = match self {
            Self::Done(outcome) => return outcome.map_err(CallFailure::Failed),
            Self::Running(receiver) => receiver,
        };
        loop {
            let left = limit.map(|(started, limit)| limit.saturating_sub(started.elapsed()));
            match receiver.recv_timeout(left.unwrap_or(SLICE).min(SLICE)) {
                Ok(outcome) => return outcome.map_err(CallFailure::Failed),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(CallFailure::Failed("its thread ended early".into()));
                }
                Err(RecvTimeoutError::Timeout) => {
                    check().map_err(CallFailure::GivenUp)?;
                    if let Some((_, limit)) = limit.filter(|(started, limit)| started.elapsed() >= *limit) {
                        return Err(CallFailure::Failed(
                            format!("the function took longer than {limit:?}").into(),
                        ));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Barrier;

    fn call(name: &str, arguments: &str) -> ToolCall {
        serde_json::from_value(json!({"id": "call_1", "type": "function",
            "function": {"name": name, "arguments": arguments}}))
        .unwrap()
    }

    #[derive(serde::Deserialize)]
    struct Divide {
        a: i64,
        b: i64,
    }

    fn calculator() -> Tools {
        Tools::new()
            .function("divide", json!({"description": "Divides."}), |args: Divide| {
                args.a.checked_div(args.b).ok_or("division by zero")
            })
            .function("greet", json!({}), |_: Value| Ok::<_, String>("hello"))
            .function("panic", json!({}), |_: Value| -> Result<(), String> {
                panic!("on purpose")
            })
    }

    #[track_caller]
    fn check(tools: &Tools, name: &str, arguments: &str, want: &str) {
        let output = tools.answer(&call(name, arguments)).unwrap();
        assert_eq!(output.tool_call_id.as_deref(), Some("call_1"));
        assert_eq!(output.output.as_deref(), Some(want));
    }

    #[test]
    fn a_function_may_have_any_name() {
        let tools = Tools::new().function("a\0b", json!({}), |_: Value| Ok::<_, String>("hello"));
        check(&tools.parallel(2), "a\0b", "{}", "hello");
    }

    #[test]
    fn answers_and_reports_failures_to_the_model() {
        let tools = calculator();
        check(&tools, "divide", r#"{"a": 7, "b": 2}"#, "3");
        check(&tools, "greet", "{}", "hello");
        check(
            &tools,
            "divide",
            r#"{"a": 7, "b": 0}"#,
            r#"{"error":"division by zero"}"#,
        );
        check(
            &tools,
            "multiply",
            "{}",
            r#"{"error":"there is no function `multiply`"}"#,
        );
        let output = tools.answer(&call("divide", "{")).unwrap().output.unwrap();
        assert!(output.contains("the arguments do not fit"), "{output}");
    }

    #[test]
    fn a_panic_is_a_failure_in_every_mode() {
        let output = r#"{"error":"the function panicked"}"#;
        check(&calculator(), "panic", "{}", output);
        check(&calculator().parallel(2), "panic", "{}", output);
        check(&calculator().time_limit(Duration::from_secs(60)), "panic", "{}", output);
        let calls = [call("panic", "{}")];
        let outputs = calculator().answer_all(&calls, Some(&CancelToken::new())).unwrap();
        assert_eq!(outputs[0].output.as_deref(), Some(output));
        let error = calculator().on_error(OnToolError::Stop).answer(&calls[0]).unwrap_err();
        assert!(matches!(error, Error::Tool(_)), "{error}");
    }

    #[test]
    fn stops_where_failures_are_to_stop() {
        let tools = calculator().on_error(OnToolError::Stop);
        let error = tools.answer(&call("divide", r#"{"a": 1, "b": 0}"#)).unwrap_err();
        let Error::Tool(error) = error else { panic!("{error}") };
        assert_eq!(error.name, "divide");
        assert_eq!(StdError::source(&*error).unwrap().to_string(), "division by zero");
    }

    #[test]
    fn parallel_calls_run_at_the_same_time_and_answer_in_order() {
        let barrier = Arc::new(Barrier::new(2));
        let tools = Tools::new()
            .parallel(2)
            .function("meet", json!({}), move |place: Value| {
                barrier.wait();
                Ok::<_, String>(place)
            });
        let outputs = tools.answer_all(&[call("meet", "1"), call("meet", "2")], None).unwrap();
        let outputs: Vec<_> = outputs.into_iter().map(|output| output.output.unwrap()).collect();
        assert_eq!(outputs, ["1", "2"]);
    }

    #[test]
    fn a_function_that_takes_too_long_is_left_behind() {
        let (release, held) = mpsc::channel::<()>();
        let held = std::sync::Mutex::new(held);
        let tools = Tools::new()
            .time_limit(Duration::from_millis(30))
            .function("wait", json!({}), move |_: Value| {
                held.lock().unwrap().recv().map_err(|error| error.to_string())
            });
        check(
            &tools,
            "wait",
            "{}",
            r#"{"error":"the function took longer than 30ms"}"#,
        );
        drop(release);
    }

    #[test]
    fn cancelling_ends_the_wait_for_a_function() {
        let token = CancelToken::new();
        let (release, held) = mpsc::channel::<()>();
        let (held, cancel) = (std::sync::Mutex::new(held), token.clone());
        let tools = Tools::new().function("wait", json!({}), move |_: Value| {
            cancel.cancel();
            held.lock().unwrap().recv().map_err(|error| error.to_string())
        });
        for tools in [tools.clone(), tools.parallel(2)] {
            let error = tools.answer_all(&[call("wait", "{}")], Some(&token)).unwrap_err();
            assert!(matches!(error, Error::Cancelled(_)), "{error}");
        }
        drop(release);
    }
}
