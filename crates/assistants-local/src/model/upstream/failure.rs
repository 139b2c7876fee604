//! From an upstream's error to the `last_error` of a run, in the words that programs match.

use std::time::Duration;

use assistants_blocking::{ApiError, Error};
use serde_json::Value;

use crate::model::Failure;

/// The longest excerpt of an upstream's words, in characters.
const EXCERPT: usize = 500;

/// How long to wait if the server does not say it.
const UNKNOWN_WAIT: Duration = Duration::from_secs(20);

/// Returns the failure for an error of a request to the upstream server `upstream`.
///
/// Programs that repeat failed runs look for the provider's sentences ("Rate limit reached", "try again in 6s", "The server
/// had an error processing your request"), so these come first and the upstream's own words follow.
pub(super) fn of(error: &Error, upstream: &str, model: &str) -> Failure {
    let words = words(error);
    let api = match error {
        Error::Cancelled(_) => return Failure::Stopped,
        Error::Api(api) => api,
        _ => return server_error(upstream, &words),
    };
    match (status(api), api.code.as_deref()) {
        (Some(401 | 403), _) => Failure::new(
            "server_error",
            format!("The upstream server '{upstream}' rejected the key that this server uses: {words}"),
        ),
        (Some(404), code) if code == Some("model_not_found") || mentions_model(&words) => Failure::new(
            "model_not_found",
            format!("The model '{model}' does not exist: {words}"),
        ),
        (Some(402), _) | (_, Some("insufficient_quota")) => insufficient_quota(&words),
        (Some(429), _) | (_, Some("rate_limit_exceeded")) => rate_limited(model, retry_after(error), &words),
        (None, Some("invalid_prompt")) => Failure::new("invalid_prompt", words),
        (Some(400..=499), _) => Failure::new(
            "server_error",
            format!("The upstream server '{upstream}' rejected the request: {words}"),
        ),
        _ => server_error(upstream, &words),
    }
}

/// Returns the status of an error. In a stream, whose own status is 200, the code is one at times.
pub(super) fn status(api: &ApiError) -> Option<u16> {
    let code = || api.code.as_deref()?.parse().ok();
    api.status.or_else(|| code().filter(|code| (400..600).contains(code)))
}

/// Whether the same request can succeed later. No effect is repeated with it: upstream servers store nothing.
pub(super) fn is_temporary(error: &Error) -> bool {
    match error {
        // Another sample of the model can be a call that the server can read.
        Error::Api(api) if api.code.as_deref() == Some("tool_use_failed") => true,
        Error::Api(api) if api.status.is_none() => {
            let code = api.code.as_deref().unwrap_or_default();
            code != "insufficient_quota"
                && !code.starts_with("invalid_")
                && matches!(status(api), None | Some(408 | 409 | 429 | 500..))
        }
        Error::Api(_) => error.is_retryable(),
        // A server that was silent for minutes would be so again.
        Error::Timeout(timeout) => !timeout.request_sent,
        Error::Transport(_) | Error::StreamTruncated(_) | Error::Stream(_) | Error::Unsupported(_) => true,
        _ => false,
    }
}

/// Returns how long the server asks to wait; some say so in their message only.
pub(super) fn retry_after(error: &Error) -> Option<Duration> {
    error.retry_after().or_else(|| match error {
        Error::Api(api) if status(api) == Some(429) || api.code.as_deref() == Some("rate_limit_exceeded") => {
            in_words(&api.message)
        }
        _ => None,
    })
}

/// Reads "try again in 6s", "in 1.57s", "in 250ms", "in 2m59.56s" or "in 20 seconds".
fn in_words(message: &str) -> Option<Duration> {
    let (_, text) = message.split_once("try again in ")?;
    let mut text = text.trim_start();
    let mut seconds = 0.0;
    while let Some(end) = text.find(|c: char| !c.is_ascii_digit() && c != '.') {
        let Ok(number) = text[..end].parse::<f64>() else { break };
        let unit = text[end..].trim_start();
        let letters = unit.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(unit.len());
        seconds += number
            * match &unit[..letters] {
                "ms" => 1e-3,
                "s" | "second" | "seconds" => 1.0,
                "m" | "minute" | "minutes" => 60.0,
                "h" | "hour" | "hours" => 3600.0,
                _ => return None,
            };
        text = &unit[letters..];
    }
    Duration::try_from_secs_f64(seconds).ok().filter(|wait| !wait.is_zero())
}

/// A 404 can also mean that the base URL is wrong.
fn mentions_model(words: &str) -> bool {
    words.to_ascii_lowercase().contains("model")
}

/// Some programs look for `try again in 6s`, as the provider writes it, others for `try again in (\d+) second`.
fn rate_limited(model: &str, wait: Option<Duration>, words: &str) -> Failure {
    let wait = wait.unwrap_or(UNKNOWN_WAIT).as_secs_f64();
    let whole = wait.ceil();
    // No more digits than there are, and at most milliseconds.
    let exact = (wait * 1e3).round() / 1e3;
    let unit = if whole == 1.0 { "second" } else { "seconds" };
    Failure::new(
        "rate_limit_exceeded",
        format!("Rate limit reached for {model}. Please try again in {exact}s (try again in {whole} {unit}). {words}"),
    )
}

fn insufficient_quota(words: &str) -> Failure {
    Failure::new(
        "rate_limit_exceeded",
        format!("You exceeded your current quota, please check your plan and billing details. {words}"),
    )
}

/// Returns the failure of an upstream server that did not do its part.
pub(super) fn server_error(upstream: &str, words: &str) -> Failure {
    Failure::new(
        "server_error",
        format!(
            "Sorry, something went wrong. The server had an error processing your request. The upstream server \
             '{upstream}': {words}"
        ),
    )
}

/// Returns what the upstream server said, or what went wrong before it said anything.
pub(crate) fn words(error: &Error) -> String {
    let text = match error {
        Error::Api(api) => [Some(api.message.clone()), details(&api.body)]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" "),
        _ => {
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(error);
            while let Some(error) = cause {
                text.push_str(": ");
                text.push_str(&error.to_string());
                cause = error.source();
            }
            text
        }
    };
    match text.char_indices().nth(EXCERPT) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// Returns what an error contains beside its message: `OpenRouter` repeats the words of the provider in it, and Groq what its
/// model wrote in place of a call.
fn details(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    let detail = ["/error/metadata/raw", "/error/failed_generation"]
        .iter()
        .find_map(|place| body.pointer(place)?.as_str());
    detail.filter(|text| !text.is_empty()).map(|text| format!("({text})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_from_a_message() {
        for (message, want) in [
            ("Please try again in 6s. Visit …", Some(6_000)),
            ("Please try again in 1.57s.", Some(1_570)),
            ("Please try again in 250ms.", Some(250)),
            ("Please try again in 2m59.56s", Some(179_560)),
            ("try again in 20 seconds", Some(20_000)),
            ("try again in a moment", None),
            ("try again in 6 parsecs", None),
            ("try again in 6", None),
            ("Slow down.", None),
        ] {
            assert_eq!(in_words(message), want.map(Duration::from_millis), "{message}");
        }
    }

    #[test]
    fn a_rate_limit_has_the_words_that_programs_look_for() {
        let message = |wait| match rate_limited("m", wait, "Slow down.") {
            Failure::Failed { message, .. } => message,
            Failure::Stopped => String::new(),
        };
        let start = "Rate limit reached for m. Please try again in";
        assert_eq!(
            message(Some(Duration::from_millis(1570))),
            format!("{start} 1.57s (try again in 2 seconds). Slow down.")
        );
        assert_eq!(
            message(Some(Duration::from_secs(1))),
            format!("{start} 1s (try again in 1 second). Slow down.")
        );
        assert_eq!(
            message(None),
            format!("{start} 20s (try again in 20 seconds). Slow down.")
        );
    }
}
