//! A memory budget shared by the bodies of all requests.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Rejection;
use super::quiet::Quiet;

/// The unit of the semaphore, in bytes. Its permits are counted in `u32`, which would limit a budget in bytes to 4 GiB.
const UNIT: usize = 1024;

/// The memory that request bodies may use.
#[derive(Debug)]
pub(super) struct Budget {
    units: Arc<Semaphore>,
    all: usize,
    patience: Duration,
    used_up: Quiet,
}

/// A share of the budget, released on drop.
#[derive(Debug, Default)]
pub(crate) struct Held(Option<OwnedSemaphorePermit>);

impl Budget {
    pub(super) fn new(bytes: usize, patience: Duration) -> Self {
        let all = (bytes / UNIT).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            units: Arc::new(Semaphore::new(all)),
            all,
            patience,
            used_up: Quiet::default(),
        }
    }

    /// Enlarges `held` to at least `bytes`. Waits up to the configured time for other requests to release memory.
    pub(super) async fn enlarge(&self, held: &mut Held, bytes: usize) -> Result<(), Rejection> {
        // A request for more than the whole budget gets the whole budget.
        let wanted = bytes.div_ceil(UNIT).min(self.all);
        let missing = wanted.saturating_sub(held.units());
        let Some(missing) = u32::try_from(missing).ok().filter(|missing| *missing > 0) else {
            return Ok(());
        };
        let taking = Arc::clone(&self.units).acquire_many_owned(missing);
        match timeout(self.patience, taking).await {
            Ok(Ok(more)) => {
                match &mut held.0 {
                    Some(permit) => permit.merge(more),
                    none => *none = Some(more),
                }
                Ok(())
            }
            // The semaphore is never closed.
            Ok(Err(_)) | Err(_) => {
                self.used_up
                    .warn(|| "the memory for bodies is used up: requests get status 503".to_owned());
                Err(Rejection::Busy("memory for bodies"))
            }
        }
    }
}

impl Held {
    fn units(&self) -> usize {
        self.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }
}
