//! The limit on everything that a call does.

use std::fmt;
use std::time::Duration;

use crate::http::watch::Limit;

/// A limit on a whole call: a length until the call begins, from then on a point in time.
///
/// A call fixes the point once, at `send`, and hands it down to every request, wait, retry, page and token fetch. Nothing
/// subtracts what has passed, so nothing can start the limit anew, and an error names the length that was asked for.
#[derive(Clone, Copy)]
pub(crate) enum Deadline {
    /// The call has not begun.
    After(Duration),
    /// The call has begun; `None` for a length that the clock cannot hold, which is no limit.
    At(Option<Limit>),
}

impl Deadline {
    /// The point in time, if the call begins now unless it has begun already.
    pub(crate) fn limit(self) -> Option<Limit> {
        match self {
            Self::After(length) => Limit::starting_now(length),
            Self::At(limit) => limit,
        }
    }

    /// The deadline of a call that begins now, or has begun already.
    pub(crate) fn begin(self) -> Self {
        Self::At(self.limit())
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(length) => length.fmt(f),
            Self::At(Some(limit)) => limit.after().fmt(f),
            Self::At(None) => f.write_str("never"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_once() {
        let begun = Deadline::After(Duration::from_secs(5)).begin();
        let (first, again) = (begun.limit().unwrap(), begun.begin().limit().unwrap());
        assert_eq!(first, again);
        assert_eq!(format!("{begun:?}"), "5s");
        assert!(Deadline::After(Duration::MAX).begin().limit().is_none());
    }
}
