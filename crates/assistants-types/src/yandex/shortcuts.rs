//! Shortcuts to nested members of objects and requests.

use super::{
    Assistant, CompletionOptions, CreateAssistant, CreateRun, ExpirationConfig, ExpirationPolicy,
    PromptTruncationOptions, Run, TruncationStrategy,
};

/// Setters of nested fields, for each type that contains the outer field.
macro_rules! nested {
    ($request:ident: $completion:ident, $truncation:ident; $temperature:ident $max_tokens:ident $max_prompt_tokens:ident $strategy:ident) => {
        impl $request {
            /// Sets the sampling temperature, 0 to 1.
            #[must_use]
            pub fn $temperature(mut self, temperature: f64) -> Self {
                self.completion().temperature = Some(temperature);
                self
            }

            /// Sets the maximum number of tokens of an answer.
            #[must_use]
            pub fn $max_tokens(mut self, tokens: i64) -> Self {
                self.completion().max_tokens = Some(tokens);
                self
            }

            /// Sets the maximum number of prompt tokens.
            #[must_use]
            pub fn $max_prompt_tokens(mut self, tokens: i64) -> Self {
                self.truncation().max_prompt_tokens = Some(tokens);
                self
            }

            /// Sets how a conversation is truncated when it is too long for the model.
            #[must_use]
            pub fn $strategy(mut self, strategy: impl Into<TruncationStrategy>) -> Self {
                self.truncation().strategy = Some(strategy.into());
                self
            }

            fn completion(&mut self) -> &mut CompletionOptions {
                self.$completion.get_or_insert_default()
            }

            fn truncation(&mut self) -> &mut PromptTruncationOptions {
                self.$truncation.get_or_insert_default()
            }
        }
    };
}

nested!(CreateAssistant: completion_options, prompt_truncation_options;
    temperature max_tokens max_prompt_tokens prompt_truncation_strategy);
nested!(CreateRun: custom_completion_options, custom_prompt_truncation_options;
    custom_temperature custom_max_tokens custom_max_prompt_tokens custom_prompt_truncation_strategy);

impl CreateAssistant {
    /// Sets the event from which [`ttl_days`](Self::ttl_days) are counted. The service requires both or neither.
    #[must_use]
    pub fn expiration_policy(mut self, policy: impl Into<ExpirationPolicy>) -> Self {
        self.expiration().expiration_policy = policy.into();
        self
    }

    /// Sets the number of days after which the object expires; see [`expiration_policy`](Self::expiration_policy).
    #[must_use]
    pub fn ttl_days(mut self, days: i64) -> Self {
        self.expiration().ttl_days = days;
        self
    }

    fn expiration(&mut self) -> &mut ExpirationConfig {
        self.expiration_config.get_or_insert_default()
    }
}

/// Getters of nested fields.
macro_rules! inner {
    ($object:ident: $($name:ident from $outer:ident . $inner:ident: $type:ty, $what:literal;)+) => {
        impl $object {$(
            #[doc = $what]
            #[must_use]
            pub fn $name(&self) -> Option<$type> {
                self.$outer.as_ref()?.$inner
            }
        )+}
    };
}

inner!(Assistant:
    temperature from completion_options.temperature: f64,
        "The sampling temperature; `None` for the service's default.";
    max_tokens from completion_options.max_tokens: i64,
        "The maximum number of tokens of an answer; `None` for the service's default.";
    max_prompt_tokens from prompt_truncation_options.max_prompt_tokens: i64,
        "The maximum number of prompt tokens; `None` for the service's default.";
);
inner!(Run:
    custom_temperature from custom_completion_options.temperature: f64,
        "The sampling temperature that overrides the assistant's.";
    custom_max_tokens from custom_completion_options.max_tokens: i64,
        "The maximum number of tokens of an answer that overrides the assistant's.";
    custom_max_prompt_tokens from custom_prompt_truncation_options.max_prompt_tokens: i64,
        "The maximum number of prompt tokens that overrides the assistant's.";
);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nested_setters_keep_other_fields() {
        let assistant = CreateAssistant::new("f", "m")
            .temperature(0.0)
            .max_tokens(5)
            .max_prompt_tokens(7)
            .prompt_truncation_strategy(TruncationStrategy::auto())
            .expiration_policy(ExpirationPolicy::Static)
            .ttl_days(3);
        assert_eq!(
            serde_json::to_value(assistant).unwrap(),
            json!({"folderId": "f", "modelUri": "m",
                "completionOptions": {"temperature": 0.0, "maxTokens": "5"},
                "promptTruncationOptions": {"maxPromptTokens": "7", "autoStrategy": {}},
                "expirationConfig": {"expirationPolicy": "STATIC", "ttlDays": "3"}})
        );
        let run = CreateRun::new("a", "t").custom_max_tokens(5).custom_temperature(0.5);
        let text = serde_json::to_string(&run)
            .unwrap()
            .replace("\"assistantId\"", "\"id\"");
        let made: Run = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (made.custom_max_tokens(), made.custom_temperature()),
            (Some(5), Some(0.5))
        );
        assert_eq!(made.custom_max_prompt_tokens(), None);
        assert_eq!(
            serde_json::to_value(run).unwrap(),
            json!({"assistantId": "a", "threadId": "t",
                "customCompletionOptions": {"temperature": 0.5, "maxTokens": "5"}})
        );
    }
}
