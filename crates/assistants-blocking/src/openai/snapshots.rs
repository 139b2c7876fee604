//! What a stream has told so far: the run, its messages, its steps.

use super::{Message, Run, RunStep, StreamEvent, Thread};

/// The latest state of everything a stream spoke of, by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshots {
    pub(super) thread: Option<Thread>,
    pub(super) run: Option<Run>,
    pub(super) messages: Vec<Message>,
    pub(super) steps: Vec<RunStep>,
    /// Positions of the message and the step that the last event was about.
    last_message: Option<usize>,
    last_step: Option<usize>,
}

impl Snapshots {
    /// Takes an event in. A delta whose object was never announced starts one.
    pub(super) fn apply(&mut self, event: &StreamEvent) {
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
            StreamEvent::RunStepCreated(step)
            | StreamEvent::RunStepInProgress(step)
            | StreamEvent::RunStepCompleted(step)
            | StreamEvent::RunStepFailed(step)
            | StreamEvent::RunStepCancelled(step)
            | StreamEvent::RunStepExpired(step) => {
                *self.step_mut(&step.id) = RunStep::clone(step);
            }
            StreamEvent::RunStepDelta(delta) => self.step_mut(&delta.id).apply(delta),
            StreamEvent::MessageCreated(message)
            | StreamEvent::MessageInProgress(message)
            | StreamEvent::MessageCompleted(message)
            | StreamEvent::MessageIncomplete(message) => {
                *self.message_mut(&message.id) = Message::clone(message);
            }
            StreamEvent::MessageDelta(delta) => self.message_mut(&delta.id).apply(delta),
            _ => {}
        }
    }

    /// The message that the last message event was about.
    pub(super) fn message(&self) -> Option<&Message> {
        self.messages.get(self.last_message?)
    }

    /// The step that the last step event was about.
    pub(super) fn step(&self) -> Option<&RunStep> {
        self.steps.get(self.last_step?)
    }

    fn message_mut(&mut self, id: &str) -> &mut Message {
        // The one before is nearly always the one: look there first.
        let at = self.last_message.filter(|at| self.messages[*at].id == id);
        let at = at.or_else(|| self.messages.iter().position(|message| message.id == id));
        let at = at.unwrap_or_else(|| {
            self.messages.push(Message {
                id: id.to_owned(),
                ..Message::default()
            });
            self.messages.len() - 1
        });
        self.last_message = Some(at);
        &mut self.messages[at]
    }

    fn step_mut(&mut self, id: &str) -> &mut RunStep {
        let at = self.last_step.filter(|at| self.steps[*at].id == id);
        let at = at.or_else(|| self.steps.iter().position(|step| step.id == id));
        let at = at.unwrap_or_else(|| {
            self.steps.push(RunStep {
                id: id.to_owned(),
                ..RunStep::default()
            });
            self.steps.len() - 1
        });
        self.last_step = Some(at);
        &mut self.steps[at]
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
