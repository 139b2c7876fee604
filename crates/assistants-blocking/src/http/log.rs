//! The log. Every line of this crate passes through these macros, which redact secrets and escape control characters.
//!
//! A module that logs imports this one instead of the crate: `use crate::http::log;`. Then `log::debug!(secrets; "…")`
//! redacts the secrets of a call, and `log::debug!("…")` is for code without a call.

use std::fmt;

use ureq::http::HeaderMap;

/// The headers that the log may show. Others may carry secrets.
const LOGGED_HEADERS: &[&str] = &[
    "accept",
    "content-length",
    "content-type",
    "idempotency-key",
    "openai-beta",
    "openai-processing-ms",
    "retry-after",
    "retry-after-ms",
    "user-agent",
    "x-client-request-id",
    "x-data-logging-enabled",
    "x-request-id",
    "x-retry-attempt",
    "x-server-trace-id",
    "x-should-retry",
];

/// Headers as the log may show them.
pub(crate) struct Shown<'a>(pub(crate) &'a HeaderMap);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self
            .0
            .iter()
            .filter(|(name, _)| LOGGED_HEADERS.contains(&name.as_str()));
        f.debug_map().entries(shown).finish()
    }
}

macro_rules! debug {
    ($secrets:expr; $($line:tt)+) => { ::log::debug!("{}", $secrets.line(format_args!($($line)+))) };
    ($($line:tt)+) => { $crate::http::log::debug!($crate::auth::secrets::Secrets::NONE; $($line)+) };
}
macro_rules! trace {
    ($secrets:expr; $($line:tt)+) => { ::log::trace!("{}", $secrets.line(format_args!($($line)+))) };
    ($($line:tt)+) => { $crate::http::log::trace!($crate::auth::secrets::Secrets::NONE; $($line)+) };
}
macro_rules! warning {
    ($($line:tt)+) => { ::log::warn!("{}", $crate::auth::secrets::Secrets::NONE.line(format_args!($($line)+))) };
}
pub(crate) use {debug, trace, warning as warn};

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;
    use ureq::http::HeaderValue;

    #[test]
    fn the_log_shows_no_other_headers() {
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static("a/b"));
        headers.insert("authorization", HeaderValue::from_static("Bearer hush"));
        headers.insert("x-secret", HeaderValue::from_static("hush"));
        assert_eq!(format!("{:?}", Shown(&headers)), r#"{"accept": "a/b"}"#);
    }

    #[test]
    fn no_line_goes_around_the_macros() {
        fn walk(folder: &Path, logging: &mut u32) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, logging);
                } else if !path.ends_with("http/log.rs") {
                    let source = fs::read_to_string(&path).unwrap();
                    let logs = ["error", "warn", "info", "debug", "trace"]
                        .iter()
                        .any(|level| source.contains(&format!("log::{level}!")));
                    let imported = source.contains("use crate::http::log") || source.contains("http::log::");
                    assert!(!logs || imported, "{}: needs `use crate::http::log;`", path.display());
                    *logging += u32::from(logs);
                }
            }
        }
        let mut logging = 0;
        walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut logging);
        assert!(logging > 5, "{logging} files that log were found");
    }
}
