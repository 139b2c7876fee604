//! Errors, in the formats that servers use.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Map, Value};

/// The contents of an error body.
///
/// Servers, gateways and proxies use many formats. Those of OpenAI and compatible servers, of gRPC gateways such as
/// Yandex's, of `FastAPI` and of OAuth are supported, and plain strings.
///
/// ```
/// use assistants_types::ErrorBody;
///
/// let error = ErrorBody::parse(br#"{"error":{"message":"No such model","code":"model_not_found","param":null}}"#);
/// let error = error.unwrap_or_default();
/// assert_eq!((error.message.as_deref(), error.code.as_deref()), (Some("No such model"), Some("model_not_found")));
/// assert_eq!(ErrorBody::parse(br#"{"error":"overloaded"}"#).unwrap_or_default().message.as_deref(), Some("overloaded"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorBody {
    /// The server's message.
    pub message: Option<String>,
    /// The class of the error, for example `invalid_request_error`.
    pub type_: Option<String>,
    /// The code of the error, for example `rate_limit_exceeded`; a number as its digits.
    pub code: Option<String>,
    /// The parameter that caused the error.
    pub param: Option<String>,
    /// The identifier of the request, from a `google.rpc.RequestInfo`.
    pub request_id: Option<String>,
    /// How long the server asks to wait, from a `google.rpc.RetryInfo`.
    pub retry_after: Option<Duration>,
}

impl ErrorBody {
    /// Parses a body; `None` if it is not JSON, or not that of an error.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        Self::from_json(&serde_json::from_slice(body).ok()?)
    }

    /// Reads a body that is already parsed as JSON.
    #[must_use]
    pub fn from_json(json: &Value) -> Option<Self> {
        match json {
            // `{"error": {…}}`: OpenAI, compatible servers, gateways of gRPC services.
            Value::Object(body) => match body.get("error") {
                Some(Value::Object(error)) => Some(Self::from_object(error)),
                // `{"error": "…"}`, possibly with a separate message.
                Some(Value::String(error)) => {
                    let beside = Self::from_object(body);
                    let message = beside.message.or_else(|| Some(error.clone()));
                    Some(Self { message, ..beside })
                }
                _ => Some(Self::from_object(body)),
            },
            // Google's gateways wrap the object in a list.
            Value::Array(list) => list.first().filter(|first| first.is_object()).and_then(Self::from_json),
            Value::String(text) => Some(Self {
                message: Some(text.clone()),
                ..Self::default()
            }),
            _ => None,
        }
    }

    /// The name of the gRPC code, for example `NOT_FOUND` where [`code`](Self::code) is `5`.
    #[must_use]
    pub fn grpc_code(&self) -> Option<&'static str> {
        Self::grpc_code_name(self.code.as_deref()?)
    }

    /// The name of a numeric gRPC code.
    #[must_use]
    pub fn grpc_code_name(code: &str) -> Option<&'static str> {
        GRPC_CODES.get(code.parse::<usize>().ok()?).copied()
    }

    fn from_object(object: &Map<String, Value>) -> Self {
        let text = |names: &[&str]| {
            names.iter().find_map(|name| match object.get(*name)? {
                Value::String(text) if !text.is_empty() => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            })
        };
        Self {
            message: text(&["message", "error_description", "detail"])
                .or_else(|| object.get("detail").and_then(listed_faults))
                // `{"message": {"detail": […]}}`, from Mistral.
                .or_else(|| Self::from_object(object.get("message")?.as_object()?).message)
                // `{"error": {"error": "…"}}`, in Yandex's streams.
                .or_else(|| text(&["error"])),
            type_: text(&["type"]),
            code: text(&["code", "grpcCode", "grpc_code"]),
            param: text(&["param"]),
            request_id: rpc_detail(object, "google.rpc.RequestInfo")
                .and_then(|info| info.get("requestId").or_else(|| info.get("request_id"))?.as_str())
                .map(str::to_owned),
            retry_after: rpc_detail(object, "google.rpc.RetryInfo")
                .and_then(|info| info.get("retryDelay").or_else(|| info.get("retry_delay"))?.as_str())
                .and_then(|delay| delay.strip_suffix('s')?.parse().ok())
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                .filter(|delay| !delay.is_zero()),
        }
    }
}

/// The entry with this type in the `details` of a `google.rpc.Status`.
fn rpc_detail<'j>(status: &'j Map<String, Value>, type_: &str) -> Option<&'j Value> {
    status.get("details")?.as_array()?.iter().find(|detail| {
        let name = detail.get("@type").and_then(Value::as_str);
        name.is_some_and(|name| name.rsplit('/').next() == Some(type_))
    })
}

/// The list of errors in a `FastAPI` response: `{"detail": [{"loc": ["body", "model"], "msg": "field required"}]}`.
fn listed_faults(detail: &Value) -> Option<String> {
    let faults: Vec<String> = detail
        .as_array()?
        .iter()
        .filter_map(|fault| {
            let message = fault.get("msg")?.as_str()?;
            let path = fault
                .get("loc")
                .and_then(Value::as_array)
                .map(Vec::as_slice)
                .unwrap_or_default();
            let path: Vec<Cow<'_, str>> = path
                .iter()
                .map(|step| step.as_str().map_or_else(|| step.to_string().into(), Cow::from))
                .collect();
            Some(if path.is_empty() {
                message.to_owned()
            } else {
                format!("{}: {message}", path.join("."))
            })
        })
        .collect();
    (!faults.is_empty()).then(|| faults.join("; "))
}

/// The names of gRPC's codes, indexed by number.
const GRPC_CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, want: [&str; 4]) {
        let error = ErrorBody::parse(body.as_bytes()).unwrap();
        let got = [&error.message, &error.type_, &error.code, &error.param];
        assert_eq!(got.map(|part| part.as_deref().unwrap_or_default()), want, "{body}");
    }

    #[test]
    fn reads_every_usual_format() {
        check(
            r#"{"error":{"message":"No such thing","type":"invalid_request_error","param":"model","code":"gone"}}"#,
            ["No such thing", "invalid_request_error", "gone", "model"],
        );
        check(
            r#"{"error":{"message":"m","type":"x","param":null,"code":null}}"#,
            ["m", "x", "", ""],
        );
        check(r#"{"error":{"message":"m","code":404}}"#, ["m", "", "404", ""]);
        check(r#"{"error":"text"}"#, ["text", "", "", ""]);
        check(r#"{"error":{"error":"text"}}"#, ["text", "", "", ""]);
        check(
            r#"{"error":"Not Found","message":"no route","status":404}"#,
            ["no route", "", "", ""],
        );
        check(
            r#"{"error":"invalid_grant","error_description":"expired"}"#,
            ["expired", "", "", ""],
        );
        check(r#"{"message":"text","code":16,"details":[]}"#, ["text", "", "16", ""]);
        check(
            r#"{"error":{"grpcCode":3,"httpCode":400,"message":"bad","httpStatus":"Bad Request"}}"#,
            ["bad", "", "3", ""],
        );
        check(r#"{"detail":"text"}"#, ["text", "", "", ""]);
        check(
            r#"{"detail":[{"loc":["body","tools",0],"msg":"field required","type":"missing"},{"msg":"and more"}]}"#,
            ["body.tools.0: field required; and more", "", "", ""],
        );
        check(
            r#"{"object":"error","message":{"detail":[{"loc":["body","store"],"msg":"not permitted"}]},"type":"invalid"}"#,
            ["body.store: not permitted", "invalid", "", ""],
        );
        check(r#"[{"error":{"message":"listed"}}]"#, ["listed", "", "", ""]);
        check(r#""just text""#, ["just text", "", "", ""]);
        check(r#"{"unknown": true}"#, ["", "", "", ""]);
        for body in ["", "<html></html>", "null", "7", "[]", "[[]]"] {
            assert_eq!(ErrorBody::parse(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn reads_the_details_of_grpc() {
        let error = ErrorBody::parse(
            br#"{"code":8,"message":"slow down","details":[
                {"@type":"type.googleapis.com/google.rpc.RequestInfo","requestId":"r-1"},
                {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.5s"}]}"#,
        )
        .unwrap();
        assert_eq!(error.request_id.as_deref(), Some("r-1"));
        assert_eq!(error.retry_after, Some(Duration::from_millis(1500)));
        assert_eq!(error.grpc_code(), Some("RESOURCE_EXHAUSTED"));
        assert_eq!(ErrorBody::grpc_code_name("17"), None);
        assert_eq!(ErrorBody::grpc_code_name("x"), None);
    }
}
