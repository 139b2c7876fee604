//! What the headers of a response say about a retry.

use std::time::Duration;

use time::OffsetDateTime;
use ureq::http::HeaderMap;

use crate::http::date;
use crate::http::span::span;

/// The value of a wait that is out of the range of clocks.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);

/// The headers that request a retry, none, or a wait before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hints {
    /// From `retry-after-ms`, else `retry-after` in seconds, else `retry-after` as a date, else the `x-ratelimit` headers
    /// of OpenAI and Groq. Never zero.
    pub(crate) retry_after: Option<Duration>,
    /// From `x-should-retry`.
    pub(crate) should_retry: Option<bool>,
}

impl Hints {
    /// Reads the headers; `now` is what a date is measured against.
    pub(crate) fn read(headers: &HeaderMap, now: OffsetDateTime) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let retry_after = text("retry-after-ms")
            .and_then(|ms| seconds(ms, 1e-3))
            .or_else(|| text("retry-after").and_then(|value| seconds(value, 1.0).or_else(|| until(value, now))))
            .or_else(|| {
                // Each of the two limits has a header that says what is left of it, and one that says when it is whole
                // again. They are in successful responses too, where nothing is exhausted.
                let exhausted = |left, reset| text(left).filter(|left| *left == "0").and(text(reset));
                let requests = exhausted("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests");
                let tokens = exhausted("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens");
                let wait = requests.and_then(span).max(tokens.and_then(span))?.min(FOREVER);
                Some(wait).filter(|wait| !wait.is_zero())
            });
        let should_retry = match text("x-should-retry") {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        };
        Self {
            retry_after,
            should_retry,
        }
    }
}

/// A positive number of `unit`s, [`FOREVER`] if it is out of range. Zero, a negative number and anything else request no wait.
fn seconds(value: &str, unit: f64) -> Option<Duration> {
    let seconds = value.parse::<f64>().ok()? * unit;
    let wait = match Duration::try_from_secs_f64(seconds) {
        Ok(wait) => wait.min(FOREVER),
        Err(_) if seconds > 0.0 => FOREVER,
        Err(_) => return None,
    };
    Some(wait).filter(|wait| !wait.is_zero())
}

/// The time left until an HTTP date; a date in the past requests no wait.
fn until(text: &str, now: OffsetDateTime) -> Option<Duration> {
    let at = date::parse(text, now)?;
    Duration::try_from(at - now).ok().filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ureq::http::{HeaderName, HeaderValue};

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        lines.iter().map(line).collect()
    }

    #[test]
    fn reads_the_wait_from_the_headers() {
        let now = OffsetDateTime::from_unix_timestamp(784_111_777).unwrap(); // Sun, 06 Nov 1994 08:49:37
        let ms = |ms| Some(Duration::from_millis(ms));
        for (lines, want) in [
            (&[("retry-after-ms", "250")][..], ms(250)),
            (&[("retry-after-ms", "250.5")], Some(Duration::from_micros(250_500))),
            (&[("retry-after-ms", "250"), ("retry-after", "9")], ms(250)),
            (&[("retry-after-ms", "soon"), ("retry-after", "9")], ms(9000)),
            (&[("retry-after-ms", "0"), ("retry-after", "9")], ms(9000)),
            (&[("retry-after", " 0.25 ")], ms(250)),
            (&[("retry-after", "0")], None),
            (&[("retry-after", "-3")], None),
            (&[("retry-after", "NaN")], None),
            (&[("retry-after", "-inf")], None),
            (&[("retry-after", "inf")], Some(FOREVER)),
            (&[("retry-after", "1e300")], Some(FOREVER)),
            (&[("retry-after", "99999999999999999999999")], Some(FOREVER)),
            (&[("retry-after-ms", "1e300"), ("retry-after", "1")], Some(FOREVER)),
            (&[("retry-after", "1e-300")], None),
            (&[("retry-after", "Sunday, 06-Nov-94 08:49:47 GMT")], ms(10_000)),
            (&[("retry-after", "Sun Nov  6 08:49:47 1994")], ms(10_000)),
            (&[("retry-after", "Sun Nov  6 08:49:00 1994")], None),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")], ms(10_000)),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")], None),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:00 GMT")], None),
            (&[("retry-after", "tomorrow")], None),
            (
                &[
                    ("x-ratelimit-remaining-requests", "9"),
                    ("x-ratelimit-reset-requests", "6h0m0s"),
                    ("x-ratelimit-remaining-tokens", "0"),
                    ("x-ratelimit-reset-tokens", "1.57s"),
                ],
                ms(1570),
            ),
            (
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "2m59.5s"),
                    ("x-ratelimit-remaining-tokens", "0"),
                    ("x-ratelimit-reset-tokens", "250ms"),
                ],
                ms(179_500),
            ),
            (
                &[
                    ("retry-after", "3"),
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "6s"),
                ],
                ms(3000),
            ),
            (
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "6 s"),
                ],
                None,
            ),
            (&[("x-ratelimit-reset-requests", "6s")], None),
            (&[], None),
        ] {
            assert_eq!(Hints::read(&headers(lines), now).retry_after, want, "{lines:?}");
        }
    }
}
