//! The current time, as the OpenAI protocol states it.

use time::OffsetDateTime;

/// Returns the current time, truncated to whole seconds as in the protocol.
pub(crate) fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now)
}
