//! A fair lock for the database connection: requests before background threads, and requests in their order of arrival.
//!
//! A mutex goes to whichever thread happens to run, so a request could wait behind hundreds of runs. Here it waits for
//! earlier requests, and now and then for one background thread.

use std::cell::Cell;
use std::collections::VecDeque;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

/// How many requests in a row may precede a waiting background thread, so that it is not starved.
const MAX_AHEAD: usize = 8;

thread_local! {
    static IS_BACKGROUND: Cell<bool> = const { Cell::new(false) };
}

/// Marks this thread as a background thread: no client waits for its work, so requests go first.
pub(crate) fn work_in_background() {
    IS_BACKGROUND.set(true);
}

/// A value that one thread at a time can use.
#[derive(Debug)]
pub(crate) struct PriorityLock<T> {
    line: Mutex<Queue>,
    /// Locked only by the thread whose turn it is, so never contended.
    value: Mutex<T>,
}

/// The waiting threads.
#[derive(Debug, Default)]
struct Queue {
    taken: bool,
    requests: VecDeque<Arc<Waiter>>,
    background: VecDeque<Arc<Waiter>>,
    /// How many requests in a row preceded background threads.
    ahead: usize,
}

#[derive(Debug)]
struct Waiter {
    thread: Thread,
    is_next: AtomicBool,
}

/// Exclusive access to the value until it is dropped.
#[derive(Debug)]
pub(crate) struct PriorityGuard<'a, T> {
    value: Option<MutexGuard<'a, T>>,
    line: &'a Mutex<Queue>,
}

impl<T> PriorityLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            line: Mutex::default(),
            value: Mutex::new(value),
        }
    }

    /// Waits until it is this thread's turn.
    pub(crate) fn enter(&self) -> PriorityGuard<'_, T> {
        self.wait();
        // A panic does not make the value invalid: guards inside it have restored it.
        let value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        PriorityGuard {
            value: Some(value),
            line: &self.line,
        }
    }

    fn wait(&self) {
        let mut line = lock(&self.line);
        if !mem::replace(&mut line.taken, true) {
            return;
        }
        let waiter = Arc::new(Waiter {
            thread: thread::current(),
            is_next: AtomicBool::new(false),
        });
        let waiting = if IS_BACKGROUND.get() {
            &mut line.background
        } else {
            &mut line.requests
        };
        waiting.push_back(Arc::clone(&waiter));
        drop(line);
        while !waiter.is_next.load(Ordering::Acquire) {
            thread::park();
        }
    }
}

impl Queue {
    fn next(&mut self) -> Option<Arc<Waiter>> {
        if self.background.is_empty() {
            self.ahead = 0;
        } else if self.ahead >= MAX_AHEAD || self.requests.is_empty() {
            self.ahead = 0;
            return self.background.pop_front();
        } else {
            self.ahead += 1;
        }
        self.requests.pop_front()
    }
}

fn lock(line: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Deref for PriorityGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("the value is there until the turn ends")
    }
}

impl<T> DerefMut for PriorityGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("the value is there until the turn ends")
    }
}

impl<T> Drop for PriorityGuard<'_, T> {
    fn drop(&mut self) {
        drop(self.value.take());
        let mut line = lock(self.line);
        let Some(next) = line.next() else {
            line.taken = false;
            return;
        };
        drop(line);
        next.is_next.store(true, Ordering::Release);
        next.thread.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Enters from a new thread, and returns once that thread waits.
    fn line_up<'a>(
        scope: &'a thread::Scope<'a, '_>,
        priority_lock: &'a PriorityLock<Vec<&'static str>>,
        name: &'static str,
    ) {
        let waiting = || {
            let line = lock(&priority_lock.line);
            line.requests.len() + line.background.len()
        };
        let before = waiting();
        scope.spawn(move || {
            if name.starts_with("run") {
                work_in_background();
            }
            priority_lock.enter().push(name);
        });
        while waiting() == before {
            thread::yield_now();
        }
    }

    #[test]
    fn requests_go_before_background_work_that_waits() {
        let priority_lock = PriorityLock::new(Vec::new());
        thread::scope(|scope| {
            let turn = priority_lock.enter();
            for name in ["run 1", "run 2", "request 1", "run 3", "request 2"] {
                line_up(scope, &priority_lock, name);
            }
            drop(turn);
        });
        let order = priority_lock.enter().clone();
        assert_eq!(order, ["request 1", "request 2", "run 1", "run 2", "run 3"]);
    }

    #[test]
    fn background_work_continues_among_many_requests() {
        let priority_lock = PriorityLock::new(Vec::new());
        thread::scope(|scope| {
            let turn = priority_lock.enter();
            line_up(scope, &priority_lock, "run");
            for _ in 0..2 * MAX_AHEAD {
                line_up(scope, &priority_lock, "request");
            }
            drop(turn);
        });
        let place = priority_lock.enter().iter().position(|name| *name == "run");
        assert_eq!(place, Some(MAX_AHEAD));
    }

    #[test]
    fn a_panic_ends_a_turn() {
        let priority_lock = PriorityLock::new(Vec::new());
        thread::scope(|scope| {
            let panicking = scope.spawn(|| {
                let _turn = priority_lock.enter();
                panic!("this panic is part of the test");
            });
            assert!(panicking.join().is_err());
        });
        priority_lock.enter().push("request");
    }
}
