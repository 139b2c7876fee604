//! When runs expire: one thread that sleeps until the next deadline.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The deadlines of all runs that are not over.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    by_run: HashMap<String, Instant>,
    by_time: BTreeSet<(Instant, String)>,
    closed: bool,
}

impl Deadlines {
    /// Sets the deadline of a run that has none yet.
    fn set(&self, run_id: &str, deadline: Instant) {
        let mut state = self.lock();
        if state.by_run.contains_key(run_id) {
            return;
        }
        state.by_run.insert(run_id.to_owned(), deadline);
        state.by_time.insert((deadline, run_id.to_owned()));
        self.changed.notify_all();
    }

    /// As [`set`](Self::set), so long from now. What the clock cannot express never comes.
    pub(super) fn set_after(&self, run_id: &str, time: Duration) {
        if let Some(deadline) = Instant::now().checked_add(time) {
            self.set(run_id, deadline);
        }
    }

    /// Drops the deadline of a run that is over.
    pub(super) fn remove(&self, run_id: &str) {
        let mut state = self.lock();
        if let Some(old) = state.by_run.remove(run_id) {
            state.by_time.remove(&(old, run_id.to_owned()));
        }
    }

    /// Ends [`watch`](Self::watch).
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Calls `due` with each run whose deadline has passed, until it is closed.
    pub(super) fn watch(&self, due: impl Fn(&str)) {
        let mut state = self.lock();
        while !state.closed {
            let now = Instant::now();
            let Some((deadline, _)) = state.by_time.first() else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            if let Some(left) = deadline.checked_duration_since(now).filter(|left| !left.is_zero()) {
                state = self
                    .changed
                    .wait_timeout(state, left)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
                continue;
            }
            if let Some((_, run_id)) = state.by_time.pop_first() {
                state.by_run.remove(&run_id);
                drop(state);
                due(&run_id);
                state = self.lock();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_runs_in_the_order_of_their_deadlines() {
        let deadlines = Deadlines::default();
        let now = Instant::now();
        deadlines.set("late", now + Duration::from_millis(2));
        deadlines.set("early", now);
        deadlines.set("kept", now + Duration::from_millis(1));
        deadlines.set("kept", now + Duration::from_secs(3600));
        deadlines.set("removed", now);
        deadlines.set("never", now + Duration::from_secs(3600));
        deadlines.remove("removed");
        let called = Mutex::new(Vec::new());
        deadlines.watch(|run_id| {
            called.lock().unwrap().push(run_id.to_owned());
            if run_id == "late" {
                deadlines.close();
            }
        });
        assert_eq!(called.into_inner().unwrap(), ["early", "kept", "late"]);
    }
}
