//! The operations of a document.

use serde_json::Value;

use super::document::{Reader, paths};
use super::items::Operation;
use super::schema::text;

/// Names of the call options. A wire parameter of the same name would hide its option behind a setter.
pub(super) const CALL_OPTIONS: &[&str] = &[
    "timeout",
    "deadline",
    "header",
    "query",
    "body_field",
    "max_retries",
    "idempotency_key",
    "cancel_with",
    "idle_timeout",
    "send",
    "send_raw",
    "send_streaming",
];

impl<'d> Reader<'d> {
    pub(super) fn operations(&self) -> Result<Vec<Operation>, String> {
        let mut operations = Vec::new();
        for (path, method, operation) in paths(self.document)? {
            let place = format!("{method} {path}");
            let field = |key: &str| {
                text(operation, key)
                    .map(str::to_owned)
                    .ok_or_else(|| format!("{place}: {key} is missing"))
            };
            for parameter in operation
                .get("parameters")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let parameter = self
                    .parameter(parameter)
                    .ok_or_else(|| format!("{place}: unknown parameter"))?;
                let name = text(parameter, "name").unwrap_or_default().trim_end_matches("[]");
                if text(parameter, "in") == Some("query") && CALL_OPTIONS.contains(&name) {
                    return Err(format!("{place}: the parameter `{name}` collides with a call option"));
                }
            }
            operations.push(Operation {
                id: field("operationId")?,
                constant: field("x-constant")?,
                method: method.to_uppercase(),
                path: path.to_owned(),
                summary: field("summary")?,
            });
        }
        Ok(operations)
    }

    fn parameter(&self, parameter: &'d Value) -> Option<&'d Value> {
        match text(parameter, "$ref") {
            Some(reference) => self.document.pointer(reference.strip_prefix('#')?),
            None => Some(parameter),
        }
    }
}
