//! The sessions of a server: at most one per thread, and a bounded number in total.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::broken::Broken;
use super::collector::{Collector, Executed};
use super::session::{GRACE, Session, wait};
use super::settings::CodeInterpreter;
use crate::model::Stop;
use crate::storage::blobs::FileStore;

/// The sessions, in use and idle.
#[derive(Debug)]
pub(crate) struct Sessions {
    settings: CodeInterpreter,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The sessions that are not in use, by thread.
    idle: HashMap<String, Idle>,
    in_use: usize,
    /// Orders the idle sessions by their last use.
    uses: u64,
    /// The runs that wait for a session.
    waiting: Vec<Arc<Stop>>,
    /// The number of processes that are being ended.
    ending: usize,
    closed: bool,
}

#[derive(Debug)]
struct Idle {
    session: Session,
    last_use: u64,
}

impl Sessions {
    pub(crate) fn new(settings: CodeInterpreter) -> Arc<Self> {
        Arc::new(Self {
            settings,
            state: Mutex::default(),
            ended: Condvar::new(),
        })
    }

    /// Returns how long a session is kept without being used.
    pub(crate) fn idle_limit(&self) -> Duration {
        self.settings.idle_limit
    }

    /// Takes the session of a thread, which is started if there is none. Waits while all sessions are in use.
    pub(crate) fn take(self: &Arc<Self>, thread_id: &str, stop: &Arc<Stop>) -> Result<Lease, Broken> {
        // A run ends when it expires, so there is an end to waiting.
        let far = Instant::now() + Duration::from_secs(24 * 60 * 60);
        let session = wait(stop, far, || self.try_take(thread_id, stop))?;
        let mut lease = Lease {
            sessions: Arc::clone(self),
            thread_id: thread_id.to_owned(),
            session,
        };
        if lease.session.is_none() {
            lease.session = Some(Session::start(&self.settings)?);
        }
        Ok(lease)
    }

    /// Takes the session of a thread, or the permission to start one. `None` if all are in use.
    fn try_take(self: &Arc<Self>, thread_id: &str, stop: &Arc<Stop>) -> Option<Result<Option<Session>, Broken>> {
        let mut state = self.lock();
        if state.closed {
            return Some(Err(Broken::Stopped));
        }
        if let Some(idle) = state.idle.remove(thread_id) {
            state.in_use += 1;
            return Some(Ok(Some(idle.session)));
        }
        if state.in_use >= self.settings.max_sessions {
            state.waiting.push(Arc::clone(stop));
            return None;
        }
        if state.in_use + state.idle.len() >= self.settings.max_sessions {
            let oldest = state.idle.iter().min_by_key(|(_, idle)| idle.last_use);
            let oldest = oldest.map(|(thread_id, _)| thread_id.clone());
            let evicted = oldest.and_then(|thread_id| state.idle.remove(&thread_id));
            if let Some(evicted) = evicted {
                log::info!("a session of the code interpreter was ended, because there are too many");
                self.end(&mut state, evicted.session);
            }
        }
        state.in_use += 1;
        Some(Ok(None))
    }

    /// Ends the session of a thread, unless it is in use.
    pub(crate) fn forget(self: &Arc<Self>, thread_id: &str) {
        let mut state = self.lock();
        if let Some(idle) = state.idle.remove(thread_id) {
            self.end(&mut state, idle.session);
        }
    }

    /// Ends a session on a thread of its own, because the process may take a while.
    fn end(self: &Arc<Self>, state: &mut State, mut session: Session) {
        session.close_input();
        state.ending += 1;
        let sessions = Arc::clone(self);
        let end = move || {
            session.end(Instant::now() + GRACE);
            sessions.lock().ending -= 1;
            sessions.ended.notify_all();
        };
        // If there is no thread, dropping the session has closed the input of the process, which makes it end.
        if let Err(error) = thread::Builder::new().name("code-end".to_owned()).spawn(end) {
            log::warn!("a process of the code interpreter was not waited for: {error}");
            state.ending -= 1;
        }
    }

    /// Ends all idle sessions, and starts no more. Those in use end with their runs.
    pub(crate) fn close(self: &Arc<Self>) {
        let mut state = self.lock();
        state.closed = true;
        for (_, idle) in std::mem::take(&mut state.idle) {
            self.end(&mut state, idle.session);
        }
    }

    /// Waits until all processes have ended, at most until `until`.
    pub(crate) fn wait(&self, until: Instant) {
        let left = until.saturating_duration_since(Instant::now());
        let waited = self
            .ended
            .wait_timeout_while(self.lock(), left, |state| state.ending > 0 || state.in_use > 0);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.ending + state.in_use > 0 {
            log::warn!(
                "left {} processes of the code interpreter running",
                state.ending + state.in_use
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session in use. Dropping it ends the session; [`keep`](Self::keep) keeps it for the next execution.
#[derive(Debug)]
pub(crate) struct Lease {
    sessions: Arc<Sessions>,
    thread_id: String,
    session: Option<Session>,
}

impl Lease {
    /// Executes code after these files, by id and name, were sent to the session. `Ok` with `false` if the session is lost.
    ///
    /// # Errors
    ///
    /// If nothing of the execution can be shown: the run has ended, the program cannot be started, or the storage has failed.
    pub(crate) fn execute(
        &mut self,
        code: &str,
        files: &[(String, String)],
        store: &FileStore,
        stop: &Arc<Stop>,
    ) -> Result<(Executed, bool), Broken> {
        let limit = self.sessions.settings.time_limit;
        let Some(session) = &mut self.session else {
            return Err(Broken::Stopped);
        };
        let mut collector = Collector::default();
        let executed = session
            .prepare(files, store, stop, limit)
            .and_then(|()| session.execute(code, &mut collector, store, stop, limit));
        let lost = match executed {
            Ok(()) => None,
            Err(Broken::TimedOut) => Some(format!(
                "The code was ended because it ran for longer than {} seconds. Its variables and files are lost.",
                limit.as_secs()
            )),
            Err(Broken::Ended(fault)) => {
                log::warn!("a session of the code interpreter was lost: {fault}");
                Some("The session has ended unexpectedly. Its variables and files are lost.".to_owned())
            }
            Err(broken) => return Err(broken),
        };
        Ok((collector.finish(lost.as_deref()), lost.is_none()))
    }

    /// Keeps the session. Returns whether it is kept: not if the server is stopping.
    pub(crate) fn keep(mut self) -> bool {
        let sessions = Arc::clone(&self.sessions);
        let mut state = sessions.lock();
        if state.closed {
            drop(state);
            return false;
        }
        let Some(session) = self.session.take() else {
            drop(state);
            return false;
        };
        state.uses += 1;
        let idle = Idle {
            session,
            last_use: state.uses,
        };
        // A run that has ended in between can have left another one.
        let older = state.idle.insert(self.thread_id.clone(), idle);
        if let Some(older) = older {
            sessions.end(&mut state, older.session);
        }
        drop(state);
        true
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.sessions.lock();
        state.in_use -= 1;
        if let Some(session) = self.session.take() {
            self.sessions.end(&mut state, session);
        }
        for stop in std::mem::take(&mut state.waiting) {
            stop.nudge();
        }
        self.sessions.ended.notify_all();
    }
}
