//! When the next object expires.

use std::sync::atomic::AtomicI64;

/// No expiry comes before this second; nearly every request finds that there is nothing to sweep by looking at it.
#[derive(Debug)]
pub(super) struct NextExpiry(pub(super) AtomicI64);

impl Default for NextExpiry {
    /// Not known yet.
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}
