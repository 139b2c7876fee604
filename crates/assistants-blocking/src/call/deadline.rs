//! The time limit of a whole call.

use std::fmt;
use std::time::Duration;

use crate::http::watch::Limit;

/// The time limit of a whole call: a duration until the call begins, from then on a point in time.
///
/// A call sets the point once, at `send`, and passes it to every request, wait, retry, page and token fetch. No elapsed time
/// is subtracted, so nothing can restart the limit, and an error names the duration that was set.
#[derive(Clone, Copy)]
pub(crate) enum Deadline {
    /// The call has not begun.
    After(Duration),
    /// The call has begun; `None` for a duration that the clock cannot hold, which is no limit.
    At(Option<Limit>),
}

impl Deadline {
    /// The point in time. If the call has not begun, it begins now.
    pub(crate) fn limit(self) -> Option<Limit> {
        match self {
            Self::After(length) => Limit::starting_now(length),
            Self::At(limit) => limit,
        }
    }

    /// The deadline of a call that begins now, unless it has begun.
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
