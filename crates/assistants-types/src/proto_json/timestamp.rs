//! Timestamps: RFC 3339, written in UTC with 0, 3, 6 or 9 fractional digits.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// Parses an RFC 3339 timestamp. `None` for anything else, including leap seconds.
pub(crate) fn parse(text: &str) -> Option<OffsetDateTime> {
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            digits.parse::<u32>().ok()
        } else {
            None
        }
    };
    let small = |range| number(range).and_then(|value| u8::try_from(value).ok());
    let bytes = text.as_bytes();
    if bytes.len() < 20 || [bytes[4], bytes[7], bytes[13], bytes[16]] != *b"--::" || !matches!(bytes[10], b'T' | b't') {
        return None;
    }
    let month = Month::try_from(small(5..7)?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(number(0..4)?).ok()?, month, small(8..10)?).ok()?;

    let mut rest = text.get(19..)?;
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return None;
        }
        // Digits beyond nanoseconds are dropped; the original spelling is kept beside the value.
        for at in 0..9 {
            let digit = fraction
                .as_bytes()
                .get(at)
                .filter(|_| at < digits)
                .map_or(0, |digit| digit - b'0');
            nanos = nanos * 10 + u32::from(digit);
        }
        rest = &fraction[digits..];
    }
    let time = Time::from_hms_nano(small(11..13)?, small(14..16)?, small(17..19)?, nanos).ok()?;
    let local = PrimitiveDateTime::new(date, time);
    if matches!(rest, "Z" | "z") {
        return Some(local.assume_utc());
    }
    let from_end = text.len() - rest.len();
    let sign = match rest.as_bytes() {
        [b'+', _, _, b':', _, _] => 1,
        [b'-', _, _, b':', _, _] => -1,
        _ => return None,
    };
    let (hours, minutes) = (small(from_end + 1..from_end + 3)?, small(from_end + 4..from_end + 6)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let offset = UtcOffset::from_whole_seconds(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60)).ok()?;
    local.assume_offset(offset).checked_to_offset(UtcOffset::UTC)
}

/// Formats a time.
pub(crate) fn format(time: OffsetDateTime) -> String {
    // Only times within hours of the limits of the calendar cannot be converted to UTC; they keep their offset.
    let time = time.checked_to_offset(UtcOffset::UTC).unwrap_or(time);
    let (date, clock, nanos) = (time.date(), time.time(), time.nanosecond());
    let fraction = match nanos {
        0 => String::new(),
        _ if nanos.is_multiple_of(1_000_000) => format!(".{:03}", nanos / 1_000_000),
        _ if nanos.is_multiple_of(1_000) => format!(".{:06}", nanos / 1_000),
        _ => format!(".{nanos:09}"),
    };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{fraction}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Option<&str>) {
        assert_eq!(parse(text).map(format).as_deref(), want, "{text}");
    }

    #[test]
    fn reads_rfc_3339() {
        for same in [
            "2026-02-03T04:05:06Z",
            "2026-02-03T04:05:06.789Z",
            "2026-02-03T04:05:06.789012Z",
            "2026-02-03T04:05:06.000000001Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999999Z",
        ] {
            check(same, Some(same));
        }
        check("2026-02-03t04:05:06z", Some("2026-02-03T04:05:06Z"));
        check("2026-02-03T04:05:06.1Z", Some("2026-02-03T04:05:06.100Z"));
        check(
            "2026-02-03T04:05:06.1234567891Z",
            Some("2026-02-03T04:05:06.123456789Z"),
        );
        check("2026-02-03T04:05:06+03:00", Some("2026-02-03T01:05:06Z"));
        check("2026-02-03T04:05:06.5-05:30", Some("2026-02-03T09:35:06.500Z"));
    }

    #[test]
    fn rejects_anything_else() {
        for text in [
            "",
            "soon",
            "2026-02-03",
            "2026-02-03T04:05:06",
            "2026-02-03 04:05:06Z",
            "2026-02-30T04:05:06Z",
            "2026-13-03T04:05:06Z",
            "2026-02-03T24:05:06Z",
            "2026-02-03T04:05:60Z",
            "2026-02-03T04:05:06.Z",
            "2026-02-03T04:05:06+0300",
            "2026-02-03T04:05:06+24:00",
            "2026-02-03T04:05:06Zx",
            "+026-02-03T04:05:06Z",
            "0000-00-00T00:00:00Z",
            "éééééééééé20",
        ] {
            check(text, None);
        }
    }
}
