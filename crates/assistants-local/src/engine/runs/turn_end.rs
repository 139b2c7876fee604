//! How a turn of a run ended.

use assistants_types::openai::{Message, Run, RunIncompleteReason, RunStatus, StreamEvent, ToolCall};

/// How a turn ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TurnEnd {
    Calls(Vec<ToolCall>),
    Message(Box<Message>),
    Failure(String),
}

impl TurnEnd {
    /// Returns how a turn ended, from the events of its end.
    pub(crate) fn of(events: &[StreamEvent]) -> Option<Self> {
        let message = || {
            events.iter().rev().find_map(|event| match event {
                StreamEvent::MessageCompleted(message) | StreamEvent::MessageIncomplete(message) => {
                    Some(message.clone())
                }
                _ => None,
            })
        };
        events.iter().rev().find_map(|event| match event {
            StreamEvent::RunRequiresAction(run) => Some(Self::Calls(run.tool_calls().to_vec())),
            StreamEvent::RunCompleted(run)
            | StreamEvent::RunIncomplete(run)
            | StreamEvent::RunFailed(run)
            | StreamEvent::RunCancelled(run)
            | StreamEvent::RunExpired(run) => Self::of_run(run, message()),
            _ => None,
        })
    }

    /// Returns how a run ended; `None` if it has not. `message` is the last one that it wrote.
    pub(crate) fn of_run(run: &Run, message: Option<Box<Message>>) -> Option<Self> {
        let failed = |reason: &str| Some(Self::Failure(reason.to_owned()));
        match (&run.status, message) {
            (RunStatus::Completed, Some(message)) => Some(Self::Message(message)),
            (RunStatus::Completed, None) => failed("The run ended without a message."),
            (RunStatus::Incomplete, message) => {
                let reason = run
                    .incomplete_details
                    .as_ref()
                    .and_then(|details| details.reason.as_ref());
                match message {
                    _ if reason == Some(&RunIncompleteReason::MaxPromptTokens) => {
                        failed("The prompt exceeds its limit.")
                    }
                    Some(message) => Some(Self::Message(message)),
                    None => failed("The answer exceeds its limit."),
                }
            }
            (RunStatus::Failed, _) => {
                let error = run.last_error.as_ref();
                failed(error.map_or("The run failed.", |error| error.message.as_str()))
            }
            (RunStatus::Cancelled, _) => failed("The run was cancelled."),
            (RunStatus::Expired, _) => failed("The run took too long."),
            _ => None,
        }
    }
}

/// Returns why a run ended without an answer; `None` if it has one. `message` is the last one that it wrote.
pub(crate) fn failure_of(run: &Run, message: Option<&Message>) -> Option<String> {
    match TurnEnd::of_run(run, message.cloned().map(Box::new)) {
        Some(TurnEnd::Failure(reason)) => Some(reason),
        _ => None,
    }
}
