//! Dates of HTTP (RFC 9110, section 5.6.7).

use time::format_description::well_known::Rfc2822;
use time::{Date, Month, OffsetDateTime, Time};

/// Reads a date in the preferred form (`Sun, 06 Nov 1994 08:49:37 GMT`) or in one of the two obsolete ones that a recipient
/// must accept: that of RFC 850 (`Sunday, 06-Nov-94 08:49:37 GMT`) and that of C's `asctime` (`Sun Nov  6 08:49:37 1994`).
/// `now` determines the century of a year of two digits.
pub(crate) fn parse(date: &str, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let words: Vec<&str> = date.split([' ', ',', '-']).filter(|word| !word.is_empty()).collect();
    let (year, month, day, clock) = match words[..] {
        [_, day, month, year, clock, "GMT"] => (year, month, day, clock),
        [_, month, day, clock, year] => (year, month, day, clock),
        // A zone as in a mail header, which some servers send.
        _ => return OffsetDateTime::parse(date, &Rfc2822).ok(),
    };
    let at = Date::from_calendar_date(full_year(year, now)?, named(month)?, day.parse().ok()?)
        .ok()?
        .with_time(time_of_day(clock)?)
        .assume_utc();
    Some(at)
}

/// A year of two digits is the one that is not more than 50 years ahead.
fn full_year(year: &str, now: OffsetDateTime) -> Option<i32> {
    let number: i32 = year.parse().ok()?;
    if year.len() != 2 {
        return Some(number);
    }
    let this_century = now.year() - now.year().rem_euclid(100) + number;
    [100, 0, -100]
        .map(|shift| this_century + shift)
        .into_iter()
        .find(|year| *year <= now.year() + 50)
}

fn named(month: &str) -> Option<Month> {
    const NAMES: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let index = NAMES.iter().position(|name| *name == month)?;
    Month::try_from(u8::try_from(index + 1).ok()?).ok()
}

fn time_of_day(clock: &str) -> Option<Time> {
    let mut parts = clock.splitn(3, ':').map(|part| part.parse::<u8>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    // A leap second is the last one of its minute here.
    Time::from_hms(hour, minute, second.min(59))
        .ok()
        .filter(|_| second <= 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_are_one_date() {
        let now = OffsetDateTime::from_unix_timestamp(784_111_777).unwrap();
        for (text, seconds) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(0)),
            ("Sun Nov  6 08:49:37 1994", Some(0)),
            ("Sun Nov 16 08:49:37 1994", Some(10 * 86_400)),
            ("Sun, 06 Nov 1994 08:49:47 +0000", Some(10)),
            ("Sun, 06 Nov 1994 08:49:60 GMT", Some(22)),
            ("Sun, 31 Feb 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 24:00:00 GMT", None),
            ("Sun, 06 Nov 1994 08:49:61 GMT", None),
            ("Sun Nov 6 08:49:37", None),
            ("tomorrow", None),
            ("", None),
        ] {
            assert_eq!(parse(text, now).map(|at| (at - now).whole_seconds()), seconds, "{text}");
        }
    }

    #[test]
    fn two_digits_are_the_nearest_year_that_is_not_far_ahead() {
        for (now, digits, year) in [
            (1994, "94", 1994),
            (2026, "94", 1994),
            (2026, "76", 2076),
            (2026, "77", 1977),
            (2070, "05", 2105),
        ] {
            let date = Date::from_calendar_date(now, Month::June, 1)
                .unwrap()
                .midnight()
                .assume_utc();
            assert_eq!(full_year(digits, date), Some(year), "{digits} in {now}");
        }
    }
}
