//! A rule for an HTTP request.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::parts::{json, milliseconds};
use super::pattern::Pattern;
use super::rules::Rule;

/// Which requests a rule matches, and what happens to them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RequestRule {
    method: Option<String>,
    path: Option<Pattern>,
    body_contains: Option<String>,
    times: Option<NonZeroU64>,

    #[serde(deserialize_with = "status")]
    pub(crate) status: Option<StatusCode>,
    #[serde(deserialize_with = "headers")]
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    #[serde(deserialize_with = "body")]
    pub(crate) body: Option<Value>,
    #[serde(rename = "delay_ms", deserialize_with = "milliseconds")]
    pub(crate) delay: Duration,
    /// The number of events after which a stream is broken off.
    pub(crate) break_stream_after: Option<u64>,
}

fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<StatusCode>, D::Error> {
    let status = u16::deserialize(deserializer)?;
    match StatusCode::from_u16(status) {
        Ok(status) if (200..600).contains(&status.as_u16()) => Ok(Some(status)),
        _ => Err(D::Error::custom("expected a status from 200 to 599")),
    }
}

fn headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(HeaderName, HeaderValue)>, D::Error> {
    let given = BTreeMap::<String, String>::deserialize(deserializer)?;
    let mut headers = Vec::new();
    for (name, value) in given {
        let (Ok(parsed), Ok(value)) = (HeaderName::try_from(&name), HeaderValue::try_from(value)) else {
            return Err(D::Error::custom(format!("'{name}' is not a header with a valid value")));
        };
        // The server frames its messages itself.
        if [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION].contains(&parsed) {
            return Err(D::Error::custom(format!("the header '{name}' cannot be set")));
        }
        headers.push((parsed, value));
    }
    Ok(headers)
}

fn body<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    json(deserializer).map(Some)
}

impl RequestRule {
    /// Returns whether the rule matches a request with this method and path, if its body matches too.
    pub(crate) fn may_match(&self, method: &str, path: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted == method)
            && self.path.as_ref().is_none_or(|wanted| wanted.matches(path))
    }

    pub(crate) fn needs_body(&self) -> bool {
        self.body_contains.is_some()
    }

    /// Returns whether the rule matches a body; `None` if the body is not JSON.
    pub(crate) fn matches_body(&self, body: Option<&Value>) -> bool {
        let Some(part) = &self.body_contains else { return true };
        body.is_some_and(|body| a_string_contains(body, part))
    }
}

fn a_string_contains(value: &Value, part: &str) -> bool {
    match value {
        Value::String(text) => text.contains(part),
        Value::Array(values) => values.iter().any(|value| a_string_contains(value, part)),
        Value::Object(members) => members.values().any(|value| a_string_contains(value, part)),
        _ => false,
    }
}

impl Rule for RequestRule {
    fn times(&self) -> Option<NonZeroU64> {
        self.times
    }

    fn check(&self) -> Result<(), &'static str> {
        match self.status {
            None if !self.headers.is_empty() || self.body.is_some() => Err("`headers` and `body` need `status`"),
            Some(_) if self.break_stream_after.is_some() => Err("`status` and `break_stream_after` exclude each other"),
            _ => Ok(()),
        }
    }
}
