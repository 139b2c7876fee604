//! Assembles a streamed run from its events.

use std::collections::HashMap;

use super::{Message, Run, RunStep, StepDetails, StreamEvent, Thread};

/// The latest state of the objects in a stream of events: the run, its messages and its steps.
///
/// ```
/// use assistants_types::openai::{RunAccumulator, StreamEvent};
///
/// let mut run = RunAccumulator::default();
/// for (event, data) in [
///     ("thread.run.created", r#"{"id":"run_1","status":"queued"}"#),
///     ("thread.message.delta", r#"{"id":"msg_1","delta":{"content":[{"index":0,"type":"text","text":{"value":"Hel"}}]}}"#),
///     ("thread.message.delta", r#"{"id":"msg_1","delta":{"content":[{"index":0,"type":"text","text":{"value":"lo"}}]}}"#),
/// ] {
///     run.apply(&StreamEvent::parse(event, data)?);
/// }
/// assert_eq!(run.run().map(|run| run.id.as_str()), Some("run_1"));
/// assert_eq!(run.message().map(|message| message.text()).as_deref(), Some("Hello"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RunAccumulator {
    state: AccumulatedRun,
    /// Positions of the message and the step of the last event.
    last_message: Option<usize>,
    last_step: Option<usize>,
    message_positions: Positions,
    step_positions: Positions,
}

/// The objects assembled from the events of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct AccumulatedRun {
    /// The thread, if the stream created it.
    pub thread: Option<Thread>,
    /// The run.
    pub run: Option<Run>,
    /// The messages that the run wrote, in the order of their first events.
    pub messages: Vec<Message>,
    /// Its steps, in the order of their first events.
    pub steps: Vec<RunStep>,
}

impl RunAccumulator {
    /// Adds an event. A delta for an unknown object creates the object.
    pub fn apply(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::RunStepDelta(delta) => self.step_mut(&delta.id).apply(delta),
            StreamEvent::MessageDelta(delta) => self.message_mut(&delta.id).apply(delta),
            // Deltas of the object may have arrived before it.
            StreamEvent::RunStepCreated(step) | StreamEvent::RunStepInProgress(step) => {
                let known = self.step_mut(&step.id);
                let before = std::mem::replace(known, RunStep::clone(step));
                if is_empty(&known.step_details) {
                    known.step_details = before.step_details;
                }
            }
            StreamEvent::MessageCreated(message) | StreamEvent::MessageInProgress(message) => {
                let known = self.message_mut(&message.id);
                let before = std::mem::replace(known, Message::clone(message));
                if known.content.is_empty() {
                    known.content = before.content;
                }
            }
            other => self.replace(other),
        }
    }

    /// Stores the object of an event that contains it completely.
    fn replace(&mut self, event: &StreamEvent) {
        if let Some(run) = event.run() {
            self.state.run = Some(run.clone());
        } else if let Some(step) = event.run_step() {
            *self.step_mut(&step.id) = step.clone();
        } else if let Some(message) = event.message() {
            *self.message_mut(&message.id) = message.clone();
        } else if let Some(thread) = event.thread() {
            self.state.thread = Some(thread.clone());
        }
    }

    /// The thread, if the stream created it.
    #[must_use]
    pub fn thread(&self) -> Option<&Thread> {
        self.state.thread.as_ref()
    }

    /// The run; `None` before its first event.
    #[must_use]
    pub fn run(&self) -> Option<&Run> {
        self.state.run.as_ref()
    }

    /// The message of the last message event.
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        self.state.messages.get(self.last_message?)
    }

    /// The step of the last step event.
    #[must_use]
    pub fn run_step(&self) -> Option<&RunStep> {
        self.state.steps.get(self.last_step?)
    }

    /// The messages that the run wrote, in the order of their first events.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.state.messages
    }

    /// Its steps, in the order of their first events.
    #[must_use]
    pub fn steps(&self) -> &[RunStep] {
        &self.state.steps
    }

    /// Returns all of the objects.
    #[must_use]
    pub fn finish(self) -> AccumulatedRun {
        self.state
    }

    fn message_mut(&mut self, id: &str) -> &mut Message {
        let messages = &mut self.state.messages;
        let at = self.last_message.filter(|at| messages[*at].id == id);
        let at = at.unwrap_or_else(|| {
            self.message_positions.of(id, || {
                messages.push(Message {
                    id: id.to_owned(),
                    ..Message::default()
                });
                messages.len() - 1
            })
        });
        self.last_message = Some(at);
        &mut messages[at]
    }

    fn step_mut(&mut self, id: &str) -> &mut RunStep {
        let steps = &mut self.state.steps;
        let at = self.last_step.filter(|at| steps[*at].id == id);
        let at = at.unwrap_or_else(|| {
            self.step_positions.of(id, || {
                steps.push(RunStep {
                    id: id.to_owned(),
                    ..RunStep::default()
                });
                steps.len() - 1
            })
        });
        self.last_step = Some(at);
        &mut steps[at]
    }
}

/// Whether the details of a step are still empty.
fn is_empty(details: &StepDetails) -> bool {
    match details {
        StepDetails::ToolCalls(details) => details.tool_calls.is_empty(),
        StepDetails::MessageCreation(details) => details.message_creation.message_id.is_empty(),
        StepDetails::Unknown(raw) => raw.is_null(),
    }
}

/// Positions of a stream's objects in their list, by id. The object is nearly always that of the previous event, so
/// callers look there first.
#[derive(Clone, Debug, Default)]
struct Positions(HashMap<String, usize>);

impl Positions {
    /// The position of the id; for a new id, `add` creates one.
    fn of(&mut self, id: &str, add: impl FnOnce() -> usize) -> usize {
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

    fn apply(events: &[(&str, &str)]) -> RunAccumulator {
        let mut run = RunAccumulator::default();
        for (name, data) in events {
            run.apply(&StreamEvent::parse(name, data).unwrap());
        }
        run
    }

    fn text(id: &str, value: &str) -> String {
        format!(r#"{{"id":"{id}","delta":{{"content":[{{"index":0,"type":"text","text":{{"value":"{value}"}}}}]}}}}"#)
    }

    #[test]
    fn assembles_interleaved_messages_separately() {
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
        let run = apply(&events);
        let texts: Vec<String> = run.messages().iter().map(Message::text).collect();
        assert_eq!(texts, ["one three", "two four"]);
        assert_eq!(run.message().unwrap().id, "msg_b");
    }

    #[test]
    fn an_object_that_is_announced_after_its_deltas_keeps_them() {
        let call = r#"{"id":"step_1","delta":{"step_details":{"type":"tool_calls","tool_calls":[
            {"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]}}}"#;
        let late = text("msg_a", "early ");
        let more = text("msg_a", "late");
        let run = apply(&[
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
        let message = run.message().unwrap();
        assert_eq!(
            (message.text().as_str(), message.run_id.as_deref()),
            ("early late", Some("run_1"))
        );
        let step = run.run_step().unwrap();
        assert_eq!((step.tool_calls().len(), step.run_id.as_str()), (1, "run_1"));
        // The final event takes precedence.
        let run = apply(&[
            ("thread.message.delta", &late),
            ("thread.message.completed", r#"{"id":"msg_a","content":[]}"#),
        ]);
        assert_eq!(run.message().unwrap().text(), "");
    }

    #[test]
    fn ids_are_looked_up_without_a_search() {
        let mut positions = Positions::default();
        let at: Vec<usize> = ["a", "b", "a", "c", "b"]
            .iter()
            .scan(0, |next, id| {
                let at = positions.of(id, || {
                    *next += 1;
                    *next - 1
                });
                Some(at)
            })
            .collect();
        assert_eq!(at, [0, 1, 0, 2, 1]);

        let mut run = RunAccumulator::default();
        for round in 0..2 {
            for n in 0..12_000 {
                let delta = text(&format!("msg_{n}"), if round == 0 { "a" } else { "b" });
                run.apply(&StreamEvent::parse("thread.message.delta", &delta).unwrap());
            }
        }
        assert_eq!(run.messages().len(), 12_000);
        assert!(run.messages().iter().all(|message| message.text() == "ab"));
    }

    #[test]
    fn a_delta_creates_an_unknown_object() {
        let call = r#"{"id":"step_1","delta":{"step_details":{"type":"tool_calls","tool_calls":[
            {"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]}}}"#;
        let more = r#"{"id":"step_1","delta":{"step_details":{"type":"tool_calls","tool_calls":[
            {"index":0,"type":"function","function":{"arguments":"{}"}}]}}}"#;
        let run = apply(&[("thread.run.step.delta", call), ("thread.run.step.delta", more)]);
        let calls = serde_json::to_value(run.run_step().unwrap().tool_calls()).unwrap();
        assert_eq!(calls[0]["id"], "call_1");
        assert_eq!(calls[0]["function"]["name"], "f");
        assert_eq!(calls[0]["function"]["arguments"], "{}");
    }
}
