//! Runs blocking work on a bounded number of threads.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Rejection;
use super::rate_limited_log::RateLimitedLog;

/// A bound on the number of threads.
#[derive(Debug)]
pub(super) struct Workers {
    free: Arc<Semaphore>,
    queue_timeout: Duration,
    used_up: RateLimitedLog,
}

impl Workers {
    pub(super) fn new(most: usize, queue_timeout: Duration) -> Self {
        Self {
            free: Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS))),
            queue_timeout,
            used_up: RateLimitedLog::default(),
        }
    }

    /// Runs `work` on another thread as soon as one is available. Work that has started is completed even if the caller
    /// is dropped.
    ///
    /// # Errors
    ///
    /// [`Rejection::Busy`] if no thread became available in time, [`Rejection::Panicked`] if `work` panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Rejection> {
        let waiting = Arc::clone(&self.free).acquire_owned();
        let Ok(Ok(permit)) = timeout(self.queue_timeout, waiting).await else {
            self.used_up
                .warn(|| "all request threads are busy: rejecting requests with status 503".to_owned());
            return Err(Rejection::Busy("concurrent requests"));
        };
        let working = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        working.await.map_err(|error| {
            log::error!("a request handler panicked: {error}");
            Rejection::Panicked
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn work_beyond_the_limit_is_rejected_until_a_thread_is_free() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_time()
            .build()
            .unwrap();
        let workers = Workers::new(1, Duration::from_millis(50));
        let (begin, begun) = channel();
        let (end, ended) = channel::<()>();
        runtime.block_on(async {
            let slow = workers.run(move || {
                begin.send(()).unwrap();
                ended.recv().unwrap();
            });
            let other = async {
                // Runs on the same thread as the first, which has been polled, so its work is about to start.
                begun.recv().unwrap();
                assert!(matches!(workers.run(|| 1).await, Err(Rejection::Busy(_))));
                end.send(()).unwrap();
            };
            let (slow, ()) = tokio::join!(slow, other);
            assert_eq!(slow, Ok(()));
            assert_eq!(workers.run(|| 1).await, Ok(1));
            let panicked = workers.run(|| -> u32 { panic!("of the handler") }).await;
            assert_eq!(panicked, Err(Rejection::Panicked));
            assert_eq!(workers.run(|| 1).await, Ok(1));
        });
    }
}
