//! Errors that the server reported.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use assistants_types::ErrorBody;
use serde_json::Value;
use time::OffsetDateTime;
use ureq::http::HeaderMap;

use super::text::Printable;
use crate::auth::secrets::Secrets;
use crate::http::retry_hints::Hints;

/// An error that the server reported.
///
/// ```
/// # let server = assistants_local::LocalServer::builder().start()?;
/// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
/// use assistants_blocking::Error;
/// use assistants_blocking::openai::CreateAssistant;
///
/// match client.assistants().create(CreateAssistant::new("scripted").temperature(9.0)).send() {
///     Err(Error::Api(error)) => println!("{:?} {:?}: {}", error.status, error.param, error.message),
///     outcome => println!("{}", outcome?.id),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiError {
    /// The HTTP status; `None` for an `error` event in a stream, whose status was 200.
    pub status: Option<u16>,
    /// The class of the error, for example `invalid_request_error`.
    pub type_: Option<String>,
    /// The code of the error, for example `rate_limit_exceeded`; a number as its digits.
    pub code: Option<String>,
    /// The parameter that caused the error.
    pub param: Option<String>,
    /// The message of the server; if there is none, an excerpt of the body.
    pub message: String,
    /// The id under which the server logged the request.
    pub request_id: Option<String>,
    /// The id under which a Yandex client sent the request, for the support together with the other one.
    pub client_request_id: Option<String>,
    /// How long the server asked to wait, from `retry-after-ms`, `retry-after` (seconds, also fractions of them, or a date
    /// in any of the forms of RFC 9110), `x-ratelimit-reset-requests` or `-tokens` if nothing is left of that limit, or a
    /// `RetryInfo` in the body.
    ///
    /// The client waits up to two minutes; a longer wait ends the attempts. A value that is zero, negative, in the past or
    /// invalid is `None`, and the client chooses the wait.
    pub retry_after: Option<Duration>,
    /// The first [`ApiError::MAX_BODY`] bytes of the body, with invalid UTF-8 replaced.
    pub body: String,
    /// The method of the request.
    pub method: &'static str,
    /// The path of the request, without the query.
    pub path: String,
    /// Additional advice that is not from the server.
    pub hint: Option<&'static str>,
    /// What `x-should-retry` reported.
    pub(crate) should_retry: Option<bool>,
}

impl ApiError {
    /// How much of an error body is kept, in bytes: 64 KiB.
    pub const MAX_BODY: usize = 64 * 1024;

    /// The error of a response whose status is not a success. `host` is where it is from.
    pub(crate) fn from_response(
        (method, path, host): (&'static str, &str, &str),
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
        secrets: &Secrets,
    ) -> Self {
        let hints = Hints::read(headers, OffsetDateTime::now_utc());
        let mut error = Self::from_body(method, path, body, secrets);
        error.status = Some(status);
        let request_id = request_id(headers).map(|id| secrets.redact(&id).into_owned());
        error.request_id = request_id.or(error.request_id);
        error.retry_after = hints.retry_after.or(error.retry_after);
        error.should_retry = hints.should_retry;
        error.hint = hint(status, host, path);
        error
    }

    /// The error in an `error` event of a stream. Nested and flat data have the same result.
    pub(crate) fn from_event(
        method: &'static str,
        path: &str,
        request_id: Option<String>,
        data: &str,
        secrets: &Secrets,
    ) -> Self {
        let reported = Self::from_body(method, path, data.as_bytes(), secrets);
        Self {
            request_id: request_id.or(reported.request_id.clone()),
            ..reported
        }
    }

    /// The name of the gRPC code that a service of Yandex returned, for example `NOT_FOUND` if
    /// [`code`](Self::code) is `5`.
    #[must_use]
    pub fn grpc_code(&self) -> Option<&'static str> {
        ErrorBody::grpc_code_name(self.code.as_deref()?)
    }

    fn from_body(method: &'static str, path: &str, body: &[u8], secrets: &Secrets) -> Self {
        let text = String::from_utf8_lossy(body);
        let reported = serde_json::from_slice(body)
            .ok()
            .and_then(|mut json: Value| {
                secrets.clean_json(&mut json);
                ErrorBody::from_json(&json)
            })
            .unwrap_or_default();
        // Before anything is truncated, so that no part of a secret remains.
        let text = secrets.redact(&text);
        Self {
            status: None,
            type_: reported.type_,
            code: reported.code,
            param: reported.param,
            message: reported.message.unwrap_or_else(|| excerpt(&text)),
            request_id: reported.request_id,
            client_request_id: None,
            retry_after: reported.retry_after,
            body: truncate(&text, Self::MAX_BODY).to_owned(),
            method,
            path: path.to_owned(),
            hint: None,
            should_retry: None,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.method, self.path)?;
        match self.status {
            Some(status) => write!(f, "the server responded with status {status}")?,
            None => f.write_str("the server sent an error in the stream")?,
        }
        if let Some(code) = self.code.as_ref().or(self.type_.as_ref()) {
            let code = Printable(code);
            match self.grpc_code() {
                Some(name) => write!(f, " ({code} {name})")?,
                None => write!(f, " ({code})")?,
            }
        }
        if !self.message.is_empty() {
            write!(f, ": {}", Printable(&self.message))?;
        }
        if let Some(wait) = self.retry_after {
            write!(f, "; it asks to wait {wait:?}")?;
        }
        if let Some(id) = &self.client_request_id {
            write!(f, "; client request id {}", Printable(id))?;
        }
        if let Some(hint) = self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl StdError for ApiError {}

/// The request id of a response: OpenAI's header, or that of the gateway of Azure or Yandex.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    ["x-request-id", "apim-request-id", "x-server-trace-id"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok())
        .map(str::to_owned)
}

fn hint(status: u16, host: &str, path: &str) -> Option<&'static str> {
    let gone = path
        .split('/')
        .any(|segment| segment == "assistants" || segment == "threads");
    (status == 404 && host.eq_ignore_ascii_case("api.openai.com") && gone).then_some(
        "the hosted Assistants API was switched off on 2026-08-26; OPENAI_BASE_URL takes the address of a compatible \
         server, for example assistants-local",
    )
}

/// The beginning of a text on one line, or the title of an HTML page.
pub(crate) fn excerpt(text: &str) -> String {
    const LENGTH: usize = 200;
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title>").and_then(|start| {
        let start = start + "<title>".len();
        let end = start + lower[start..].find("</title>")?;
        Some(&text[start..end])
    });
    let mut words = String::new();
    for word in title.unwrap_or(truncate(text, 4 * LENGTH)).split_whitespace() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }
    if words.len() > LENGTH {
        words.truncate(truncate(&words, LENGTH).len());
        words.push('…');
    }
    words
}

/// At most `length` bytes, truncated between characters.
fn truncate(text: &str, length: usize) -> &str {
    let mut end = length.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use ureq::http::HeaderValue;

    fn response(status: u16, body: &str) -> ApiError {
        ApiError::from_response(
            ("GET", "/v1/files/f", "example.org"),
            status,
            &HeaderMap::new(),
            body.as_bytes(),
            Secrets::NONE,
        )
    }

    #[test]
    fn reads_every_usual_error_body() {
        let long = format!("<html>{}</html>", "many words ".repeat(100));
        for (body, message, type_, code, param) in [
            (
                r#"{"error":{"message":"No such thing","type":"invalid_request_error","param":"model","code":"gone"}}"#,
                "No such thing",
                "invalid_request_error",
                "gone",
                "model",
            ),
            (
                r#"{"error":{"message":"No such thing","type":"x","param":null,"code":null}}"#,
                "No such thing",
                "x",
                "",
                "",
            ),
            (r#"{"error":{"message":"m","code":404}}"#, "m", "", "404", ""),
            (r#"{"error":"text"}"#, "text", "", "", ""),
            (r#"{"error":{"error":"text"}}"#, "text", "", "", ""),
            (
                r#"{"error":"Not Found","message":"no route","status":404}"#,
                "no route",
                "",
                "",
                "",
            ),
            (
                r#"{"error":"invalid_grant","error_description":"expired"}"#,
                "expired",
                "",
                "",
                "",
            ),
            (r#"{"message":"text","code":16,"details":[]}"#, "text", "", "16", ""),
            (
                r#"{"error":{"grpcCode":3,"httpCode":400,"message":"bad","httpStatus":"Bad Request"}}"#,
                "bad",
                "",
                "3",
                "",
            ),
            (r#"{"detail":"text"}"#, "text", "", "", ""),
            (
                r#"{"detail":[{"loc":["body","tools",0],"msg":"field required","type":"missing"},{"msg":"and more"}]}"#,
                "body.tools.0: field required; and more",
                "",
                "",
                "",
            ),
            (r#"[{"error":{"message":"listed"}}]"#, "listed", "", "", ""),
            (r#""just text""#, "just text", "", "", ""),
            (r#"{"unknown": true}"#, r#"{"unknown": true}"#, "", "", ""),
            (
                "upstream connect error\n  reset\n",
                "upstream connect error reset",
                "",
                "",
                "",
            ),
            (
                "<html><head><TITLE>502 Bad\nGateway</TITLE></head><body>x</body></html>",
                "502 Bad Gateway",
                "",
                "",
                "",
            ),
            ("", "", "", "", ""),
            ("null", "null", "", "", ""),
        ] {
            let error = response(400, body);
            let text = |field: &Option<String>| field.clone().unwrap_or_default();
            let got = (
                error.message.as_str(),
                text(&error.type_),
                text(&error.code),
                text(&error.param),
            );
            assert_eq!(got, (message, type_.into(), code.into(), param.into()), "{body}");
            assert_eq!(error.body, body);
        }
        let message = response(502, &long).message;
        assert!(
            message.starts_with("<html>many words many") && message.ends_with('…') && message.len() <= 203,
            "{message}"
        );
    }

    #[test]
    fn nested_and_flat_error_events_are_the_same_error() {
        let nested = r#"{"error":{"message":"m","type":"server_error","code":"c","param":null}}"#;
        let flat = r#"{"message":"m","type":"server_error","code":"c","param":null}"#;
        let [nested, flat] = [nested, flat].map(|data| ApiError {
            body: String::new(),
            ..ApiError::from_event("POST", "/threads/runs", None, data, Secrets::NONE)
        });
        assert_eq!(nested, flat);
        assert_eq!(
            flat.to_string(),
            "POST /threads/runs: the server sent an error in the stream (c): m"
        );
        assert_eq!(Error::from(flat).status(), None);
    }

    #[test]
    fn bounds_the_body_and_survives_any_bytes() {
        let error = response(500, &"é".repeat(ApiError::MAX_BODY));
        assert_eq!(error.body.len(), ApiError::MAX_BODY);
        let error = ApiError::from_response(("GET", "/", "h"), 500, &HeaderMap::new(), b"a\xff\xfeb", Secrets::NONE);
        assert_eq!(error.body, "a\u{fffd}\u{fffd}b");
    }

    #[test]
    fn keeps_what_support_asks_for() {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", HeaderValue::from_static("req_1"));
        headers.insert("retry-after", HeaderValue::from_static("3"));
        let body = r#"{"error":{"message":"Slow down","type":"rate_limit_error","code":null}}"#;
        let error: Error = ApiError::from_response(
            ("POST", "/v1/threads", "h"),
            429,
            &headers,
            body.as_bytes(),
            Secrets::NONE,
        )
        .into();
        assert_eq!((error.status(), error.request_id()), (Some(429), Some("req_1")));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
        assert_eq!(
            error.to_string(),
            "POST /v1/threads: the server responded with status 429 (rate_limit_error): Slow down; it asks to wait 3s"
        );
        assert!(StdError::source(&error).is_none());
    }

    #[test]
    fn hints_at_the_end_of_the_hosted_service() {
        let error = |status, host, path| {
            ApiError::from_response(("GET", path, host), status, &HeaderMap::new(), b"", Secrets::NONE)
        };
        assert!(
            error(404, "api.openai.com", "/v1/threads/t")
                .to_string()
                .contains("switched off on 2026-08-26")
        );
        assert!(error(404, "API.OpenAI.com", "/v1/assistants").hint.is_some());
        assert!(error(404, "api.openai.com", "/v1/files/f").hint.is_none());
        assert!(error(401, "api.openai.com", "/v1/assistants").hint.is_none());
        assert!(error(404, "127.0.0.1", "/v1/assistants").hint.is_none());
    }
}
