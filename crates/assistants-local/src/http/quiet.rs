//! Log lines about trouble that comes in floods.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the same trouble is logged at most.
const PAUSE: Duration = Duration::from_secs(5);

/// Logs once in a while.
#[derive(Debug, Default)]
pub(super) struct Quiet(Mutex<Option<Instant>>);

impl Quiet {
    pub(super) fn warn(&self, message: impl FnOnce() -> String) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= PAUSE) {
            *last = Some(Instant::now());
            log::warn!("{}", message());
        }
    }
}
