//! A memory budget shared by the bodies of all requests.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Rejection;
use super::rate_limited_log::RateLimitedLog;

/// The unit of the semaphore, in bytes. Its permits are counted in `u32`, which would limit a budget in bytes to 4 GiB.
const UNIT: usize = 1024;

/// The memory that request bodies may use.
#[derive(Debug)]
pub(super) struct Budget {
    units: Arc<Semaphore>,
    all: usize,
    queue_timeout: Duration,
    used_up: RateLimitedLog,
}

/// A share of the budget, released on drop.
#[derive(Debug, Default)]
pub(crate) struct MemoryPermit(Option<OwnedSemaphorePermit>);

impl Budget {
    pub(super) fn new(bytes: usize, queue_timeout: Duration) -> Self {
        let all = (bytes / UNIT).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            units: Arc::new(Semaphore::new(all)),
            all,
            queue_timeout,
            used_up: RateLimitedLog::default(),
        }
    }

    /// Enlarges `permit` to at least `bytes`. Waits up to the configured time for other requests to release memory.
    pub(super) async fn enlarge(&self, permit: &mut MemoryPermit, bytes: usize) -> Result<(), Rejection> {
        // A request for more than the whole budget gets the whole budget.
        let wanted = bytes.div_ceil(UNIT).min(self.all);
        let missing = wanted.saturating_sub(permit.units());
        let Some(missing) = u32::try_from(missing).ok().filter(|missing| *missing > 0) else {
            return Ok(());
        };
        let taking = Arc::clone(&self.units).acquire_many_owned(missing);
        match timeout(self.queue_timeout, taking).await {
            Ok(Ok(more)) => {
                match &mut permit.0 {
                    Some(permit) => permit.merge(more),
                    none => *none = Some(more),
                }
                Ok(())
            }
            // The semaphore is never closed.
            Ok(Err(_)) | Err(_) => {
                self.used_up
                    .warn(|| "the memory for request bodies is used up: rejecting requests with status 503".to_owned());
                Err(Rejection::Busy("memory for request bodies"))
            }
        }
    }
}

impl MemoryPermit {
    fn units(&self) -> usize {
        self.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }
}
