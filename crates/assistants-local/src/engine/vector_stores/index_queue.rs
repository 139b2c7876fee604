//! Tracks which files are being indexed and which runs wait for them.

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::Stop;
use crate::storage::Document;

/// The state shared by the threads.
#[derive(Debug, Default)]
pub(crate) struct IndexQueue {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// There may be work.
    work: bool,
    closed: bool,
    /// The files that are being indexed.
    claimed: HashSet<String>,
    /// The runs that wait for files of vector stores. These files are indexed first.
    waiting: Vec<WaitingRun>,
    /// The number of runs that have started to wait so far.
    pub(super) waited: u64,
}

#[derive(Debug)]
struct WaitingRun {
    number: u64,
    store_ids: Vec<String>,
    stop: Arc<Stop>,
}

impl IndexQueue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports that there may be work.
    pub(crate) fn notify(&self) {
        self.lock().work = true;
        self.wake.notify_one();
    }

    /// Ends the threads after their current file.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_all();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Waits until there may be work, or for at most `most`. Returns `false` once closed.
    pub(crate) fn wait(&self, most: Option<Duration>) -> bool {
        let idle = |state: &mut State| !state.work && !state.closed;
        let state = self.lock();
        let mut state = match most {
            None => self
                .wake
                .wait_while(state, idle)
                .unwrap_or_else(PoisonError::into_inner),
            Some(most) => {
                let waited = self.wake.wait_timeout_while(state, most, idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.work = false;
        !state.closed
    }

    /// How many runs have begun to wait so far.
    pub(crate) fn waited(&self) -> u64 {
        self.lock().waited
    }

    /// Reserves a file for the caller until the claim is dropped; `None` if it is reserved already.
    pub(crate) fn claim(&self, file: &Document) -> Option<Claim<'_>> {
        let claimed = self.lock().claimed.insert(file.id.clone());
        claimed.then(|| Claim {
            indexing: self,
            key: file.id.clone(),
            store_id: file.parent.clone(),
        })
    }

    /// Returns the number of runs that have started to wait so far, and a function that tells whether a run waits for a
    /// file.
    pub(crate) fn prioritized(&self) -> (u64, impl Fn(&Document) -> bool + use<>) {
        let state = self.lock();
        let stores: HashSet<String> = state.waiting.iter().flat_map(|run| run.store_ids.clone()).collect();
        let is_prioritized = move |file: &Document| file.parent.as_ref().is_some_and(|store| stores.contains(store));
        (state.waited, is_prioritized)
    }

    pub(crate) fn begin_waiting(&self, store_ids: Vec<String>, stop: &Arc<Stop>) -> WaitGuard<'_> {
        let mut state = self.lock();
        state.waited += 1;
        let number = state.waited;
        state.waiting.push(WaitingRun {
            number,
            store_ids,
            stop: Arc::clone(stop),
        });
        WaitGuard { indexing: self, number }
    }
}

/// A reserved file. Dropping it wakes the runs that wait for files of its vector store.
pub(crate) struct Claim<'i> {
    indexing: &'i IndexQueue,
    pub(super) key: String,
    store_id: Option<String>,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut state = self.indexing.lock();
        state.claimed.remove(&self.key);
        let waiting = state.waiting.iter();
        let woken = waiting.filter(|run| {
            self.store_id
                .as_ref()
                .is_some_and(|store| run.store_ids.contains(store))
        });
        woken.for_each(|run| run.stop.nudge());
    }
}

/// A run that waits for files, until it is dropped.
pub(crate) struct WaitGuard<'i> {
    indexing: &'i IndexQueue,
    number: u64,
}

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        self.indexing.lock().waiting.retain(|run| run.number != self.number);
    }
}
