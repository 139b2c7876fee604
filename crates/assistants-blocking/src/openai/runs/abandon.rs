//! Cancelling runs that the client abandons.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::event_reader::EventReader;
use crate::http::incoming::Incoming;
use crate::http::log;
use crate::openai::{Client, Run, RunAccumulator};
use crate::{CancelToken, Error, Options};

/// The limit on the time to cancel a run.
const LIMIT: Duration = Duration::from_secs(2);

/// The part of it that is waited for if the token was cancelled: the caller is promised an end of the wait within 50 ms.
const CANCELLED: Duration = Duration::from_millis(5);

/// A run that is abandoned.
pub(crate) enum Abandoned {
    Known {
        thread: String,
        run: String,
    },
    /// The response in whose first events the run is named.
    Unread(Box<EventReader<Incoming>>),
}

/// Cancels a run on the server, so that nobody pays for it; a failure is logged.
///
/// The request has the headers and options of the call that started the run, but neither its token nor its deadline,
/// which may be why the run is abandoned. It is sent from another thread, and waited for up to two seconds. A cancelled
/// token shortens the wait, not the request.
pub(crate) fn cancel(client: &Client, options: &Options, run: Abandoned) {
    let cancelled = options.cancel.as_ref().is_some_and(CancelToken::is_cancelled);
    let (client, options) = (client.clone(), options.clean_up(LIMIT));
    let (done, wait) = mpsc::channel::<()>();
    let work = move || {
        let _done = done;
        request(&client, options, run);
    };
    if let Err(error) = thread::Builder::new().name("cancel-run".to_owned()).spawn(work) {
        // Not from this thread instead: what was moved into the other one is gone.
        log::warn!("a run could not be cancelled, there is no thread for it: {error}");
        return;
    }
    let limit = if cancelled { CANCELLED } else { LIMIT };
    if wait.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
        log::debug!("a run is being cancelled in the background");
    }
}

fn request(client: &Client, options: Options, run: Abandoned) {
    let (thread, run) = match run {
        Abandoned::Known { thread, run } => (thread, run),
        Abandoned::Unread(mut events) => {
            events.read_on(|body| body.limit(options.watch()));
            match first_run(&mut events) {
                Ok(Some(run)) => (run.thread_id, run.id),
                Ok(None) => return,
                Err(error) => return log::warn!("a run could not be cancelled, its id did not arrive: {error}"),
            }
        }
    };
    match client.runs(&thread).cancel(&run).with_options(options).send() {
        Ok(_) => {}
        // It has already ended.
        Err(error @ Error::Api(_)) if matches!(error.status(), Some(400 | 404)) => {
            log::debug!("run {run}: was not cancelled: {error}");
        }
        // Worth a warning: the run continues, and is billed.
        Err(error) => log::warn!("run {run}: could not be cancelled: {error}"),
    }
}

/// The run that the stream names first; `None` when it ends before.
fn first_run(events: &mut EventReader<Incoming>) -> Result<Option<Run>, Error> {
    let mut snapshots = RunAccumulator::default();
    while snapshots.run().is_none() {
        match events.read(false) {
            Some(Ok(Some(event))) => snapshots.apply(&event),
            Some(Ok(None)) => {}
            Some(Err(error)) => return Err(error),
            None => break,
        }
    }
    Ok(snapshots.finish().run)
}
