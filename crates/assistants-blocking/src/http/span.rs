//! Spans of time in headers.

use std::time::Duration;

/// A duration such as `6m0s`, `1.5s` or `20ms`, as in the `x-ratelimit-reset-*` headers; a number without a unit is in seconds.
pub(crate) fn span(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "d" => 86_400.0,
            "h" => 3_600.0,
            "m" => 60.0,
            "s" | "" => 1.0,
            "ms" => 1e-3,
            _ => return None,
        };
        rest = &rest[letters..];
        total = total.checked_add(Duration::try_from_secs_f64(number * unit).ok()?)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_spans() {
        let ms = |ms| Some(Duration::from_millis(ms));
        for (text, want) in [
            ("1s", ms(1000)),
            ("6m0s", ms(360_000)),
            ("1h2m3.5s", ms(3_723_500)),
            ("20ms", ms(20)),
            ("2", ms(2000)),
            ("1d", ms(86_400_000)),
            ("", None),
            ("soon", None),
            ("1x", None),
            (".", None),
        ] {
            assert_eq!(span(text), want, "{text:?}");
        }
    }
}
