//! Tasks with a deadline, executed by one thread that sleeps until the next is due.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A task that is due at some time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum DueTask {
    /// Expires the run with this id.
    Expiry(String),
    /// Retries to store the end of the run with this id.
    End(String),
    /// Stops the chat completion with this id, which has reached its time limit.
    Chat(String),
    /// Ends the session of the thread with this id, in which no code was executed for a while.
    CodeSession(String),
    /// Retries to start threads.
    Threads,
}

/// A set of tasks, each with a deadline.
#[derive(Debug)]
pub(super) struct Deadlines<K> {
    state: Mutex<State<K>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<K> {
    by_key: HashMap<K, Instant>,
    by_time: BTreeSet<(Instant, K)>,
    closed: bool,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                by_key: HashMap::new(),
                by_time: BTreeSet::new(),
                closed: false,
            }),
            changed: Condvar::new(),
        }
    }
}

impl<K: Clone + Ord + Hash> Deadlines<K> {
    /// Sets the deadline of a task, unless it has one.
    fn set(&self, key: K, deadline: Instant) {
        let mut state = self.lock();
        if state.by_key.contains_key(&key) {
            return;
        }
        state.by_key.insert(key.clone(), deadline);
        state.by_time.insert((deadline, key));
        self.changed.notify_all();
    }

    /// Like [`set`](Self::set), with a deadline relative to now. A deadline that `Instant` cannot represent is never
    /// due.
    pub(super) fn set_after(&self, key: K, time: Duration) {
        if let Some(deadline) = Instant::now().checked_add(time) {
            self.set(key, deadline);
        }
    }

    /// Removes a task.
    pub(super) fn remove(&self, key: K) {
        let mut state = self.lock();
        if let Some(old) = state.by_key.remove(&key) {
            state.by_time.remove(&(old, key));
        }
    }

    /// Ends [`watch`](Self::watch).
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Calls `due` for each task when its deadline has passed, until `close` is called.
    pub(super) fn watch(&self, due: impl Fn(K)) {
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
            if let Some((_, key)) = state.by_time.pop_first() {
                state.by_key.remove(&key);
                drop(state);
                due(key);
                state = self.lock();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_tasks_run_in_the_order_of_their_deadlines() {
        let deadlines = Deadlines::<&str>::default();
        let now = Instant::now();
        deadlines.set("late", now + Duration::from_millis(2));
        deadlines.set("early", now);
        deadlines.set("kept", now + Duration::from_millis(1));
        deadlines.set("kept", now + Duration::from_secs(3600));
        deadlines.set("removed", now);
        deadlines.set("never", now + Duration::from_secs(3600));
        deadlines.remove("removed");
        let called = Mutex::new(Vec::new());
        deadlines.watch(|key| {
            called.lock().unwrap().push(key);
            if key == "late" {
                deadlines.close();
            }
        });
        assert_eq!(called.into_inner().unwrap(), ["early", "kept", "late"]);
    }
}
