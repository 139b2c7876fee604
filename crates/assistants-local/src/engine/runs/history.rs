//! The history of a run: the texts and ends of its turns, as numbered events that can be read from any number.
//!
//! Events are counted from 0. The event of a growing text is the whole text of its turn so far, so only the text and
//! the lengths at which it was reported are kept. The current turn is in memory, and is stored in the transaction that
//! ends it.
//!
//! Readers pull: each has a cursor and takes the events that exist. A slow reader delays nothing and needs no memory.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use assistants_types::openai::{Message, ToolCall};
use serde::{Deserialize, Serialize};

use super::turn_end::TurnEnd;

/// Up to this length of a text, in bytes, each piece is an event. Beyond it, an event must add at least a 64th of the
/// text, because the total size of all events would otherwise grow with the square of its length.
const EVERY_PIECE_UP_TO: usize = 16 * 1024;

/// How much of a run's history is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Detail {
    /// The ends of its turns.
    Ends,
    /// The ends of its turns, and how their texts grew.
    Pieces,
}

/// An event in the history of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum HistoryEvent<'a> {
    /// The text of a turn so far.
    Text(&'a str),
    /// The run waits for the outputs of these calls.
    Calls(&'a [ToolCall]),
    /// The run has ended with this answer.
    Message(&'a Message),
    /// The run has ended without an answer.
    Failure(&'a str),
}

impl<'a> From<&'a TurnEnd> for HistoryEvent<'a> {
    fn from(end: &'a TurnEnd) -> Self {
        match end {
            TurnEnd::Calls(calls) => Self::Calls(calls),
            TurnEnd::Message(message) => Self::Message(message),
            TurnEnd::Failure(reason) => Self::Failure(reason),
        }
    }
}

/// Why a history ends before its run does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// The run was deleted.
    Deleted(String),
    /// The run cannot be stored.
    NotStored(String),
    /// The server is stopping.
    Stopped,
}

/// The position of a reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The number of the next event.
    next: u64,
    /// There are no more events.
    ended: bool,
}

impl Cursor {
    /// Creates a cursor before the event with this number.
    pub(crate) fn at(next: u64) -> Self {
        Self { next, ended: false }
    }
}

/// The result of a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReadOutcome {
    /// There were events.
    Events,
    /// There is no event yet; the waker will be called.
    Pending,
    /// There are no more events: the run has ended, or waits for the outputs of calls that were reported.
    Ended,
    /// There are no more events, although the run has not ended. Reported once.
    Interrupted(Interruption),
}

/// The history of one run.
#[derive(Debug)]
pub(crate) struct History(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    detail: Option<Detail>,
    /// The turns that have ended.
    ended_turns: Vec<EndedTurn>,
    /// The text of the current turn.
    open: Option<TurnText>,
    /// Whether the run waits for tool outputs.
    waits: bool,
    over: bool,
    interruption: Option<Interruption>,
    readers: Vec<Waker>,
}

/// A turn that has ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EndedTurn {
    pub(super) text: TurnText,
    pub(super) end: TurnEnd,
}

/// The text of a turn, and the lengths at which it was reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TurnText {
    text: String,
    ends: Vec<usize>,
}

impl TurnText {
    fn push(&mut self, piece: &str) {
        self.text.push_str(piece);
        let reported = self.ends.last().copied().unwrap_or_default();
        let added = self.text.len() - reported;
        if self.text.len() <= EVERY_PIECE_UP_TO || added >= self.text.len() / 64 {
            self.ends.push(self.text.len());
        }
    }
}

impl History {
    /// The history of a run whose turns have ended. `waits`: for the outputs of calls; `over`: the run has ended.
    pub(super) fn of(detail: Option<Detail>, ended_turns: Vec<EndedTurn>, waits: bool, over: bool) -> Self {
        Self(Mutex::new(State {
            detail,
            ended_turns,
            waits,
            over,
            ..State::default()
        }))
    }

    /// Passes the events after the cursor to `visit` until that returns `false`, and advances the cursor.
    pub(crate) fn read(
        &self,
        cursor: &mut Cursor,
        waker: &Waker,
        mut visit: impl FnMut(u64, HistoryEvent<'_>) -> bool,
    ) -> ReadOutcome {
        if cursor.ended {
            return ReadOutcome::Ended;
        }
        let mut state = self.lock();
        let start = cursor.next;
        let mut first = 0_u64;
        let last_turn = state.ended_turns.len().checked_sub(1);
        for (index, turn) in state.ended_turns.iter().enumerate() {
            let length = turn.text.ends.len() as u64 + 1;
            while cursor.next < first + length {
                let goes_on = match turn.text.event(cursor.next - first) {
                    Some(text) => visit(cursor.next, text),
                    None => {
                        // A client that has received calls submits their outputs, and then reads on.
                        let waits = state.waits && Some(index) == last_turn;
                        cursor.ended = waits && matches!(turn.end, TurnEnd::Calls(_));
                        visit(cursor.next, (&turn.end).into()) && !cursor.ended
                    }
                };
                cursor.next += 1;
                if !goes_on {
                    return ReadOutcome::Events;
                }
            }
            first += length;
        }
        if let Some(open) = &state.open {
            while let Some(text) = cursor.next.checked_sub(first).and_then(|index| open.event(index)) {
                let goes_on = visit(cursor.next, text);
                cursor.next += 1;
                if !goes_on {
                    return ReadOutcome::Events;
                }
            }
        }
        if cursor.next > start {
            return ReadOutcome::Events;
        }
        if let Some(interruption) = &state.interruption {
            cursor.ended = true;
            return ReadOutcome::Interrupted(interruption.clone());
        }
        if state.over {
            cursor.ended = true;
            return ReadOutcome::Ended;
        }
        if !state.readers.iter().any(|reader| reader.will_wake(waker)) {
            state.readers.push(waker.clone());
        }
        ReadOutcome::Pending
    }

    pub(crate) fn begin(&self) {
        let mut state = self.lock();
        state.waits = false;
        state.open = Some(TurnText::default());
    }

    pub(crate) fn resume(&self) {
        self.lock().waits = false;
    }

    pub(crate) fn push(&self, piece: &str) {
        self.change(|state| {
            if state.detail == Some(Detail::Pieces)
                && let Some(open) = &mut state.open
            {
                open.push(piece);
            }
        });
    }

    pub(crate) fn end(&self, end: TurnEnd) {
        self.change(|state| {
            state.waits = matches!(end, TurnEnd::Calls(_));
            state.over = !state.waits;
            let text = state.open.take().unwrap_or_default();
            state.ended_turns.push(EndedTurn { text, end });
        });
    }

    pub(crate) fn break_off(&self, interruption: Interruption) {
        self.change(|state| state.interruption = Some(interruption));
    }

    pub(crate) fn text(&self) -> TurnText {
        self.lock().open.clone().unwrap_or_default()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let readers = std::mem::take(&mut state.readers);
        drop(state);
        readers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TurnText {
    pub(crate) fn event(&self, index: u64) -> Option<HistoryEvent<'_>> {
        let end = *usize::try_from(index).ok().and_then(|index| self.ends.get(index))?;
        Some(HistoryEvent::Text(self.text.get(..end)?))
    }
}

#[cfg(test)]
mod tests {
    use assistants_types::openai::{Run, RunStatus, StreamEvent};

    use super::*;

    /// Returns the events read from `next` on, and how the reading ended.
    fn read_from(history: &History, next: u64) -> String {
        let mut cursor = Cursor::at(next);
        let mut read = String::new();
        loop {
            let outcome = history.read(&mut cursor, Waker::noop(), |number, event| {
                let what = match event {
                    HistoryEvent::Text(text) => text,
                    HistoryEvent::Calls(_) => "CALLS",
                    HistoryEvent::Message(_) => "MESSAGE",
                    HistoryEvent::Failure(_) => "FAILURE",
                };
                read.push_str(&format!("{number}:{what} "));
                number % 2 == 0
            });
            match outcome {
                ReadOutcome::Events => {}
                ReadOutcome::Pending => return read + "…",
                ReadOutcome::Ended => return read + ".",
                ReadOutcome::Interrupted(interruption) => return read + &format!("{interruption:?}"),
            }
        }
    }

    fn history() -> History {
        History(Mutex::new(State {
            detail: Some(Detail::Pieces),
            ..State::default()
        }))
    }

    fn run(status: RunStatus) -> Box<Run> {
        Box::new(Run {
            status,
            ..Run::default()
        })
    }

    pub(crate) fn end(history: &History, events: &[StreamEvent]) {
        history.end(TurnEnd::of(events).unwrap());
    }

    #[test]
    fn a_text_is_reported_as_it_grows() {
        let history = history();
        assert_eq!(read_from(&history, 0), "…");
        history.begin();
        for piece in ["a", "b", "c"] {
            history.push(piece);
        }
        assert_eq!(read_from(&history, 0), "0:a 1:ab 2:abc …");
        assert_eq!(read_from(&history, 2), "2:abc …");
        assert_eq!(read_from(&history, 9), "…");
    }

    #[test]
    fn calls_end_a_read_until_their_outputs_are_submitted() {
        let history = history();
        history.begin();
        history.push("a");
        end(
            &history,
            &[StreamEvent::RunRequiresAction(run(RunStatus::RequiresAction))],
        );
        assert_eq!(read_from(&history, 0), "0:a 1:CALLS .");
        assert_eq!(read_from(&history, 2), "…");
        history.resume();
        assert_eq!(read_from(&history, 0), "0:a 1:CALLS …");
        history.begin();
        history.push("b");
        let message = Box::<Message>::default();
        let events = [
            StreamEvent::MessageCompleted(message),
            StreamEvent::RunCompleted(run(RunStatus::Completed)),
        ];
        end(&history, &events);
        assert_eq!(read_from(&history, 0), "0:a 1:CALLS 2:b 3:MESSAGE .");
        assert_eq!(read_from(&history, 3), "3:MESSAGE .");
        assert_eq!(read_from(&history, 4), ".");
    }

    #[test]
    fn an_interrupted_history_reports_it() {
        let history = history();
        history.begin();
        history.push("a");
        history.break_off(Interruption::Stopped);
        assert_eq!(read_from(&history, 0), "0:a Stopped");
    }

    #[test]
    fn a_long_text_has_few_events() {
        let mut text = TurnText::default();
        for _ in 0..200_000 {
            text.push("word ");
        }
        assert!(text.ends.len() < 4_000, "{}", text.ends.len());
        let reported: usize = text.ends.iter().sum();
        assert!(reported < 128 * text.text.len(), "{reported}");
    }
}
