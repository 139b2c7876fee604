//! The outcome of a run.

use crate::Options;
use crate::auth::secrets::Secrets;
use crate::error::{Error, Result};
use crate::openai::{Client, Message, Run, RunStatus, RunStep, SortOrder, Usage};

/// A run that has ended, or waits for tool outputs, with its messages and steps.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FinishedRun {
    /// The run in its last state.
    pub run: Run,
    /// The messages it wrote, oldest first.
    pub messages: Vec<Message>,
    /// The steps it took, oldest first.
    pub steps: Vec<RunStep>,
    /// Secrets that an error with the run must not show.
    pub(crate) secrets: Secrets,
}

impl PartialEq for FinishedRun {
    fn eq(&self, other: &Self) -> bool {
        self.run == other.run && self.messages == other.messages && self.steps == other.steps
    }
}

impl FinishedRun {
    /// Reads the messages and steps of a run that has ended, in a call with these options.
    pub(super) fn of(client: &Client, options: &Options, thread: &str, run: Run) -> Result<Self> {
        let client = Client {
            options: options.follow_up(),
            ..client.clone()
        };
        let messages = client.messages(thread).list().run_id(&run);
        let messages = messages.order(SortOrder::Asc).limit(100);
        let steps = client.run_steps(thread, &run).list();
        let steps = steps.order(SortOrder::Asc).limit(100);
        Ok(Self {
            messages: messages.into_iter().collect::<Result<_>>()?,
            steps: steps.into_iter().collect::<Result<_>>()?,
            run,
            secrets: client.endpoint.secrets(options),
        })
    }

    /// The run after another round of function calls; a message or step that was continued is replaced.
    pub(super) fn continued_by(mut self, next: Self) -> Self {
        for message in next.messages {
            replace_or_push(&mut self.messages, message, |one| &one.id);
        }
        for step in next.steps {
            replace_or_push(&mut self.steps, step, |one| &one.id);
        }
        Self { run: next.run, ..self }
    }

    /// The text of all messages that the run wrote.
    #[must_use]
    pub fn text(&self) -> String {
        self.messages.iter().flat_map(Message::texts).collect()
    }

    /// The tokens that the run used: those that it reports, otherwise the sum over its steps; `None` if neither reports any.
    ///
    /// Lists can be summed too:
    ///
    /// ```
    /// use assistants_blocking::openai::{Client, CreateAssistant, CreateMessage, CreateRun, CreateThread, Usage};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(CreateAssistant::new("scripted")).send()?;
    /// # let thread = CreateThread::default().message(CreateMessage::user("Hello"));
    /// # let thread = client.threads().create(thread).send()?;
    /// let first = client.runs(&thread).stream(CreateRun::new(&assistant)).send()?.finish()?;
    /// let second = client.runs(&thread).stream(CreateRun::new(&assistant)).send()?.finish()?;
    /// let both: Usage = client.runs(&thread).list().into_iter().sum::<Result<_, _>>()?;
    /// # let total = |usage: Option<Usage>| usage.map_or(0, |usage| usage.total_tokens);
    /// # assert!(total(first.usage()) > 0);
    /// # assert_eq!(both.total_tokens, total(first.usage()) + total(second.usage()));
    /// # let mut silent = first.clone();
    /// # silent.run.usage = None;
    /// # assert_eq!(silent.usage(), first.usage());
    /// # silent.steps.clear();
    /// # assert_eq!(silent.usage(), None);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        let summed = || {
            let reported = self.steps.iter().any(|step| step.usage.is_some());
            reported.then(|| self.steps.iter().sum())
        };
        self.run.usage.clone().or_else(summed)
    }

    /// The run as a result: an error unless it completed.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = client.assistants().create(assistants_blocking::openai::CreateAssistant::new("scripted")).send()?;
    /// # let thread = assistants_blocking::openai::CreateThread::default();
    /// # let thread = thread.message(assistants_blocking::openai::CreateMessage::user("Hello"));
    /// # let thread = client.threads().create(thread).send()?;
    /// # let run = assistants_blocking::openai::CreateRun::new(&assistant);
    /// use assistants_blocking::Error;
    ///
    /// match client.runs(&thread).stream(run).send()?.finish()?.completed() {
    ///     Ok(finished) => println!("{}", finished.text()),
    ///     Err(Error::RunFailed(run)) => println!("{}: {:?}", run.status, run.last_error),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::RunFailed`] with the run.
    #[doc(alias = "succeeded")]
    pub fn completed(self) -> Result<Self> {
        if self.run.status == RunStatus::Completed {
            Ok(self)
        } else {
            Err(Error::RunFailed(Box::new(self.run)).redact(&self.secrets))
        }
    }
}

fn replace_or_push<T>(all: &mut Vec<T>, item: T, id: impl Fn(&T) -> &String) {
    match all.iter_mut().find(|one| id(one) == id(&item)) {
        Some(one) => *one = item,
        None => all.push(item),
    }
}
