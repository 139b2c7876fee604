//! The time of the next expiry, cached so that requests need no query to find that nothing has expired.

use std::sync::atomic::AtomicI64;

/// A lower bound of the next expiry, as Unix time in seconds. Nearly all requests find by it that nothing has expired,
/// without a query.
#[derive(Debug)]
pub(super) struct NextExpiry(pub(super) AtomicI64);

impl Default for NextExpiry {
    /// Unknown, so that the first request looks for expired objects.
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}
