//! The conventions of the providers: which headers accompany a request, and what is retried.

use ureq::http::header::{HeaderName, HeaderValue};

use crate::http::random;
use crate::http::retry::{Policy, Rules, Safety};

/// The id that a client of Yandex gives a call, the same for all of its attempts.
pub(crate) const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-client-request-id");

/// The conventions that an endpoint follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Conventions {
    /// OpenAI and compatible servers. A `POST` carries an idempotency key, which makes it safe to retry.
    #[default]
    OpenAi,
    /// Yandex. Its services ignore idempotency keys, so only a key given by the caller makes a write safe to retry.
    Yandex,
    /// A file server that has neither: no headers of our own.
    Plain,
}

impl Conventions {
    /// The rules of retries, with the caller's number of them.
    pub(crate) fn policy(self, max_retries: Option<u32>) -> Policy {
        let usual = match self {
            Self::OpenAi | Self::Plain => Policy::default(),
            Self::Yandex => Policy::yandex(),
        };
        Policy {
            max_retries: max_retries.unwrap_or(usual.max_retries),
            ..usual
        }
    }

    /// What a retry of a request can do. `keyed`: the caller set an idempotency key.
    pub(crate) fn safety(self, request: Safety, keyed: bool) -> Safety {
        match request {
            Safety::Write if keyed => Safety::KeyedWrite,
            Safety::KeyedWrite if !keyed && self.policy(None).rules == Rules::Yandex => Safety::Write,
            safety => safety,
        }
    }

    /// A new idempotency key for a request of this method; `None` if it is sent without one.
    pub(crate) fn new_idempotency_key(self, method: &str) -> Option<String> {
        match self {
            _ if method != "POST" => None,
            Self::OpenAi => Some(format!("call-{}", random::hex())),
            Self::Yandex => Some(random::uuid()),
            Self::Plain => None,
        }
    }

    /// A new value of [`CLIENT_REQUEST_ID`], if it is sent.
    pub(crate) fn new_client_request_id(self) -> Option<HeaderValue> {
        let id = (self == Self::Yandex).then(random::uuid)?;
        Some(HeaderValue::try_from(id).expect("a uuid is hexadecimal digits and dashes"))
    }

    /// The header that reports to the server which attempt this is: the number of the attempt, from 1, and of the retries that
    /// came before it.
    pub(crate) fn attempt_header(self, attempt: u32, retries: u32) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::OpenAi => Some((HeaderName::from_static("x-stainless-retry-count"), retries.into())),
            Self::Yandex if attempt > 1 => Some((HeaderName::from_static("x-retry-attempt"), (attempt - 1).into())),
            Self::Yandex | Self::Plain => None,
        }
    }
}
