//! What the events of a streamed response have in common.

use super::{Response, ResponseEvent};

impl ResponseEvent {
    /// The new text of a message; `None` for other events.
    #[must_use]
    pub fn text_delta(&self) -> Option<&str> {
        match self {
            Self::TextDelta(event) => Some(&event.delta),
            _ => None,
        }
    }

    /// The response, if the event has it: with its output in the last event, without it before that.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        match self {
            Self::Created(event) => Some(&event.response),
            Self::InProgress(event) => Some(&event.response),
            Self::Completed(event) => Some(&event.response),
            Self::Incomplete(event) => Some(&event.response),
            Self::Failed(event) => Some(&event.response),
            _ => None,
        }
    }

    /// Whether nothing follows this event.
    #[must_use]
    pub fn is_last(&self) -> bool {
        matches!(
            self,
            Self::Completed(_) | Self::Incomplete(_) | Self::Failed(_) | Self::Error(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(type_: &str) -> ResponseEvent {
        let event = json!({"type": type_, "delta": "Hi", "response": {"id": "resp_1"}, "message": "m"});
        serde_json::from_value(event).unwrap()
    }

    #[test]
    fn the_last_event_ends_the_response() {
        for (type_, is_last) in [
            ("response.created", false),
            ("response.in_progress", false),
            ("response.output_text.delta", false),
            ("response.reasoning_summary_text.delta", false),
            ("response.completed", true),
            ("response.incomplete", true),
            ("response.failed", true),
            ("error", true),
        ] {
            assert_eq!(event(type_).is_last(), is_last, "{type_}");
        }
    }

    #[test]
    fn an_event_has_text_or_a_response_or_neither() {
        assert_eq!(event("response.output_text.delta").text_delta(), Some("Hi"));
        assert_eq!(event("response.refusal.delta").text_delta(), None);
        assert_eq!(event("response.failed").response().unwrap().id, "resp_1");
        assert_eq!(event("error").response(), None);
    }
}
