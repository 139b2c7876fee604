//! Waiting for a run.

use std::time::Duration;

use crate::call::options::{Options, option_setters};
use crate::call::wait::{Polled, Wait};
use crate::error::Result;
use crate::yandex::{IdOf, Run, RunResult, Runs};

impl Runs {
    /// Waits until a run has ended or needs tool results.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateAssistant::new(client.folder_id(), "yandexgpt");
    /// # let assistant = client.assistants().create(params).send()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// # let run = client.assistants().run(&assistant, &thread).send()?;
    /// use std::time::Duration;
    ///
    /// let result = client.runs().wait(&run).poll_timeout(Duration::from_secs(60)).send()?.succeeded()?;
    /// println!("{:?}, {:?}", result.text(), result.usage().map(|usage| usage.total_tokens));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait(&self, run: impl IdOf<Run>) -> WaitCall {
        WaitCall::new(self, run.as_id())
    }
}

/// A call that waits for a run. From [`Runs::wait`].
#[must_use = "nothing is polled until `send`"]
#[derive(Debug)]
pub struct WaitCall {
    runs: Runs,
    run: String,
    options: Options,
    poll_interval: Option<Duration>,
    poll_timeout: Duration,
}

impl WaitCall {
    pub(crate) fn new(runs: &Runs, run: &str) -> Self {
        Self {
            runs: runs.clone(),
            run: run.to_owned(),
            options: runs.client.options.clone(),
            poll_interval: None,
            poll_timeout: Duration::from_secs(300),
        }
    }

    /// The same call with these options in place of its own.
    pub(crate) fn with_options(self, options: Options) -> Self {
        Self { options, ..self }
    }

    option_setters!();

    /// The wait between two polls. Default: 50 ms at first, growing to 1 second.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = Some(interval);
        self
    }

    /// Limits the whole wait; the last poll is made when the limit is reached. Default: 300 seconds.
    pub fn poll_timeout(mut self, limit: Duration) -> Self {
        self.poll_timeout = limit;
        self
    }

    /// Waits until the run has ended or needs tool results, and returns its result.
    ///
    /// A status newer than this crate counts as still running.
    ///
    /// # Errors
    ///
    /// As [`Call::send`](crate::Call::send); [`Error::Timeout`](crate::Error::Timeout) naming the last status when the run is not done in time,
    /// [`Error::Decode`](crate::Error::Decode) when the server responds with another run.
    pub fn send(mut self) -> Result<RunResult> {
        self.options.begin();
        Wait::new(&self.options, self.poll_interval, self.poll_timeout).until(|| {
            let call = self.runs.get(&self.run);
            let response = call.with_options(self.options.clone()).send_raw()?;
            let run = response.parse()?;
            response.check_id(&self.run, &run.id)?;
            let status = run.status();
            if status.is_succeeded() || status.is_failed() {
                let mut result = RunResult::from(run);
                result.attach_secrets(response.secrets());
                return Ok(Polled::Done(result));
            }
            Ok(Polled::running(&response, &format!("run {} is `{status}`", self.run)))
        })
    }
}
