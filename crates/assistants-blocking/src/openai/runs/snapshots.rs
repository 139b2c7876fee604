//! What a stream has told so far: the run, its messages, its steps.

use std::collections::HashMap;

use crate::openai::{Message, Run, RunStep, StepDetails, StreamEvent, Thread};

/// The latest state of everything a stream spoke of, by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshots {
    pub(crate) thread: Option<Thread>,
    pub(crate) run: Option<Run>,
    pub(crate) messages: Vec<Message>,
    pub(crate) steps: Vec<RunStep>,
    /// Positions of the message and the step that the last event was about.
    last_message: Option<usize>,
    last_step: Option<usize>,
    message_places: PositionById,
    step_places: PositionById,
}

impl Snapshots {
    /// Takes an event in. A delta whose object was never announced starts one.
    pub(crate) fn apply(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::ThreadCreated(thread) => self.thread = Some(thread.data.clone()),
            StreamEvent::RunCreated(run)
            | StreamEvent::RunQueued(run)
            | StreamEvent::RunInProgress(run)
            | StreamEvent::RunRequiresAction(run)
            | StreamEvent::RunCompleted(run)
            | StreamEvent::RunIncomplete(run)
            | StreamEvent::RunFailed(run)
            | StreamEvent::RunCancelling(run)
            | StreamEvent::RunCancelled(run)
            | StreamEvent::RunExpired(run) => self.run = Some(Run::clone(run)),
            StreamEvent::RunStepCreated(step) | StreamEvent::RunStepInProgress(step) => {
                let known = self.step_mut(&step.id);
                let before = std::mem::replace(known, RunStep::clone(step));
                // Its deltas may have come before it.
                if is_empty(&known.step_details) {
                    known.step_details = before.step_details;
                }
            }
            StreamEvent::RunStepCompleted(step)
            | StreamEvent::RunStepFailed(step)
            | StreamEvent::RunStepCancelled(step)
            | StreamEvent::RunStepExpired(step) => {
                *self.step_mut(&step.id) = RunStep::clone(step);
            }
            StreamEvent::RunStepDelta(delta) => self.step_mut(&delta.id).apply(delta),
            StreamEvent::MessageCreated(message) | StreamEvent::MessageInProgress(message) => {
                let known = self.message_mut(&message.id);
                let before = std::mem::replace(known, Message::clone(message));
                if known.content.is_empty() {
                    known.content = before.content;
                }
            }
            StreamEvent::MessageCompleted(message) | StreamEvent::MessageIncomplete(message) => {
                *self.message_mut(&message.id) = Message::clone(message);
            }
            StreamEvent::MessageDelta(delta) => self.message_mut(&delta.id).apply(delta),
            _ => {}
        }
    }

    /// The message that the last message event was about.
    pub(crate) fn message(&self) -> Option<&Message> {
        self.messages.get(self.last_message?)
    }

    /// The step that the last step event was about.
    pub(crate) fn step(&self) -> Option<&RunStep> {
        self.steps.get(self.last_step?)
    }

    fn message_mut(&mut self, id: &str) -> &mut Message {
        let at = self.last_message.filter(|at| self.messages[*at].id == id);
        let at = at.unwrap_or_else(|| {
            self.message_places.of(id, || {
                self.messages.push(Message {
                    id: id.to_owned(),
                    ..Message::default()
                });
                self.messages.len() - 1
            })
        });
        self.last_message = Some(at);
        &mut self.messages[at]
    }

    fn step_mut(&mut self, id: &str) -> &mut RunStep {
        let at = self.last_step.filter(|at| self.steps[*at].id == id);
        let at = at.unwrap_or_else(|| {
            self.step_places.of(id, || {
                self.steps.push(RunStep {
                    id: id.to_owned(),
                    ..RunStep::default()
                });
                self.steps.len() - 1
            })
        });
        self.last_step = Some(at);
        &mut self.steps[at]
    }
}

/// Whether the details of a step say nothing yet.
fn is_empty(details: &StepDetails) -> bool {
    match details {
        StepDetails::ToolCalls(details) => details.tool_calls.is_empty(),
        StepDetails::MessageCreation(details) => details.message_creation.message_id.is_empty(),
        StepDetails::Unknown(raw) => raw.is_null(),
        _ => false,
    }
}

/// Where in a list the objects of a stream are, by id. The object of the event before is nearly always the one; the
/// callers look there first.
#[derive(Clone, Debug, Default)]
pub(crate) struct PositionById(HashMap<String, usize>);

impl PositionById {
    /// The place of that id; `add` makes one for an id that is new.
    pub(crate) fn of(&mut self, id: &str, add: impl FnOnce() -> usize) -> usize {
        match self.0.get(id) {
            Some(at) => *at,
            None => {
                let at = add();
                self.0.insert(id.to_owned(), at);
                at
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(events: &[(&str, &str)]) -> Snapshots {
        let mut snapshots = Snapshots::default();
        for (name, data) in events {
            snapshots.apply(&StreamEvent::parse(name, data).unwrap());
        }
        snapshots
    }

    fn text(id: &str, value: &str) -> String {
        format!(r#"{{"id":"{id}","delta":{{"content":[{{"index":0,"type":"text","text":{{"value":"{value}"}}}}]}}}}"#)
    }

    #[test]
    fn keeps_interleaved_messages_apart() {
        let deltas = [
            text("msg_a", "one "),
            text("msg_b", "two "),
            text("msg_a", "three"),
            text("msg_b", "four"),
        ];
        let events: Vec<(&str, &str)> = deltas
            .iter()
            .map(|data| ("thread.message.delta", data.as_str()))
            .collect();
        let snapshots = apply(&events);
        let texts: Vec<String> = snapshots.messages.iter().map(Message::text).collect();
        assert_eq!(texts, ["one three", "two four"]);
        assert_eq!(snapshots.message().unwrap().id, "msg_b");
    }

    #[test]
    fn an_object_that_is_announced_after_its_deltas_keeps_them() {
        let call = r#"{"id":"step_1","delta":{"step_details":{"type":"tool_calls","tool_calls":[
            {"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]}}}"#;
        let late = text("msg_a", "early ");
        let more = text("msg_a", "late");
        let snapshots = apply(&[
            ("thread.message.delta", &late),
            (
                "thread.message.created",
                r#"{"id":"msg_a","role":"assistant","content":[]}"#,
            ),
            (
                "thread.message.in_progress",
                r#"{"id":"msg_a","role":"assistant","run_id":"run_1"}"#,
            ),
            ("thread.message.delta", &more),
            ("thread.run.step.delta", call),
            (
                "thread.run.step.created",
                r#"{"id":"step_1","run_id":"run_1","step_details":{"type":"tool_calls","tool_calls":[]}}"#,
            ),
        ]);
        let message = snapshots.message().unwrap();
        assert_eq!(
            (message.text().as_str(), message.run_id.as_deref()),
            ("early late", Some("run_1"))
        );
        let step = snapshots.step().unwrap();
        assert_eq!((step.tool_calls().len(), step.run_id.as_str()), (1, "run_1"));
        // The end has the last word.
        let snapshots = apply(&[
            ("thread.message.delta", &late),
            ("thread.message.completed", r#"{"id":"msg_a","content":[]}"#),
        ]);
        assert_eq!(snapshots.message().unwrap().text(), "");
    }

    #[test]
    fn ids_are_looked_up_and_not_searched_for() {
        let mut places = PositionById::default();
        let at: Vec<usize> = ["a", "b", "a", "c", "b"]
            .iter()
            .scan(0, |next, id| {
                let at = places.of(id, || {
                    *next += 1;
                    *next - 1
                });
                Some(at)
            })
            .collect();
        assert_eq!(at, [0, 1, 0, 2, 1]);

        let mut snapshots = Snapshots::default();
        for round in 0..2 {
            for n in 0..12_000 {
                let delta = text(&format!("msg_{n}"), if round == 0 { "a" } else { "b" });
                snapshots.apply(&StreamEvent::parse("thread.message.delta", &delta).unwrap());
            }
        }
        assert_eq!(snapshots.messages.len(), 12_000);
        assert!(snapshots.messages.iter().all(|message| message.text() == "ab"));
    }

    #[test]
    fn a_delta_starts_what_was_not_announced() {
        let call = r#"{"id":"step_1","delta":{"step_details":{"type":"tool_calls","tool_calls":[
            {"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]}}}"#;
        let more = r#"{"id":"step_1","delta":{"step_details":{"type":"tool_calls","tool_calls":[
            {"index":0,"type":"function","function":{"arguments":"{}"}}]}}}"#;
        let snapshots = apply(&[("thread.run.step.delta", call), ("thread.run.step.delta", more)]);
        let calls = serde_json::to_value(snapshots.step().unwrap().tool_calls()).unwrap();
        assert_eq!(calls[0]["id"], "call_1");
        assert_eq!(calls[0]["function"]["name"], "f");
        assert_eq!(calls[0]["function"]["arguments"], "{}");
    }
}
