//! A fair pool of database connections: requests before background threads, and requests in their order of arrival.
//!
//! A mutex goes to whichever thread happens to run, so a request could wait behind hundreds of runs. Here it waits for
//! earlier requests, and now and then for one background thread.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

/// How many requests in a row may precede a waiting background thread, so that it is not starved.
const MAX_AHEAD: usize = 8;

thread_local! {
    static IS_BACKGROUND: Cell<bool> = const { Cell::new(false) };
}

/// Marks this thread as a background thread: no client waits for its work, so requests go first.
pub(crate) fn work_in_background() {
    IS_BACKGROUND.set(true);
}

/// Values of which each is used by one thread at a time.
#[derive(Debug)]
pub(super) struct Pool<T> {
    line: Mutex<Line<T>>,
    /// Notified when a value is returned and nobody may have it.
    returned: Condvar,
    /// The number of values.
    size: usize,
}

/// The values that are not in use, and the waiting threads.
#[derive(Debug)]
struct Line<T> {
    free: Vec<T>,
    requests: VecDeque<Arc<Waiter<T>>>,
    background: VecDeque<Arc<Waiter<T>>>,
    /// How many requests in a row preceded background threads.
    ahead: usize,
    /// Whether nobody gets a value now.
    paused: bool,
}

#[derive(Debug)]
struct Waiter<T> {
    thread: Thread,
    given: Mutex<Option<T>>,
}

/// Exclusive access to a value until it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a, T> {
    value: Option<T>,
    pool: &'a Pool<T>,
}

/// Prevents the use of all values until it is dropped.
#[derive(Debug)]
pub(super) struct Pause<'a, T>(&'a Pool<T>);

impl<T> Pool<T> {
    pub(super) fn new(values: Vec<T>) -> Self {
        let size = values.len();
        let line = Line {
            free: values,
            requests: VecDeque::new(),
            background: VecDeque::new(),
            ahead: 0,
            paused: false,
        };
        Self {
            line: Mutex::new(line),
            returned: Condvar::new(),
            size,
        }
    }

    /// Waits until it is this thread's turn to use a value.
    pub(super) fn enter(&self) -> Turn<'_, T> {
        let mut line = self.line();
        let value = if line.paused { None } else { line.free.pop() };
        let value = value.unwrap_or_else(|| {
            let waiter = Arc::new(Waiter {
                thread: thread::current(),
                given: Mutex::new(None),
            });
            let waiting = if IS_BACKGROUND.get() {
                &mut line.background
            } else {
                &mut line.requests
            };
            waiting.push_back(Arc::clone(&waiter));
            drop(line);
            waiter.wait()
        });
        Turn {
            value: Some(value),
            pool: self,
        }
    }

    /// Waits until no value is in use, at most for `longest`. Until the pause ends, threads wait for their turn.
    pub(super) fn pause(&self, longest: Duration) -> Option<Pause<'_, T>> {
        let mut line = self.line();
        line.paused = true;
        let pause = Pause(self);
        let is_used = |line: &mut Line<T>| line.free.len() < self.size;
        let waited = self.returned.wait_timeout_while(line, longest, is_used);
        let (line, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        // Before the pause is dropped, which locks it as well.
        drop(line);
        (!timeout.timed_out()).then_some(pause)
    }

    /// Whether a request waits for its turn.
    #[cfg(test)]
    pub(super) fn has_request(&self) -> bool {
        !self.line().requests.is_empty()
    }

    fn give_back(&self, value: T) {
        let mut line = self.line();
        match line.next() {
            Some(next) => {
                drop(line);
                next.give(value);
            }
            None => {
                line.free.push(value);
                drop(line);
                self.returned.notify_all();
            }
        }
    }

    fn line(&self) -> MutexGuard<'_, Line<T>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Line<T> {
    fn next(&mut self) -> Option<Arc<Waiter<T>>> {
        if self.paused {
            return None;
        }
        if self.is_request_next() {
            self.ahead = if self.background.is_empty() { 0 } else { self.ahead + 1 };
            self.requests.pop_front()
        } else {
            self.ahead = 0;
            self.background.pop_front()
        }
    }

    fn is_request_next(&self) -> bool {
        !self.paused && !self.requests.is_empty() && (self.background.is_empty() || self.ahead < MAX_AHEAD)
    }
}

impl<T> Waiter<T> {
    fn give(&self, value: T) {
        *self.given() = Some(value);
        self.thread.unpark();
    }

    fn wait(&self) -> T {
        loop {
            if let Some(value) = self.given().take() {
                return value;
            }
            thread::park();
        }
    }

    fn given(&self) -> MutexGuard<'_, Option<T>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Turn<'_, T> {
    /// Whether a request gets the value when this turn ends.
    pub(super) fn is_request_next(&self) -> bool {
        self.pool.line().is_request_next()
    }
}

impl<T> Deref for Turn<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("the value is there until the turn ends")
    }
}

impl<T> DerefMut for Turn<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("the value is there until the turn ends")
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            self.pool.give_back(value);
        }
    }
}

impl<T> Drop for Pause<'_, T> {
    fn drop(&mut self) {
        let mut line = self.0.line();
        line.paused = false;
        let mut given = Vec::new();
        while !line.free.is_empty()
            && let Some(next) = line.next()
        {
            given.extend(line.free.pop().map(|value| (next, value)));
        }
        drop(line);
        for (next, value) in given {
            next.give(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting<T>(pool: &Pool<T>) -> usize {
        let line = pool.line();
        line.requests.len() + line.background.len()
    }

    /// Enters from a new thread, and returns once that thread waits.
    fn line_up<'a>(scope: &'a thread::Scope<'a, '_>, pool: &'a Pool<Vec<&'static str>>, name: &'static str) {
        let before = waiting(pool);
        scope.spawn(move || {
            if name.starts_with("run") {
                work_in_background();
            }
            pool.enter().push(name);
        });
        while waiting(pool) == before {
            thread::yield_now();
        }
    }

    #[test]
    fn requests_go_before_background_work_that_waits() {
        let pool = Pool::new(vec![Vec::new()]);
        thread::scope(|scope| {
            let turn = pool.enter();
            assert!(!turn.is_request_next());
            for name in ["run 1", "run 2", "request 1", "run 3", "request 2"] {
                line_up(scope, &pool, name);
            }
            assert!(turn.is_request_next());
            drop(turn);
        });
        let order = pool.enter().clone();
        assert_eq!(order, ["request 1", "request 2", "run 1", "run 2", "run 3"]);
    }

    #[test]
    fn background_work_continues_among_many_requests() {
        let pool = Pool::new(vec![Vec::new()]);
        thread::scope(|scope| {
            let turn = pool.enter();
            line_up(scope, &pool, "run");
            for _ in 0..2 * MAX_AHEAD {
                line_up(scope, &pool, "request");
            }
            drop(turn);
        });
        let place = pool.enter().iter().position(|name| *name == "run");
        assert_eq!(place, Some(MAX_AHEAD));
    }

    #[test]
    fn a_panic_ends_a_turn() {
        let pool = Pool::new(vec![Vec::new()]);
        thread::scope(|scope| {
            let panicking = scope.spawn(|| {
                let _turn = pool.enter();
                panic!("this panic is part of the test");
            });
            assert!(panicking.join().is_err());
        });
        pool.enter().push("request");
    }

    #[test]
    fn as_many_threads_as_there_are_values_have_a_turn_at_once() {
        let pool = Pool::new(vec![Vec::new(), Vec::new()]);
        thread::scope(|scope| {
            let (first, second) = (pool.enter(), pool.enter());
            line_up(scope, &pool, "request");
            drop(second);
            while waiting(&pool) > 0 {
                thread::yield_now();
            }
            drop(first);
        });
        let (first, second) = (pool.enter(), pool.enter());
        assert_eq!(first.len() + second.len(), 1);
    }

    #[test]
    fn nobody_has_a_turn_during_a_pause() {
        let pool = Pool::new(vec![Vec::new(), Vec::new()]);
        let turn = pool.enter();
        assert!(pool.pause(Duration::ZERO).is_none());
        drop(pool.enter());
        drop(turn);
        thread::scope(|scope| {
            let pause = pool.pause(Duration::ZERO).unwrap();
            line_up(scope, &pool, "request 1");
            line_up(scope, &pool, "request 2");
            assert_eq!(waiting(&pool), 2);
            drop(pause);
        });
        let (first, second) = (pool.enter(), pool.enter());
        assert_eq!(first.len() + second.len(), 2);
    }
}
