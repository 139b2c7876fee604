//! Runs whose function calls this program answers.

use super::abandon::{self, Abandoned};
use super::handler::Progress;
use crate::openai::wait::Pollable as _;
use crate::call::options::option_setters;
use crate::error::Result;
use crate::openai::{CreateRun, EventHandler, FinishedRun, Run, RunStatus, RunStream, Runs, SortOrder};
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

/// A run whose function calls are answered until it has ended.
///
/// A run that is given up, for whatever reason, is cancelled on the server: nobody would hand in outputs any more. That takes
/// two seconds at most; once the call's token was cancelled it is waited for 5 ms and goes on in the background.
///
/// [`send`](Self::send) waits for the run, [`stream`](Self::stream) streams it. Either way the run is handed out in
/// whatever state it ended; [`FinishedRun::completed`] makes an error of all but success.
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
        let mut create = self.runs.create(self.params.clone());
        create.options = self.options.clone();
        let run = create.send()?;
        let id = run.id.clone();
        let run = self.or_cancel(&id, self.poll_rounds(run))?;
        let mut messages = self
            .runs
            .client
            .messages(&self.runs.thread)
            .list()
            .run_id(&run)
            .order(SortOrder::Asc);
        messages.options = self.options.follow_up();
        let mut steps = self
            .runs
            .client
            .run_steps(&self.runs.thread, &run)
            .list()
            .order(SortOrder::Asc);
        steps.options = self.options.follow_up();
        Ok(FinishedRun {
            messages: messages.limit(100).into_iter().collect::<Result<_>>()?,
            steps: steps.limit(100).into_iter().collect::<Result<_>>()?,
            run,
            secrets: self.runs.client.endpoint.secrets(&self.options),
        })
    }

    /// Answers the calls of a run until it has ended.
    fn poll_rounds(&self, run: Run) -> Result<Run> {
        let mut run = run;
        if !run.is_done() {
            let mut poll = self.runs.poll(&run);
            poll.options = self.options.follow_up();
            run = poll.send()?;
        }
        let mut rounds = 0;
        while run.status == RunStatus::RequiresAction {
            rounds += 1;
            let outputs = self.answer(&run, rounds)?;
            let mut submit = self.runs.submit_tool_outputs_and_poll(&run, outputs);
            submit.options = self.options.follow_up();
            run = submit.send()?;
        }
        Ok(run)
    }

    /// Starts the run, hands its events to `handler` as they arrive, and answers its calls until it has ended.
    ///
    /// A stream that breaks off ends the events of its round, not the run: that is polled, as by
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
        let mut progress = Progress::default();
        // A stream that is given up cancels its run; between two streams `or_cancel` does.
        let mut call = self.runs.stream(self.params.clone()).cancel_run_on_drop(true);
        call.options = self.options.clone();
        let mut finished = read(call.send()?, handler, &mut progress)?;
        let mut rounds = 0;
        while finished.run.status == RunStatus::RequiresAction {
            rounds += 1;
            let stream = self.answer(&finished.run, rounds).and_then(|outputs| {
                let call = self.runs.submit_tool_outputs_stream(&finished.run, outputs);
                let mut call = call.cancel_run_on_drop(true);
                call.options = self.options.follow_up();
                call.send()
            });
            let next = read(self.or_cancel(&finished.run.id, stream)?, handler, &mut progress)?;
            finished.run = next.run;
            for message in next.messages {
                replace_or_push(&mut finished.messages, message, |one| &one.id);
            }
            for step in next.steps {
                replace_or_push(&mut finished.steps, step, |one| &one.id);
            }
        }
        Ok(finished)
    }

    fn answer(&self, run: &Run, rounds: u32) -> Result<Vec<crate::openai::ToolOutput>> {
        let calls = run.tool_calls();
        match self.tools.too_many_rounds(rounds, calls) {
            Some(error) => Err(error),
            None => self.tools.answer_within(calls, &self.options.watch()),
        }
    }

    /// Hands a result on; a failure cancels the run, which would else wait for outputs until it expires.
    fn or_cancel<T>(&self, run: &str, outcome: Result<T>) -> Result<T> {
        outcome.inspect_err(|_| {
            let run = Abandoned::Known {
                thread: self.runs.thread.clone(),
                run: run.to_owned(),
            };
            abandon::cancel(&self.runs.client, &self.options, run);
        })
    }
}

/// Reads one stream of the run to its end.
fn read(mut stream: RunStream, handler: &mut impl EventHandler, progress: &mut Progress) -> Result<FinishedRun> {
    match stream.drive(handler, progress) {
        Err(error) if !stream.can_recover(&error) => Err(error),
        _ => stream.finish(),
    }
}

fn replace_or_push<T>(all: &mut Vec<T>, item: T, id: impl Fn(&T) -> &String) {
    match all.iter_mut().find(|one| id(one) == id(&item)) {
        Some(one) => *one = item,
        None => all.push(item),
    }
}
