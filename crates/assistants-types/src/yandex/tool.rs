//! Tools, their calls and their results.

use serde_json::Value;

use super::{
    AutoCall, AutoStrategy, CallStrategy, CompletionOptions, ExpirationConfig, ExpirationPolicy, FunctionCall,
    FunctionResult, FunctionResultContent, FunctionTool, IdOf, JsonSchema, LastMessagesStrategy, ResponseFormat,
    ResponseFormatKind, SearchIndex, SearchIndexTool, SubmitToRun, SubmitToRunEvent, ToolCall, ToolCallList,
    ToolResult, ToolResultList, TruncationStrategy,
};

impl FunctionTool {
    /// A function without description and parameters.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self::default().name(name)
    }
}

impl SearchIndexTool {
    /// Search in one index.
    #[must_use]
    pub fn new(index: impl IdOf<SearchIndex>) -> Self {
        Self {
            search_index_ids: vec![index.into_id()],
            ..Self::default()
        }
    }
}

impl CallStrategy {
    /// Search when the model wants to.
    #[must_use]
    pub fn auto(instruction: impl Into<String>) -> Self {
        AutoCall::new(instruction).into()
    }
}

impl FunctionCall {
    /// A call of a function.
    #[must_use]
    pub fn new(name: impl Into<String>, arguments: Value) -> Self {
        Self {
            name: name.into(),
            arguments: Some(arguments),
            ..Self::default()
        }
    }

    /// The arguments as a type of the caller's. No arguments count as an empty object.
    ///
    /// # Errors
    ///
    /// If they are not what `T` wants.
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
    /// What the function of that name returned.
    #[must_use]
    pub fn new(name: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            content: Some(FunctionResultContent::Content(content.into())),
            ..Self::default()
        }
    }

    /// The text that the function returned; `None` if it is of a newer kind.
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
    /// The results of tool calls, for a run.
    #[must_use]
    pub fn tool_results(run: impl IdOf<super::Run>, results: impl IntoIterator<Item = impl Into<ToolResult>>) -> Self {
        Self::new(run).event(SubmitToRunEvent::ToolResultList(results.into_iter().collect()))
    }
}

impl ResponseFormat {
    /// Any JSON object. The instruction must ask for JSON too.
    #[must_use]
    pub fn json_object() -> Self {
        Self {
            kind: Some(ResponseFormatKind::JsonObject(true)),
            ..Self::default()
        }
    }

    /// JSON that follows a schema.
    #[must_use]
    pub fn json_schema(schema: Value) -> Self {
        JsonSchema::default().schema(schema).into()
    }
}

impl ExpirationConfig {
    /// Deleted so many days after the creation or after the last use.
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

    /// Only so many of the newest messages stay.
    #[must_use]
    pub fn last_messages(count: i64) -> Self {
        Self::LastMessagesStrategy(LastMessagesStrategy {
            num_messages: count,
            ..LastMessagesStrategy::default()
        })
    }
}

impl CompletionOptions {
    /// With a temperature from 0 to 1.
    #[must_use]
    pub fn with_temperature(temperature: f64) -> Self {
        Self::default().temperature(temperature)
    }
}
