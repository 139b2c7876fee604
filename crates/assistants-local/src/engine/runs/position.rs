//! Positions in the events of a run. They are the ids of its server-sent events.
//!
//! A position is what a reader has of the run: the last event of the run itself, the number of steps that have begun,
//! and how much of each step that has not ended. It does not count events, because the same text can arrive in many
//! pieces or in one. It therefore has the same meaning for every reader, and in every process that has the database.
//!
//! Each reader advances a position of its own by the events that it is sent, so the log of a run contains no ids.
//!
//! Written, a position is `TURN.EVENT.STEPS`, and `-STEP.EVENT` for each step that has not ended, followed by the
//! number of bytes of its text, or of the arguments of each of its calls: `0.3.1-1.4.120`.

use std::fmt;
use std::str::FromStr;

use assistants_types::openai::{MessageDeltaContent, RunStep, StepDetailsDelta, StepToolCallDelta, StreamEvent};

/// An event of a run itself, in the order in which they occur in a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RunPoint {
    #[default]
    Nothing,
    Created,
    Queued,
    InProgress,
    /// It waits for tool outputs. The next turn begins when it is queued again.
    Waits,
    Cancelling,
    Ended,
}

/// An event of a step or of the message that it writes, in the order in which they occur.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum StepPoint {
    #[default]
    Nothing,
    Created,
    InProgress,
    MessageCreated,
    MessageInProgress,
    MessageEnded,
}

const RUN_POINTS: [RunPoint; 7] = [
    RunPoint::Nothing,
    RunPoint::Created,
    RunPoint::Queued,
    RunPoint::InProgress,
    RunPoint::Waits,
    RunPoint::Cancelling,
    RunPoint::Ended,
];

const STEP_POINTS: [StepPoint; 6] = [
    StepPoint::Nothing,
    StepPoint::Created,
    StepPoint::InProgress,
    StepPoint::MessageCreated,
    StepPoint::MessageInProgress,
    StepPoint::MessageEnded,
];

/// What a reader has of a run; by default, nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// How often the run has continued after tool outputs.
    pub(super) turn: usize,
    /// The last event of the run itself in this turn.
    pub(super) run: RunPoint,
    /// The number of steps that have begun.
    pub(super) steps: usize,
    /// Those of them that have not ended.
    pub(super) open: Vec<OpenStep>,
}

/// A step that has not ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OpenStep {
    /// The number of the step, counted from 1.
    pub(super) number: usize,
    pub(super) point: StepPoint,
    /// The number of bytes of the message's text, followed by the number of its images, if it has any; or of the arguments of
    /// each call. A search counts as a call. Of an execution, the number of bytes of the code, and the number of
    /// outputs.
    pub(super) lengths: Vec<usize>,
    /// The id of the step. Not written; found by [`Position::find_steps`].
    pub(super) id: String,
    pub(super) message_id: Option<String>,
}

/// A text that is not a position, or not one of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnknownPosition;

impl Position {
    /// Adds the ids of the steps that have not ended. `steps` are those of the run, oldest first.
    pub(super) fn find_steps(&mut self, steps: &[&RunStep]) -> Result<(), UnknownPosition> {
        if self.steps > steps.len() {
            return Err(UnknownPosition);
        }
        let mut last = 0;
        for open in &mut self.open {
            let step = open.number.checked_sub(1).and_then(|index| steps.get(index));
            let step = step.filter(|_| open.number > last && open.number <= self.steps);
            let step = step.ok_or(UnknownPosition)?;
            last = open.number;
            open.id.clone_from(&step.id);
            open.message_id = step.message_id().map(str::to_owned);
        }
        Ok(())
    }

    pub(super) fn has_run_event(&self, turn: usize, point: RunPoint) -> bool {
        (turn, point) <= (self.turn, self.run)
    }

    /// Returns what the reader has of a step, or `None` if it has all of it.
    pub(super) fn step(&self, number: usize) -> Option<OpenStep> {
        match self.open.iter().find(|open| open.number == number) {
            Some(open) => Some(open.clone()),
            None if number > self.steps => Some(OpenStep::default()),
            None => None,
        }
    }

    /// Adds an event to what the reader has. Events that report an error or the end of the stream change nothing.
    pub(crate) fn advance(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::MessageDelta(delta) => {
                if let Some(open) = self.open_by(|open| open.message_id.as_deref() == Some(&delta.id)) {
                    add_length(&mut open.lengths, 0, delta.text().len());
                    let content = delta.delta.content.iter().flatten();
                    let is_image = |part: &&MessageDeltaContent| matches!(part, MessageDeltaContent::ImageFile(_));
                    let images = content.filter(is_image).count();
                    if images > 0 {
                        add_length(&mut open.lengths, 1, images);
                    }
                }
            }
            StreamEvent::RunStepDelta(delta) => {
                if let Some(open) = self.open_by(|open| open.id == delta.id)
                    && let Some(StepDetailsDelta::ToolCalls(details)) = &delta.delta.step_details
                {
                    for call in details.tool_calls.iter().flatten() {
                        add_call(&mut open.lengths, call);
                    }
                }
            }
            StreamEvent::RunStepCreated(step) => {
                self.steps += 1;
                self.open.push(OpenStep {
                    number: self.steps,
                    point: StepPoint::Created,
                    lengths: Vec::new(),
                    id: step.id.clone(),
                    message_id: step.message_id().map(str::to_owned),
                });
            }
            StreamEvent::RunStepInProgress(step) => {
                if let Some(open) = self.open_by(|open| open.id == step.id) {
                    open.point = StepPoint::InProgress;
                }
            }
            StreamEvent::RunStepCompleted(step)
            | StreamEvent::RunStepFailed(step)
            | StreamEvent::RunStepCancelled(step)
            | StreamEvent::RunStepExpired(step) => self.open.retain(|open| open.id != step.id),
            StreamEvent::MessageCreated(message) => self.message_event(&message.id, StepPoint::MessageCreated),
            StreamEvent::MessageInProgress(message) => self.message_event(&message.id, StepPoint::MessageInProgress),
            StreamEvent::MessageCompleted(message) | StreamEvent::MessageIncomplete(message) => {
                self.message_event(&message.id, StepPoint::MessageEnded);
            }
            _ => self.run_event(event),
        }
    }

    fn run_event(&mut self, event: &StreamEvent) {
        self.run = match event {
            StreamEvent::RunCreated(_) => RunPoint::Created,
            StreamEvent::RunQueued(_) => {
                if self.run == RunPoint::Waits {
                    self.turn += 1;
                }
                RunPoint::Queued
            }
            StreamEvent::RunInProgress(_) => RunPoint::InProgress,
            StreamEvent::RunRequiresAction(_) => RunPoint::Waits,
            StreamEvent::RunCancelling(_) => RunPoint::Cancelling,
            StreamEvent::RunCancelled(_)
            | StreamEvent::RunCompleted(_)
            | StreamEvent::RunExpired(_)
            | StreamEvent::RunFailed(_)
            | StreamEvent::RunIncomplete(_) => RunPoint::Ended,
            _ => self.run,
        };
    }

    fn message_event(&mut self, id: &str, point: StepPoint) {
        if let Some(open) = self.open_by(|open| open.message_id.as_deref() == Some(id)) {
            open.point = point;
        }
    }

    fn open_by(&mut self, is_it: impl Fn(&OpenStep) -> bool) -> Option<&mut OpenStep> {
        self.open.iter_mut().find(|open| is_it(open))
    }
}

fn add_call(lengths: &mut Vec<usize>, call: &StepToolCallDelta) {
    let (index, length) = match call {
        StepToolCallDelta::Function(call) => {
            let arguments = call.function.as_ref().and_then(|function| function.arguments.as_ref());
            (call.index, arguments.map_or(0, String::len))
        }
        StepToolCallDelta::FileSearch(call) => (call.index, 0),
        StepToolCallDelta::CodeInterpreter(call) => {
            let delta = call.code_interpreter.as_ref();
            let input = delta.and_then(|delta| delta.input.as_ref());
            add_length(lengths, 0, input.map_or(0, String::len));
            // It is the only call of its step, so the next length is that of its outputs.
            match delta.and_then(|delta| delta.outputs.as_ref()) {
                Some(outputs) if !outputs.is_empty() => (1, outputs.len()),
                _ => return,
            }
        }
        _ => return,
    };
    if let Ok(index) = usize::try_from(index) {
        add_length(lengths, index, length);
    }
}

/// Adds to a length. Calls are numbered in the order in which they begin, so at most one is new.
fn add_length(lengths: &mut Vec<usize>, index: usize, length: usize) {
    if index == lengths.len() {
        lengths.push(0);
    }
    if let Some(known) = lengths.get_mut(index) {
        *known = known.saturating_add(length);
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.turn, self.run as u8, self.steps)?;
        for open in &self.open {
            write!(f, "-{}.{}", open.number, open.point as u8)?;
            for length in &open.lengths {
                write!(f, ".{length}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Position {
    type Err = UnknownPosition;

    fn from_str(text: &str) -> Result<Self, UnknownPosition> {
        let mut parts = text.split('-');
        let run = numbers(parts.next().unwrap_or_default())?;
        let &[turn, run, steps] = run.as_slice() else {
            return Err(UnknownPosition);
        };
        let open = parts.map(|part| {
            let numbers = numbers(part)?;
            let [number, point, lengths @ ..] = numbers.as_slice() else {
                return Err(UnknownPosition);
            };
            Ok(OpenStep {
                number: *number,
                point: *STEP_POINTS.get(*point).ok_or(UnknownPosition)?,
                lengths: lengths.to_vec(),
                ..OpenStep::default()
            })
        });
        let position = Self {
            turn,
            run: *RUN_POINTS.get(run).ok_or(UnknownPosition)?,
            steps,
            open: open.collect::<Result<_, _>>()?,
        };
        // There is one way to write a position.
        if position.to_string() == text {
            Ok(position)
        } else {
            Err(UnknownPosition)
        }
    }
}

fn numbers(text: &str) -> Result<Vec<usize>, UnknownPosition> {
    text.split('.')
        .map(|number| number.parse().map_err(|_| UnknownPosition))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_written_in_one_way() {
        for text in ["0.0.0", "0.3.1-1.4.120", "2.4.7-5.2.10.0.3-7.4.1"] {
            assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
        }
        let wrong = [
            "",
            "0",
            "0.0",
            "0.0.0.0",
            "0.7.0",
            "0.0.0-",
            "0.0.1-1",
            "0.0.1-1.6",
            "00.0.0",
            "+0.0.0",
            "0.0.-1",
            " 0.0.0",
            "0.0.0\n",
            "0.0.99999999999999999999",
            "a.b.c",
            "evt_1",
        ];
        for text in wrong {
            assert_eq!(text.parse::<Position>(), Err(UnknownPosition), "{text:?}");
        }
    }
}
