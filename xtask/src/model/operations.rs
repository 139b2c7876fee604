//! The operations of a document.

use serde_json::Value;

use super::document::{Reader, paths};
use super::items::Operation;
use super::schema::{schema_name, text};

/// Names of the call options. A protocol parameter of the same name would shadow its option by a setter.
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
            let mut query = Vec::new();
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
                let wire = text(parameter, "name").unwrap_or_default();
                let name = wire.trim_end_matches("[]");
                if text(parameter, "in") != Some("query") {
                    continue;
                }
                if CALL_OPTIONS.contains(&name) {
                    return Err(format!("{place}: the parameter `{name}` collides with a call option"));
                }
                query.push(wire.to_owned());
            }
            let response = self.response_type(operation, "application/json");
            let streams = operation.get("x-stream") == Some(&Value::Bool(true));
            let (response, stream) = if streams {
                (None, response)
            } else {
                (response, self.response_type(operation, "text/event-stream"))
            };
            operations.push(Operation {
                id: field("operationId")?,
                constant: field("x-constant")?,
                method: method.to_uppercase(),
                path: path.to_owned(),
                summary: field("summary")?,
                query,
                request: operation
                    .get("requestBody")
                    .and_then(|body| self.content_type(body, None)),
                response,
                stream,
            });
        }
        Ok(operations)
    }

    /// The type of the first successful response.
    fn response_type(&self, operation: &Value, media: &str) -> Option<String> {
        let responses = operation.get("responses")?.as_object()?;
        let (_, response) = responses.iter().find(|(status, _)| status.starts_with('2'))?;
        self.content_type(response, Some(media))
    }

    /// The type of a body with this media type, or with the only one.
    fn content_type(&self, body: &Value, media: Option<&str>) -> Option<String> {
        let content = body.get("content")?.as_object()?;
        let content = match media {
            Some(media) => content.get(media)?,
            None => content.values().next()?,
        };
        let name = content.pointer("/schema/$ref")?.as_str().and_then(schema_name)?;
        let page_of = self.schemas.get(name).and_then(|schema| text(schema, "x-page-of"));
        Some(page_of.map_or_else(|| name.to_owned(), |item| format!("Page<{item}>")))
    }

    fn parameter(&self, parameter: &'d Value) -> Option<&'d Value> {
        match text(parameter, "$ref") {
            Some(reference) => self.document.pointer(reference.strip_prefix('#')?),
            None => Some(parameter),
        }
    }
}
