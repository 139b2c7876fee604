//! Rate-limited logging, for warnings that a flood of requests would repeat.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The minimum time between two lines.
const PAUSE: Duration = Duration::from_secs(5);

/// Logs a warning at most once per [`PAUSE`] and drops the others.
#[derive(Debug, Default)]
pub(super) struct RateLimitedLog(Mutex<Option<Instant>>);

impl RateLimitedLog {
    pub(super) fn warn(&self, message: impl FnOnce() -> String) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= PAUSE) {
            *last = Some(Instant::now());
            log::warn!("{}", message());
        }
    }
}
