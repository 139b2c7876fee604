//! Callbacks for a streamed run.

use std::collections::HashMap;

use crate::error::Error;
use crate::openai::{
    ImageFileContent, Message, MessageContent, MessageDelta, MessageDeltaContent, Run, RunAccumulator, RunStep,
    RunStepDelta, StepDetailsDelta, StepToolCall, StepToolCallDelta, StreamEvent, TextContent, TextDelta,
};

/// Callbacks for the events of a stream. By default, each does nothing.
///
/// For each event, [`on_event`](Self::on_event) is called first, then the methods for its subject, parts before the whole:
/// the text of a message is done before the message is. Snapshots include the current delta.
///
/// A closure that takes `&StreamEvent` is a handler too.
///
/// ```
/// use assistants_blocking::openai::{EventHandler, Text, TextDelta};
///
/// struct Printer;
///
/// impl EventHandler for Printer {
///     fn on_text_delta(&mut self, delta: &TextDelta, _: &Text) {
///         print!("{}", delta.value.as_deref().unwrap_or_default());
///     }
/// }
/// ```
pub trait EventHandler {
    /// Any event, before the methods below.
    fn on_event(&mut self, _event: &StreamEvent) {}

    /// The run changed its state.
    fn on_run(&mut self, _run: &Run) {}

    /// A message begins.
    fn on_message_created(&mut self, _message: &Message) {}
    /// A message grew; the message is as it is now.
    fn on_message_delta(&mut self, _delta: &MessageDelta, _message: &Message) {}
    /// A message ended, completed or not.
    fn on_message_done(&mut self, _message: &Message) {}

    /// A text part begins.
    fn on_text_created(&mut self, _text: &crate::openai::Text) {}
    /// A text part grew; the text is as it is now.
    fn on_text_delta(&mut self, _delta: &TextDelta, _text: &crate::openai::Text) {}
    /// A text part ended.
    fn on_text_done(&mut self, _text: &crate::openai::Text) {}
    /// An image of a message is complete.
    fn on_image_file_done(&mut self, _image: &crate::openai::ImageFile) {}

    /// A run step begins.
    fn on_run_step_created(&mut self, _step: &RunStep) {}
    /// A run step grew; the step is as it is now.
    fn on_run_step_delta(&mut self, _delta: &RunStepDelta, _step: &RunStep) {}
    /// A run step ended, completed or not.
    fn on_run_step_done(&mut self, _step: &RunStep) {}

    /// A tool call begins.
    fn on_tool_call_created(&mut self, _call: &StepToolCall) {}
    /// A tool call grew; the call is as it is now.
    fn on_tool_call_delta(&mut self, _delta: &StepToolCallDelta, _call: &StepToolCall) {}
    /// A tool call is complete, with all of its arguments. Reported once for each call.
    fn on_tool_call_done(&mut self, _call: &StepToolCall) {}

    /// A limit on time ended the stream; [`on_exception`](Self::on_exception) follows.
    fn on_timeout(&mut self) {}
    /// An error ended the stream.
    fn on_exception(&mut self, _error: &Error) {}
    /// The stream has ended, with or without an error. Always the last.
    fn on_end(&mut self) {}
}

impl<F: FnMut(&StreamEvent)> EventHandler for F {
    fn on_event(&mut self, event: &StreamEvent) {
        self(event);
    }
}

/// What has been reported to the handler: how many parts of each message and how many calls of each step.
#[derive(Default)]
pub(crate) struct Progress {
    messages: Reports,
    steps: Reports,
}

/// What was reported of each message or step.
type Reports = HashMap<String, Reported>;

/// Of one message or step: parts that were announced, and parts that were declared done.
#[derive(Default)]
struct Reported {
    created: usize,
    done: usize,
}

fn reported<'a>(all: &'a mut Reports, id: &str) -> &'a mut Reported {
    if !all.contains_key(id) {
        all.insert(id.to_owned(), Reported::default());
    }
    all.get_mut(id).expect("it is there or was inserted just now")
}

impl Progress {
    /// Calls the handler for an event. `seen` contains everything up to and including it.
    pub(super) fn report(&mut self, event: &StreamEvent, seen: &RunAccumulator, handler: &mut impl EventHandler) {
        handler.on_event(event);
        match event {
            StreamEvent::RunRequiresAction(run) => {
                // The step stays open until the outputs are there, but its calls are whole.
                if let Some(step) = seen.run_step() {
                    self.calls_done(step, step.tool_calls().len(), handler);
                }
                handler.on_run(run);
            }
            StreamEvent::MessageCreated(message) => handler.on_message_created(message),
            StreamEvent::MessageDelta(delta) => {
                if let Some(message) = seen.message() {
                    self.message_delta(delta, message, handler);
                }
            }
            StreamEvent::MessageCompleted(message) | StreamEvent::MessageIncomplete(message) => {
                self.parts_done(message, message.content.len(), handler);
                handler.on_message_done(message);
            }
            StreamEvent::RunStepCreated(step) => handler.on_run_step_created(step),
            StreamEvent::RunStepDelta(delta) => {
                if let Some(step) = seen.run_step() {
                    self.step_delta(delta, step, handler);
                }
            }
            StreamEvent::RunStepCompleted(step)
            | StreamEvent::RunStepFailed(step)
            | StreamEvent::RunStepCancelled(step)
            | StreamEvent::RunStepExpired(step) => {
                self.calls_done(step, step.tool_calls().len(), handler);
                handler.on_run_step_done(step);
            }
            other => {
                if let Some(run) = other.run() {
                    handler.on_run(run);
                }
            }
        }
    }

    fn message_delta(&mut self, delta: &MessageDelta, message: &Message, handler: &mut impl EventHandler) {
        for part in delta.delta.content.iter().flatten() {
            let at = match part {
                MessageDeltaContent::Text(part) => part.index,
                MessageDeltaContent::ImageFile(part) => part.index,
                MessageDeltaContent::ImageUrl(part) => part.index,
                MessageDeltaContent::Refusal(part) => part.index,
                _ => continue,
            };
            let Some((at, content)) = message.place_of(at).and_then(|at| Some((at, message.content.get(at)?))) else {
                continue;
            };
            // A part that begins ends the one before it.
            self.parts_done(message, at, handler);
            let reported = reported(&mut self.messages, &message.id);
            let begins = reported.created <= at;
            reported.created = reported.created.max(at + 1);
            if let (MessageContent::Text(TextContent { text, .. }), MessageDeltaContent::Text(part)) = (content, part) {
                if begins {
                    handler.on_text_created(text);
                }
                if let Some(delta) = &part.text {
                    handler.on_text_delta(delta, text);
                }
            }
        }
        handler.on_message_delta(delta, message);
    }

    /// Reports the parts of a message before `end` that were not reported as done yet.
    fn parts_done(&mut self, message: &Message, end: usize, handler: &mut impl EventHandler) {
        let reported = reported(&mut self.messages, &message.id);
        for (at, content) in message.content.iter().enumerate().take(end).skip(reported.done) {
            match content {
                MessageContent::Text(TextContent { text, .. }) => {
                    if reported.created <= at {
                        handler.on_text_created(text);
                    }
                    handler.on_text_done(text);
                }
                MessageContent::ImageFile(ImageFileContent { image_file, .. }) => {
                    handler.on_image_file_done(image_file);
                }
                _ => {}
            }
        }
        reported.done = reported.done.max(end);
        reported.created = reported.created.max(end);
    }

    fn step_delta(&mut self, delta: &RunStepDelta, step: &RunStep, handler: &mut impl EventHandler) {
        if let Some(StepDetailsDelta::ToolCalls(details)) = &delta.delta.step_details {
            for part in details.tool_calls.iter().flatten() {
                let at = match part {
                    StepToolCallDelta::Function(part) => part.index,
                    StepToolCallDelta::CodeInterpreter(part) => part.index,
                    StepToolCallDelta::FileSearch(part) => part.index,
                    _ => continue,
                };
                let Some((at, call)) = step
                    .place_of_call(at)
                    .and_then(|at| Some((at, step.tool_calls().get(at)?)))
                else {
                    continue;
                };
                self.calls_done(step, at, handler);
                let reported = reported(&mut self.steps, &step.id);
                if reported.created <= at {
                    reported.created = at + 1;
                    handler.on_tool_call_created(call);
                } else {
                    handler.on_tool_call_delta(part, call);
                }
            }
        }
        handler.on_run_step_delta(delta, step);
    }

    /// Reports the calls of a step before `end` that were not reported as whole yet.
    fn calls_done(&mut self, step: &RunStep, end: usize, handler: &mut impl EventHandler) {
        let reported = reported(&mut self.steps, &step.id);
        for (at, call) in step.tool_calls().iter().enumerate().take(end).skip(reported.done) {
            if reported.created <= at {
                handler.on_tool_call_created(call);
            }
            handler.on_tool_call_done(call);
        }
        reported.done = reported.done.max(end);
        reported.created = reported.created.max(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last method called other than `on_event`.
    #[derive(Default)]
    struct Last(&'static str);

    impl EventHandler for Last {
        fn on_run(&mut self, _: &Run) {
            self.0 = "on_run";
        }
        fn on_message_created(&mut self, _: &Message) {
            self.0 = "on_message_created";
        }
        fn on_message_delta(&mut self, _: &MessageDelta, _: &Message) {
            self.0 = "on_message_delta";
        }
        fn on_message_done(&mut self, _: &Message) {
            self.0 = "on_message_done";
        }
        fn on_run_step_created(&mut self, _: &RunStep) {
            self.0 = "on_run_step_created";
        }
        fn on_run_step_delta(&mut self, _: &RunStepDelta, _: &RunStep) {
            self.0 = "on_run_step_delta";
        }
        fn on_run_step_done(&mut self, _: &RunStep) {
            self.0 = "on_run_step_done";
        }
    }

    #[test]
    fn every_event_is_reported_by_its_method_unless_only_on_event_does() {
        for name in StreamEvent::NAMES {
            let event = StreamEvent::parse(name, r#"{"id":"a","thread_id":"b","delta":{}}"#).unwrap();
            let mut seen = RunAccumulator::default();
            seen.apply(&event);
            let mut last = Last::default();
            Progress::default().report(&event, &seen, &mut last);
            let (subject, what) = name.rsplit_once('.').unwrap_or(("", name));
            let want = match (subject, what) {
                ("thread.run", _) => "on_run",
                ("thread.message", "created") => "on_message_created",
                ("thread.message", "delta") => "on_message_delta",
                ("thread.run.step", "created") => "on_run_step_created",
                ("thread.run.step", "delta") => "on_run_step_delta",
                (_, "in_progress") | ("thread", "created") | ("", "error" | "done") => "",
                ("thread.message", _) => "on_message_done",
                ("thread.run.step", _) => "on_run_step_done",
                _ => panic!("{name}: decide which method reports it"),
            };
            assert_eq!(last.0, want, "{name}");
        }
    }
}
