//! Runs whose function calls are answered by functions of this program.

use super::abandon::{self, Abandoned};
use super::handler::Progress;
use crate::call::options::option_setters;
use crate::error::Result;
use crate::openai::wait::Pollable as _;
use crate::openai::{CreateRun, EventHandler, FinishedRun, Run, RunStatus, RunStream, Runs, ToolCall, ToolOutput};
use crate::tool_rounds::{Round, ToolRounds};
use crate::{Options, Tools};

impl Runs {
    /// Starts a run and answers its function calls with `tools` until it has ended.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # use assistants_blocking::openai::{CreateAssistant, CreateMessage, CreateThread, Tool};
    /// # let tool = Tool::function("now", serde_json::json!({"type": "object"}));
    /// # let assistant = client.assistants().create(CreateAssistant::new("scripted").tool(tool)).send()?;
    /// # let thread = CreateThread::default().message(CreateMessage::user("call now {}"));
    /// # let thread = client.threads().create(thread).send()?;
    /// use assistants_blocking::Tools;
    /// use assistants_blocking::openai::CreateRun;
    /// use serde_json::{Value, json};
    ///
    /// let tools = Tools::new().function("now", json!({"type": "object"}), |_: Value| Ok::<_, String>("noon"));
    /// let run = client.runs(&thread).run_with_tools(CreateRun::new(&assistant), &tools);
    /// let finished = run.send()?.completed()?;
    /// assert_eq!(finished.text(), "now returned noon");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_with_tools(&self, params: CreateRun, tools: &Tools) -> ToolRunCall {
        ToolRunCall::new(self, params, tools)
    }
}

/// A run whose function calls are answered until it has ended. From [`Runs::run_with_tools`].
///
/// If the call fails, for whatever reason, it cancels the run on the server, because nobody would submit its outputs.
/// That takes two seconds at most; once the token of the call was cancelled, the call waits for it for 5 ms, and it continues
/// in the background.
///
/// [`send`](Self::send) polls the run, [`stream`](Self::stream) streams it. Both return the run in whatever state it
/// ended; [`FinishedRun::completed`] turns all states but success into an error.
#[must_use = "nothing runs until `send` or `stream`"]
#[derive(Debug)]
pub struct ToolRunCall {
    runs: Runs,
    params: CreateRun,
    tools: Tools,
    options: Options,
}

impl ToolRunCall {
    pub(crate) fn new(runs: &Runs, params: CreateRun, tools: &Tools) -> Self {
        Self {
            runs: runs.clone(),
            params,
            tools: tools.clone(),
            options: runs.client.options.clone(),
        }
    }

    option_setters!();

    /// Starts the run, polls it, and answers its calls until it has ended.
    ///
    /// # Errors
    ///
    /// As [`PollCall::send`](crate::openai::PollCall::send); [`Error::Tool`](crate::Error::Tool) when a function fails and
    /// failures are to stop the run, or the rounds are used up.
    pub fn send(mut self) -> Result<FinishedRun> {
        self.options.begin();
        let create = self.runs.create(self.params.clone());
        let run = create.with_options(self.options.clone()).send()?;
        let id = run.id.clone();
        let mut rounds = PolledRounds { call: &self, run };
        let outcome = self.tools.answer_rounds(&mut rounds, &self.options.watch());
        let run = outcome.inspect_err(|_| self.cancel(&id))?;
        FinishedRun::of(&self.runs.client, &self.options, &self.runs.thread, run)
    }

    /// Starts the run, passes its events to `handler` as they arrive, and answers its calls until it has ended.
    ///
    /// A stream that breaks off ends the events of its round, not the run, which is then polled, as by
    /// [`RunStream::finish`].
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// # let thread = assistants_blocking::openai::CreateThread::default();
    /// # let thread = thread.message(assistants_blocking::openai::CreateMessage::user("Hello"));
    /// # let thread = client.threads().create(thread).send()?;
    /// # let run = assistants_blocking::openai::CreateRun::new(&assistant);
    /// use assistants_blocking::Tools;
    /// use assistants_blocking::openai::StreamEvent;
    ///
    /// let mut show = |event: &StreamEvent| {
    ///     if let StreamEvent::MessageDelta(delta) = event {
    ///         print!("{}", delta.text());
    ///     }
    /// };
    /// let finished = client.runs(&thread).run_with_tools(run, &Tools::new()).stream(&mut show)?;
    /// assert_eq!(finished.text(), "Hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and those of a stream that cannot be made up for by polling.
    pub fn stream(mut self, handler: &mut impl EventHandler) -> Result<FinishedRun> {
        self.options.begin();
        let outcome = self.stream_rounds(handler);
        handler.on_end();
        outcome
    }

    fn stream_rounds(&self, handler: &mut impl EventHandler) -> Result<FinishedRun> {
        let call = self.runs.stream(self.params.clone()).cancel_run_on_drop(true);
        let mut rounds = StreamedRounds {
            call: self,
            handler,
            progress: Progress::default(),
            stream: call.with_options(self.options.clone()).send()?,
            waiting: None,
        };
        let outcome = self.tools.answer_rounds(&mut rounds, &self.options.watch());
        outcome.inspect_err(|_| {
            // While a stream is read, it cancels its run itself.
            if let Some(waiting) = &rounds.waiting {
                self.cancel(&waiting.run.id);
            }
        })
    }

    /// Cancels a run, which would otherwise wait for outputs until it expires.
    fn cancel(&self, run: &str) {
        let run = Abandoned::Known {
            thread: self.runs.thread.clone(),
            run: run.to_owned(),
        };
        abandon::cancel(&self.runs.client, &self.options, run);
    }
}

/// The rounds of a run that is polled.
struct PolledRounds<'c> {
    call: &'c ToolRunCall,
    /// The run as it was seen last.
    run: Run,
}

impl ToolRounds for PolledRounds<'_> {
    type End = Run;

    fn wait(&mut self) -> Result<Round<Run>> {
        let Self { call, run } = self;
        if !run.is_done() {
            let poll = call.runs.poll(&*run);
            *run = poll.with_options(call.options.follow_up()).send()?;
        }
        Ok(match calls(run) {
            Some(calls) => Round::Calls(calls),
            None => Round::End(run.clone()),
        })
    }

    fn submit(&mut self, _: &[ToolCall], outputs: Vec<ToolOutput>) -> Result<()> {
        let Self { call, run } = self;
        let submit = call.runs.submit_tool_outputs_and_poll(&*run, outputs);
        *run = submit.with_options(call.options.follow_up()).send()?;
        Ok(())
    }
}

/// The rounds of a run that is streamed: each has a stream of its own.
struct StreamedRounds<'c, H> {
    call: &'c ToolRunCall,
    handler: &'c mut H,
    progress: Progress,
    stream: RunStream,
    /// The run, between two streams.
    waiting: Option<FinishedRun>,
}

impl<H: EventHandler> ToolRounds for StreamedRounds<'_, H> {
    type End = FinishedRun;

    fn wait(&mut self) -> Result<Round<FinishedRun>> {
        let earlier = self.waiting.take();
        let mut finished = self.stream.read_to_end_with(self.handler, &mut self.progress)?;
        if let Some(earlier) = earlier {
            finished = earlier.continued_by(finished);
        }
        Ok(match calls(&finished.run) {
            Some(calls) => {
                self.waiting = Some(finished);
                Round::Calls(calls)
            }
            None => Round::End(finished),
        })
    }

    fn submit(&mut self, _: &[ToolCall], outputs: Vec<ToolOutput>) -> Result<()> {
        let Self { call, waiting, .. } = self;
        let waiting = waiting.as_ref().expect("calls are those of a run that waits");
        let submit = call.runs.submit_tool_outputs_stream(&waiting.run, outputs);
        let submit = submit.cancel_run_on_drop(true).with_options(call.options.follow_up());
        self.stream = submit.send()?;
        Ok(())
    }
}

/// The calls that the run waits for; `None` when it has ended.
fn calls(run: &Run) -> Option<Vec<ToolCall>> {
    (run.status == RunStatus::RequiresAction).then(|| run.tool_calls().to_vec())
}
