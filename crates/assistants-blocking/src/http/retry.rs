//! Whether and when a request is sent again.
//!
//! The rules are those of the official clients, with two differences: an exhausted quota is not retried, and a write
//! without an idempotency key is retried only if it cannot take effect twice. Nothing here reads a clock or a random
//! source; both are arguments.

use std::time::Duration;

use crate::error::{Error, Verdict};

/// How often a request is retried, and after which waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Attempts after the first one. Default 2.
    pub(crate) max_retries: u32,
    /// The wait before the first retry; doubles with each. Default 0.5 s.
    pub(crate) initial: Duration,
    /// The longest wait, unless the server requests one. Default 8 s.
    pub(crate) max: Duration,
    /// Which responses are retried, and how the waits grow.
    pub(crate) rules: Rules,
}

/// The rules of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    /// 408, 409, 429 and 5xx; each wait twice the one before, less up to a quarter.
    OpenAi,
    /// 429 and 503 (`RESOURCE_EXHAUSTED` and `UNAVAILABLE`), and 502, which a load balancer returns for the latter; each
    /// wait one and a half times the one before, plus up to a second.
    Yandex,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_retries: 2,
            initial: Duration::from_millis(500),
            max: Duration::from_secs(8),
            rules: Rules::OpenAi,
        }
    }
}

impl Policy {
    /// The policy of Yandex's own client: five attempts, 1.5 s, 2.25 s and so on, at most 10 s.
    pub(crate) fn yandex() -> Self {
        Self {
            max_retries: 4,
            initial: Duration::from_secs(1),
            max: Duration::from_secs(10),
            rules: Rules::Yandex,
        }
    }

    /// The wait after so many retries, if the server requested none.
    pub(crate) fn wait(&self, retries: u32, random: f64) -> Duration {
        let random = random.clamp(0.0, 1.0);
        match self.rules {
            Rules::OpenAi => {
                let doubled = self.initial.saturating_mul(2u32.saturating_pow(retries)).min(self.max);
                doubled.mul_f64(1.0 - 0.25 * random)
            }
            Rules::Yandex => {
                // After a few retries the maximum applies, so the exponent can stay small.
                let grown = self.initial.mul_f64(1.5f64.powi(retries.min(30).cast_signed() + 1));
                (grown + Duration::from_secs(1).mul_f64(random)).min(self.max)
            }
        }
    }

    fn takes(&self, error: &Error) -> bool {
        match (self.rules, error) {
            (Rules::Yandex, Error::Api(error)) if error.should_retry.is_none() => {
                matches!(error.status, Some(429 | 502 | 503))
            }
            _ => true,
        }
    }
}

/// A retry that is about to be made, as reported to the observer of
/// [`ClientBuilder::on_retry`](crate::openai::ClientBuilder::on_retry).
#[derive(Debug)]
#[non_exhaustive]
pub struct Retry<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// The path of the request, without the query.
    pub path: &'a str,
    /// The number of the attempt that failed; the first is 1.
    pub attempt: u32,
    /// The wait before the next one.
    pub wait: Duration,
    /// Why it failed.
    pub cause: &'a Error,
}

/// What a retry can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Safety {
    /// Change nothing (GET, HEAD), or leave the same state (DELETE, PUT).
    Read,
    /// Nothing, since an idempotency key lets the server recognise it.
    KeyedWrite,
    /// Make a write take effect twice.
    Write,
}

/// The wait before the next attempt, `None` when there is none.
///
/// `retries` counts those already made; `random` is in `0.0..1.0` and scatters our own waits, so that clients that failed
/// together do not return together.
pub(crate) fn delay(retries: u32, error: &Error, safety: Safety, policy: &Policy, random: f64) -> Option<Duration> {
    let verdict = error.verdict()?;
    if retries >= policy.max_retries
        || !policy.takes(error)
        || (verdict == Verdict::MaybeSeen && safety == Safety::Write)
    {
        return None;
    }
    if let Some(wait) = error.retry_after() {
        return Some(wait); // Not above the maximum, or there would be no verdict.
    }
    Some(policy.wait(retries, random))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::secrets::Secrets;
    use crate::error::{ApiError, TimeoutError, TimeoutPhase, TransportError};
    use std::io;
    use ureq::http::{HeaderMap, HeaderName, HeaderValue};

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        lines.iter().map(line).collect()
    }

    fn response(status: u16, lines: &[(&'static str, &'static str)], body: &str) -> Error {
        ApiError::from_response(
            ("POST", "/threads", "example.org"),
            status,
            &headers(lines),
            body.as_bytes(),
            Secrets::NONE,
        )
        .into()
    }

    fn broken(request_sent: bool) -> Error {
        let source = io::Error::from(io::ErrorKind::ConnectionReset);
        TransportError {
            method: "POST",
            path: "/threads".into(),
            request_sent,
            request_id: None,
            source,
        }
        .into()
    }

    fn timeout(phase: TimeoutPhase, request_sent: bool) -> Error {
        TimeoutError {
            phase,
            after: Duration::from_secs(1),
            what: "POST /threads".into(),
            request_sent,
            request_id: None,
        }
        .into()
    }

    /// Whether a read, a write with a key and a write without one are repeated: `rkw`, with `-` for those that are not.
    fn repeated(error: &Error) -> String {
        [(Safety::Read, 'r'), (Safety::KeyedWrite, 'k'), (Safety::Write, 'w')]
            .map(|(safety, letter)| delay(0, error, safety, &Policy::default(), 0.0).map_or('-', |_| letter))
            .iter()
            .collect()
    }

    #[test]
    fn yandex_has_rules_of_its_own() {
        let policy = Policy::yandex();
        let wait = |retries, random| policy.wait(retries, random).as_millis();
        assert_eq!(
            [0, 1, 2, 3, 9].map(|retries| wait(retries, 0.0)),
            [1500, 2250, 3375, 5062, 10_000]
        );
        assert_eq!((wait(0, 0.5), wait(3, 1.0), wait(u32::MAX, 1.0)), (2000, 6062, 10_000));
        let repeated = |error: &Error, safety| delay(0, error, safety, &policy, 0.0).is_some();
        for (status, want) in [
            (400, false),
            (401, false),
            (408, false),
            (409, false),
            (429, true),
            (500, false),
        ]
        .into_iter()
        .chain([(501, false), (502, true), (503, true), (504, false)])
        {
            assert_eq!(repeated(&response(status, &[], ""), Safety::Write), want, "{status}");
        }
        assert!(repeated(
            &response(500, &[("x-should-retry", "true")], ""),
            Safety::Read
        ));
        assert!(repeated(&broken(true), Safety::Read) && repeated(&broken(false), Safety::Write));
        assert!(!repeated(&broken(true), Safety::Write));
        assert_eq!(
            delay(4, &broken(false), Safety::Read, &policy, 0.0),
            None,
            "five attempts in all"
        );
    }

    #[test]
    fn repeats_by_outcome_and_safety() {
        let quota = r#"{"error":{"message":"no money","type":"insufficient_quota","code":"insufficient_quota"}}"#;
        for (name, error, want) in [
            ("200s never come here, 302", response(302, &[], ""), "---"),
            ("400", response(400, &[], ""), "---"),
            ("401", response(401, &[], ""), "---"),
            ("404", response(404, &[], ""), "---"),
            ("408", response(408, &[], ""), "rkw"),
            ("409", response(409, &[], ""), "rkw"),
            ("422", response(422, &[], ""), "---"),
            ("429", response(429, &[], ""), "rkw"),
            ("500", response(500, &[], ""), "rkw"),
            ("501", response(501, &[], ""), "rkw"),
            ("503", response(503, &[], ""), "rkw"),
            ("529", response(529, &[], ""), "rkw"),
            (
                "400, should retry",
                response(400, &[("x-should-retry", "true")], ""),
                "rkw",
            ),
            (
                "500, should not",
                response(500, &[("x-should-retry", "false")], ""),
                "---",
            ),
            (
                "500, nonsense",
                response(500, &[("x-should-retry", "maybe")], ""),
                "rkw",
            ),
            ("quota", response(429, &[], quota), "---"),
            (
                "quota, should retry",
                response(429, &[("x-should-retry", "true")], quota),
                "---",
            ),
            ("wait at the limit", response(429, &[("retry-after", "120")], ""), "rkw"),
            ("wait above it", response(429, &[("retry-after", "121")], ""), "---"),
            (
                "wait above it, should retry",
                response(429, &[("retry-after", "121"), ("x-should-retry", "true")], ""),
                "---",
            ),
            ("connection, unsent", broken(false), "rkw"),
            ("connection, sent", broken(true), "rk-"),
            ("connect timeout", timeout(TimeoutPhase::Connect, false), "rkw"),
            ("attempt timeout, unsent", timeout(TimeoutPhase::Attempt, false), "rkw"),
            ("attempt timeout, sent", timeout(TimeoutPhase::Attempt, true), "rk-"),
            ("deadline", timeout(TimeoutPhase::Deadline, false), "---"),
            ("poll", timeout(TimeoutPhase::Poll, true), "---"),
            ("cancelled", Error::cancelled("POST /threads"), "---"),
            ("config", Error::config("no"), "---"),
        ] {
            assert_eq!(repeated(&error), want, "{name}");
            assert_eq!(error.is_retryable(), want != "---", "{name}");
        }
    }

    #[test]
    fn backs_off_up_to_eight_seconds_less_a_quarter() {
        let policy = Policy {
            max_retries: 9,
            ..Policy::default()
        };
        let wait =
            |retries, random| delay(retries, &broken(false), Safety::Read, &policy, random).map(|d| d.as_millis());
        for (retries, most, least) in [
            (0, 500, 375),
            (1, 1000, 750),
            (2, 2000, 1500),
            (3, 4000, 3000),
            (4, 8000, 6000),
            (5, 8000, 6000),
            (8, 8000, 6000),
        ] {
            assert_eq!(wait(retries, 0.0), Some(most), "retry {retries}");
            assert_eq!(wait(retries, 1.0), Some(least), "retry {retries}");
        }
        assert_eq!(wait(9, 0.0), None);
        let endless = Policy {
            max_retries: u32::MAX,
            ..Policy::default()
        };
        assert_eq!(
            delay(u32::MAX - 1, &broken(false), Safety::Read, &endless, 0.0),
            Some(Duration::from_secs(8))
        );
        let none = Policy {
            max_retries: 0,
            ..Policy::default()
        };
        assert_eq!(delay(0, &broken(false), Safety::Read, &none, 0.0), None);
    }

    #[test]
    fn the_servers_wait_comes_first() {
        let error = response(429, &[("retry-after", "7.5")], "");
        for random in [0.0, 1.0] {
            let wait = delay(1, &error, Safety::Write, &Policy::default(), random);
            assert_eq!(wait, Some(Duration::from_millis(7500)));
        }
    }

    #[test]
    fn a_wait_above_the_limit_is_named() {
        let error = response(429, &[("retry-after", "300")], "");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(300)));
        assert!(error.to_string().ends_with("it asks to wait 300s"), "{error}");
        for absurd in ["1e300", "inf", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            let error = response(429, &[("retry-after", absurd)], "");
            assert_eq!(
                delay(0, &error, Safety::Read, &Policy::default(), 0.0),
                None,
                "{absurd}"
            );
        }
        for past in ["-1", "0", "nan", "soon", "Sun, 06 Nov 1994 08:49:37 GMT"] {
            let error = response(429, &[("retry-after", past)], "");
            let ours = Policy::default().wait(0, 0.0);
            assert_eq!(
                delay(0, &error, Safety::Read, &Policy::default(), 0.0),
                Some(ours),
                "{past}"
            );
        }
    }
}
