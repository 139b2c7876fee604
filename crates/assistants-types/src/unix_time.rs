//! Times of the OpenAI protocol: Unix timestamps in whole seconds.

use serde_json::Value;
use time::OffsetDateTime;

/// Converts a JSON number to a time; `None` if it is not a number or out of the range of `time`.
///
/// Servers written in dynamically typed languages sometimes send fractions, which are accepted.
pub(crate) fn from_json(value: &Value) -> Option<OffsetDateTime> {
    if let Some(seconds) = value.as_i64() {
        return OffsetDateTime::from_unix_timestamp(seconds).ok();
    }
    let seconds = value.as_f64()?;
    // Casts from float to integer saturate, so a value far out of range is outside the range of `time` and gives
    // `None`.
    let whole = OffsetDateTime::from_unix_timestamp(seconds.floor() as i64).ok()?;
    whole.checked_add(time::Duration::seconds_f64(seconds - seconds.floor()))
}

/// The number sent for a time: whole seconds.
pub(crate) fn to_json(time: OffsetDateTime) -> Value {
    time.unix_timestamp().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(value: &Value, want: Option<i128>) {
        assert_eq!(
            from_json(value).map(OffsetDateTime::unix_timestamp_nanos),
            want,
            "{value}"
        );
    }

    #[test]
    fn reads_times_in_range() {
        check(&json!(0), Some(0));
        check(&json!(1_699_009_709), Some(1_699_009_709_000_000_000));
        check(&json!(-1), Some(-1_000_000_000));
        check(&json!(1.5), Some(1_500_000_000));
        check(&json!(-0.5), Some(-500_000_000));
    }

    #[test]
    fn rejects_times_out_of_range() {
        check(&json!(i64::MAX), None);
        check(&json!(u64::MAX), None);
        check(&json!(1e300), None);
        check(&json!("soon"), None);
        check(&json!(null), None);
    }
}
