//! Measured times.

use std::time::Duration;

/// Returns the median of times in ascending order.
pub fn median(sorted: &[Duration]) -> Duration {
    sorted[sorted.len() / 2]
}

/// Formats the median, the time that 99 of 100 do not exceed, and the longest.
pub fn range(sorted: &[Duration]) -> String {
    let last = sorted[sorted.len() * 99 / 100];
    let longest = sorted[sorted.len() - 1];
    format!(
        "{:.1} (p99 {:.1}, longest {:.1})",
        millis(median(sorted)),
        millis(last),
        millis(longest)
    )
}

pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
