//! A bounded pool of threads, with a queue of jobs.
//!
//! Threads are started on demand, and end when they have been idle for a while. A job is not lost if its thread cannot
//! be started: it waits for one of the other threads, or for [`Workers::start_missing`].

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::storage::work_in_background;

/// How long an idle thread waits for a job before it ends.
const IDLE: Duration = Duration::from_secs(10);

pub(super) type Job = Box<dyn FnOnce() + Send>;

/// Starts a thread with this name.
type Start = fn(&'static str, Job) -> io::Result<()>;

/// The threads and the queue.
pub(super) struct Workers {
    name: &'static str,
    /// The maximum number of threads.
    most: usize,
    start: Start,
    state: Mutex<State>,
    /// Signalled when there is a job for an idle thread, or the pool is closed.
    work: Condvar,
    thread_ended: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: usize,
    /// The number of threads without a job.
    idle: usize,
    closed: bool,
}

/// The result of submitting a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Submitted {
    /// A thread executes the job, or will when one is free.
    Queued,
    /// The job is queued, but a thread for it could not be started. [`Workers::start_missing`] tries again.
    NoThread,
    /// The pool is closed, and the job was dropped.
    Closed,
}

impl fmt::Debug for Workers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        formatter
            .debug_struct("Workers")
            .field("name", &self.name)
            .field("most", &self.most)
            .field("threads", &state.threads)
            .field("queued", &state.queue.len())
            .finish_non_exhaustive()
    }
}

impl Workers {
    /// Creates a pool of at most `most` threads with this name.
    pub(super) fn new(name: &'static str, most: usize) -> Arc<Self> {
        Self::started_by(name, most, |name, body| {
            thread::Builder::new().name(name.to_owned()).spawn(body).map(drop)
        })
    }

    fn started_by(name: &'static str, most: usize, start: Start) -> Arc<Self> {
        Arc::new(Self {
            name,
            most: most.max(1),
            start,
            state: Mutex::default(),
            work: Condvar::new(),
            thread_ended: Condvar::new(),
        })
    }

    /// Queues a job. Jobs start in the order in which they were queued.
    pub(super) fn submit(self: &Arc<Self>, job: Job) -> Submitted {
        let mut state = self.lock();
        if state.closed {
            return Submitted::Closed;
        }
        state.queue.push_back(job);
        self.start_for(&mut state)
    }

    /// Starts threads for waiting jobs, up to the limit.
    pub(super) fn start_missing(self: &Arc<Self>) -> Submitted {
        self.start_for(&mut self.lock())
    }

    fn start_for(self: &Arc<Self>, state: &mut State) -> Submitted {
        self.work.notify_one();
        while !state.closed && state.queue.len() > state.idle && state.threads < self.most {
            let workers = Arc::clone(self);
            if let Err(error) = (self.start)(self.name, Box::new(move || workers.work())) {
                let (threads, name) = (state.threads, self.name);
                log::warn!("could not start another thread '{name}' ({threads} are running): {error}");
                return Submitted::NoThread;
            }
            state.threads += 1;
        }
        Submitted::Queued
    }

    /// Drops the queued jobs, and lets threads end after their current job.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let dropped = std::mem::take(&mut state.queue);
        drop(state);
        drop(dropped);
        self.work.notify_all();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Waits until all threads have ended, but not beyond `until`. Returns the number of threads that are left.
    pub(crate) fn wait(&self, until: Instant) -> usize {
        let mut state = self.lock();
        while state.threads > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.thread_ended.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.threads
    }

    fn work(&self) {
        work_in_background();
        let mut state = self.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                drop(state);
                // A panic must not skip the update of the number of threads, or stopping would wait for this one.
                if catch_unwind(AssertUnwindSafe(job)).is_err() {
                    log::error!("a job of '{}' panicked", self.name);
                }
                state = self.lock();
                continue;
            }
            if state.closed {
                break;
            }
            state.idle += 1;
            let (woken, waited) = self
                .work
                .wait_timeout(state, IDLE)
                .unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if waited.timed_out() && state.queue.is_empty() {
                break;
            }
        }
        state.threads -= 1;
        self.thread_ended.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::channel;

    fn far() -> Instant {
        Instant::now() + Duration::from_secs(3600)
    }

    #[test]
    fn no_more_jobs_run_at_a_time_than_allowed_and_all_run_in_order() {
        let workers = Workers::new("test", 2);
        let (begun, seen) = channel();
        let go = Arc::new(Mutex::new(()));
        let held = go.lock().unwrap();
        for number in 0..20 {
            let (begun, go) = (begun.clone(), Arc::clone(&go));
            let job = move || {
                begun.send(number).unwrap();
                drop(go.lock());
            };
            assert_eq!(workers.submit(Box::new(job)), Submitted::Queued);
        }
        let mut first = [seen.recv().unwrap(), seen.recv().unwrap()];
        first.sort_unstable();
        assert_eq!(first, [0, 1]);
        // The two jobs hold both threads, so no other can have started.
        let state = workers.lock();
        assert_eq!((state.threads, state.queue.len()), (2, 18));
        drop(state);
        drop(held);
        let mut rest: Vec<i32> = seen.iter().take(18).collect();
        rest.sort_unstable();
        assert_eq!(rest, (2..20).collect::<Vec<_>>());
        workers.close();
        assert_eq!(workers.wait(far()), 0);
        assert_eq!(workers.submit(Box::new(|| {})), Submitted::Closed);
    }

    #[test]
    fn a_job_waits_when_no_thread_can_be_started() {
        static MAY_START: AtomicBool = AtomicBool::new(false);
        let workers = Workers::started_by("test", 2, |_, body| {
            if !MAY_START.load(Ordering::SeqCst) {
                return Err(io::Error::other("the test has no threads left"));
            }
            thread::spawn(body);
            Ok(())
        });
        let (done, seen) = channel();
        let job = move || done.send(()).unwrap();
        assert_eq!(workers.submit(Box::new(job)), Submitted::NoThread);
        assert_eq!(workers.start_missing(), Submitted::NoThread);
        MAY_START.store(true, Ordering::SeqCst);
        assert_eq!(workers.start_missing(), Submitted::Queued);
        seen.recv().unwrap();
        workers.close();
        assert_eq!(workers.wait(far()), 0);
    }

    #[test]
    fn a_job_that_panics_takes_no_thread_with_it() {
        let workers = Workers::new("test", 1);
        let (done, seen) = channel();
        workers.submit(Box::new(|| panic!("this panic is part of the test")));
        workers.submit(Box::new(move || done.send(()).unwrap()));
        seen.recv().unwrap();
        workers.close();
        assert_eq!(workers.wait(far()), 0);
    }
}
