//! Whether a request that failed can succeed later.

use std::time::Duration;

use super::{ApiError, Error, TimeoutPhase};

/// The longest wait that a server can request. There is no retry after a longer one, and the error names the wait.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);

/// What makes an error worth a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The server reported that it did not carry out the request.
    Refused,
    /// There was no response, and the server may have seen the request.
    MaybeSeen,
    /// There was no response because the request never left.
    NeverSent,
}

impl Error {
    /// Whether the same request can succeed later: after a failed connection, an attempt that took too long, or a response
    /// with status 408, 409, 429 or 5xx. An exhausted quota and a wait of more than two minutes are not retryable.
    ///
    /// This says nothing about safety: a repeated write may take effect twice. See
    /// [`TransportError::request_sent`](crate::TransportError::request_sent).
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use assistants_blocking::chat::{ChatMessage, CreateChatCompletion};
    ///
    /// // The scripted model of the local server fails on request.
    /// let params = CreateChatCompletion::new("scripted", [ChatMessage::user("fail rate_limit_exceeded")]);
    /// let outcome = client.chat().create(params).max_retries(0).send();
    /// assert!(outcome.is_err_and(|error| error.is_retryable()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.verdict().is_some()
    }

    /// Whether a later attempt can end differently, and what the server may have seen of this one.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        let no_response = |sent| if sent { Verdict::MaybeSeen } else { Verdict::NeverSent };
        match self {
            Self::Api(error) => is_retryable(error).then_some(Verdict::Refused),
            Self::BatchUpload(error) => error.source.verdict(),
            Self::Transport(error) => Some(no_response(error.request_sent)),
            Self::Timeout(error) => match error.phase {
                TimeoutPhase::Connect | TimeoutPhase::Attempt | TimeoutPhase::Idle => {
                    Some(no_response(error.request_sent))
                }
                TimeoutPhase::Deadline | TimeoutPhase::Poll | TimeoutPhase::Tool => None,
            },
            _ => None,
        }
    }
}

fn is_retryable(error: &ApiError) -> bool {
    // Waiting does not fill an account.
    let quota = [&error.code, &error.type_]
        .into_iter()
        .flatten()
        .any(|word| word == "insufficient_quota");
    if quota || error.retry_after.is_some_and(|wait| wait > MAX_RETRY_AFTER) {
        return false;
    }
    error
        .should_retry
        .unwrap_or(matches!(error.status, Some(408 | 409 | 429 | 500..)))
}
