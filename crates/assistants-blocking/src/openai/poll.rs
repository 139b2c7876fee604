//! Waiting for a run.

use std::time::{Duration, Instant};

use assistants_types::openai::operations as op;

use super::{Client, Run};
use crate::error::{Error, Result, TimeoutError, TimeoutPhase};
use crate::options::option_setters;
use crate::{Call, CancelToken, Options};

/// How long to wait between two looks at a run when neither caller nor server say.
const INTERVAL: Duration = Duration::from_secs(1);

/// A call that waits until a run has ended or needs tool outputs.
///
/// The run is handed out in whatever state it ended: look at its [`status`](Run::status).
#[must_use = "nothing is polled until `send`"]
#[derive(Debug)]
pub struct PollCall {
    client: Client,
    start: Start,
    pub(crate) options: Options,
    interval: Option<Duration>,
    poll_timeout: Duration,
}

/// Where the waiting starts from.
#[derive(Debug)]
enum Start {
    /// A request that answers with the run.
    After(Box<Call<Run>>),
    /// A run that there is.
    Of { thread: String, run: String },
}

impl PollCall {
    pub(super) fn after(client: &Client, mut call: Call<Run>) -> Self {
        let options = std::mem::take(&mut call.options);
        Self::new(client, Start::After(Box::new(call)), options)
    }

    pub(super) fn of(client: &Client, thread: &str, run: &str) -> Self {
        let start = Start::Of {
            thread: thread.to_owned(),
            run: run.to_owned(),
        };
        Self::new(client, start, client.options.clone())
    }

    fn new(client: &Client, start: Start, options: Options) -> Self {
        Self {
            client: client.clone(),
            start,
            options,
            interval: None,
            poll_timeout: Duration::from_secs(15 * 60),
        }
    }

    option_setters!();

    /// The wait between two looks. Default: what the server's first `openai-poll-after-ms` header says, else 1 second.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// Limits the whole wait. Default: 15 minutes; runs expire on the server after 10.
    pub fn poll_timeout(mut self, limit: Duration) -> Self {
        self.poll_timeout = limit;
        self
    }

    /// Waits, and hands out the run.
    ///
    /// A status newer than this crate counts as "still at work".
    ///
    /// # Errors
    ///
    /// As [`Call::send`]; [`Error::Timeout`] naming the last status when the run is not done in time.
    pub fn send(mut self) -> Result<Run> {
        let started = Instant::now();
        // One deadline for the whole call, not one for each of its requests.
        let deadline = self.options.deadline.take();
        let mut interval = self.interval;
        let mut watched = match self.start {
            Start::Of { thread, run } => (thread, run),
            Start::After(call) => {
                let mut call = *call;
                call.options = self.options.clone();
                call.options.deadline = deadline;
                let run = call.send()?;
                if is_done(&run) {
                    return Ok(run);
                }
                // Only the first request carries what the caller added to the operation.
                self.options.body_fields.clear();
                self.options.query.clear();
                self.options.idempotency_key = None;
                let wait = interval.unwrap_or(INTERVAL.min(Duration::from_millis(100)));
                pause(self.options.cancel.as_ref(), wait, &run.id)?;
                (run.thread_id, run.id)
            }
        };
        loop {
            let mut call = self.client.call::<Run>(op::RETRIEVE_RUN, &[&watched.0, &watched.1]);
            let what = call.request.what();
            call.options = self.options.clone();
            call.options.deadline = deadline.map(|limit| limit.saturating_sub(started.elapsed()));
            let answer = call.send_raw()?;
            let run = answer.parse()?;
            if is_done(&run) {
                return Ok(run);
            }
            let wait = *interval.get_or_insert_with(|| answer.poll_after().unwrap_or(INTERVAL));
            let late = |phase, after| TimeoutError {
                phase,
                after,
                what: format!("{what}: the run is `{}`", run.status),
                request_sent: true,
            };
            let next = started.elapsed().saturating_add(wait);
            if next > self.poll_timeout {
                return Err(late(TimeoutPhase::Poll, self.poll_timeout).into());
            }
            if let Some(limit) = deadline.filter(|limit| next > *limit) {
                return Err(late(TimeoutPhase::Deadline, limit).into());
            }
            pause(self.options.cancel.as_ref(), wait, &what)?;
            watched.1 = run.id;
        }
    }
}

/// Whether waiting longer changes nothing.
fn is_done(run: &Run) -> bool {
    run.status.is_terminal() || run.status == super::RunStatus::RequiresAction
}

/// Waits, or ends with the token.
fn pause(cancel: Option<&CancelToken>, wait: Duration, what: &str) -> Result<()> {
    if cancel.unwrap_or(&CancelToken::new()).sleep(wait) {
        return Err(Error::cancelled(what));
    }
    Ok(())
}
