//! From an upstream's error to the `last_error` of a run, in the words that programs match.

use assistants_blocking::Error;

use crate::model::Failure;

/// The longest excerpt of an upstream's words, in characters.
const EXCERPT: usize = 500;

/// Returns the failure for an error of a request to the upstream server `upstream`.
///
/// Programs that repeat failed runs look for the provider's sentences ("Rate limit reached", "try again in 6s", "The server
/// had an error processing your request"), so these come first and the upstream's own words follow.
pub(super) fn of(error: &Error, upstream: &str, model: &str) -> Failure {
    let words = words(error);
    match error {
        Error::Cancelled(_) => Failure::Stopped,
        Error::Api(api) => match api.status {
            Some(401 | 403) => Failure::new(
                "server_error",
                format!("The upstream server '{upstream}' rejected the key that this server uses: {words}"),
            ),
            Some(404) if api.code.as_deref() == Some("model_not_found") || mentions_model(&words) => Failure::new(
                "model_not_found",
                format!("The model '{model}' does not exist: {words}"),
            ),
            Some(402) => insufficient_quota(&words),
            _ if api.code.as_deref() == Some("insufficient_quota") => insufficient_quota(&words),
            Some(429) => rate_limited(model, api.retry_after, &words),
            _ if api.code.as_deref() == Some("rate_limit_exceeded") => rate_limited(model, api.retry_after, &words),
            Some(400..=499) => Failure::new(
                "server_error",
                format!("The upstream server '{upstream}' rejected the request: {words}"),
            ),
            _ => server_error(upstream, &words),
        },
        _ => server_error(upstream, &words),
    }
}

/// A 404 can also mean that the base URL is wrong.
fn mentions_model(words: &str) -> bool {
    words.to_ascii_lowercase().contains("model")
}

fn rate_limited(model: &str, wait: Option<std::time::Duration>, words: &str) -> Failure {
    let seconds = wait.map_or(20.0, |wait| wait.as_secs_f64());
    let wait = if seconds.fract() == 0.0 {
        format!("{seconds:.0}s")
    } else {
        format!("{seconds:.3}s")
    };
    Failure::new(
        "rate_limit_exceeded",
        format!("Rate limit reached for {model}: please try again in {wait}. {words}"),
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
        format!("The server had an error processing your request. The upstream server '{upstream}': {words}"),
    )
}

/// Returns what the upstream server said, or what went wrong before it said anything.
pub(super) fn words(error: &Error) -> String {
    let text = match error {
        Error::Api(api) => api.message.clone(),
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
