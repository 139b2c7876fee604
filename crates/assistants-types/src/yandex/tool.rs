//! Tools, tool calls and tool results.

use serde_json::Value;

use super::{
    AutoCall, AutoStrategy, CallStrategy, CompletionOptions, ExpirationConfig, ExpirationPolicy, FunctionCall,
    FunctionResult, FunctionResultContent, FunctionTool, IdOf, JsonSchema, LastMessagesStrategy, ResponseFormat,
    ResponseFormatKind, SearchIndex, SearchIndexTool, SubmitToRun, SubmitToRunEvent, ToolCall, ToolCallList,
    ToolResult, ToolResultList, TruncationStrategy,
};

impl FunctionTool {
    /// A function without a description or parameters.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self::default().name(name)
    }
}

impl SearchIndexTool {
    /// Search in one search index.
    #[must_use]
    pub fn new(index: impl IdOf<SearchIndex>) -> Self {
        Self {
            search_index_ids: vec![index.into_id()],
            ..Self::default()
        }
    }
}

impl CallStrategy {
    /// Search when the model decides to.
    #[must_use]
    pub fn auto(instruction: impl Into<String>) -> Self {
        AutoCall::new(instruction).into()
    }
}

impl FunctionCall {
    /// A function call.
    #[must_use]
    pub fn new(name: impl Into<String>, arguments: Value) -> Self {
        Self {
            name: name.into(),
            arguments: Some(arguments),
            ..Self::default()
        }
    }

    /// Parses the arguments. Missing arguments are treated as an empty object.
    ///
    /// # Errors
    ///
    /// If the arguments do not match `T`.
    pub fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_value(
            self.arguments
                .clone()
                .unwrap_or_else(|| Value::Object(serde_json::Map::new())),
        )
    }
}

impl FromIterator<ToolCall> for ToolCallList {
    fn from_iter<I: IntoIterator<Item = ToolCall>>(calls: I) -> Self {
        Self {
            tool_calls: calls.into_iter().collect(),
            ..Self::default()
        }
    }
}

impl FunctionResult {
    /// The result of a call of the named function.
    #[must_use]
    pub fn new(name: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            content: Some(FunctionResultContent::Content(content.into())),
            ..Self::default()
        }
    }

    /// The returned text; `None` if the type of the content is unknown.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.as_content()
    }
}

impl<T: Into<ToolResult>> FromIterator<T> for ToolResultList {
    fn from_iter<I: IntoIterator<Item = T>>(results: I) -> Self {
        Self {
            tool_results: results.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }
}

impl SubmitToRun {
    /// A submission of the results of tool calls.
    #[must_use]
    pub fn tool_results(run: impl IdOf<super::Run>, results: impl IntoIterator<Item = impl Into<ToolResult>>) -> Self {
        Self::new(run).event(SubmitToRunEvent::ToolResultList(results.into_iter().collect()))
    }
}

impl ResponseFormat {
    /// Any JSON object. The instruction must ask for JSON as well.
    #[must_use]
    pub fn json_object() -> Self {
        Self {
            kind: Some(ResponseFormatKind::JsonObject(true)),
            ..Self::default()
        }
    }

    /// JSON that conforms to a schema.
    #[must_use]
    pub fn json_schema(schema: Value) -> Self {
        JsonSchema::default().schema(schema).into()
    }
}

impl ExpirationConfig {
    /// Expiration `ttl_days` days after the creation or the last use.
    #[must_use]
    pub fn new(policy: ExpirationPolicy, ttl_days: i64) -> Self {
        Self {
            expiration_policy: policy,
            ttl_days,
            ..Self::default()
        }
    }
}

impl TruncationStrategy {
    /// The service decides.
    #[must_use]
    pub fn auto() -> Self {
        Self::AutoStrategy(AutoStrategy::default())
    }

    /// Keeps only the `count` most recent messages.
    #[must_use]
    pub fn last_messages(count: i64) -> Self {
        Self::LastMessagesStrategy(LastMessagesStrategy {
            num_messages: count,
            ..LastMessagesStrategy::default()
        })
    }
}

impl CompletionOptions {
    /// With a sampling temperature, 0 to 1.
    #[must_use]
    pub fn with_temperature(temperature: f64) -> Self {
        Self::default().temperature(temperature)
    }
}
