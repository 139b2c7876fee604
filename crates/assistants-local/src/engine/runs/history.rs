//! The history of a run: what its turns wrote and how they ended, as numbered events that can be read from any number.
//!
//! Events are counted from 0. A text is reported as it grew: each event is the whole text of its turn so far, and what is
//! kept is the text and the lengths at which it was reported. The turn that is being written is in memory; it is stored
//! in the transaction that ends it.
//!
//! Readers pull: each has a cursor and takes what is there, so a slow one holds up nobody and costs no memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use assistants_types::openai::{
    Message, MessageStatus, Role, Run, RunIncompleteReason, RunStatus, StreamEvent, ToolCall,
};
use serde::{Deserialize, Serialize};

use super::live_run::LiveState;
use crate::engine::{Engine, EngineError, RunNotes};
use crate::ids;
use crate::storage::document::{Loaded, load, now};
use crate::storage::{Document, Kind, List, Order, StorageError, Transaction};

/// Up to this length of a text, in bytes, each piece is an event of its own. Later ones must add a 64th of the text:
/// reporting all events of a long text would otherwise take the square of its length.
const EVERY_PIECE_UP_TO: usize = 16 * 1024;

/// How much of a run is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Detail {
    /// How its turns ended.
    Ends,
    /// And how their texts grew.
    Pieces,
}

/// Something that happened in a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum HistoryEvent<'a> {
    /// The text of a turn so far.
    Text(&'a str),
    /// The run waits for the outputs of these calls.
    Calls(&'a [ToolCall]),
    /// The run is over, and this is its answer.
    Message(&'a Message),
    /// The run is over without an answer.
    Failure(&'a str),
}

/// Why a history ends before its run does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// The run was deleted.
    Deleted(String),
    /// The run cannot be stored.
    NotStored(String),
    /// The server stops.
    Stopped,
}

/// How far a reader has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The number of the next event.
    next: u64,
    /// There are no more events.
    ended: bool,
}

impl Cursor {
    /// In front of the event of that number.
    pub(crate) fn at(next: u64) -> Self {
        Self { next, ended: false }
    }
}

/// What a read came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReadOutcome {
    /// There were events.
    Events,
    /// No event yet; the waker will be called.
    Pending,
    /// No more events: the run has ended, or waits for the outputs of calls that were reported.
    Ended,
    /// No more events, although the run has not ended. Reported once.
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
    /// The turn that is being written.
    open: Option<TurnText>,
    /// Whether the run waits for outputs.
    waits: bool,
    over: bool,
    interruption: Option<Interruption>,
    readers: Vec<Waker>,
}

/// A turn that has ended.
#[derive(Clone, Debug, PartialEq)]
struct EndedTurn {
    text: TurnText,
    end: TurnEnd,
}

/// The text of a turn, and the lengths at which it was reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct TurnText {
    text: String,
    ends: Vec<usize>,
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TurnEnd {
    Calls(Vec<ToolCall>),
    Message(Box<Message>),
    Failure(String),
}

/// A turn as it is stored. Its message is stored elsewhere.
#[derive(Debug, Serialize, Deserialize)]
struct StoredTurn {
    #[serde(flatten)]
    text: TurnText,
    end: StoredTurnEnd,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredTurnEnd {
    Calls(Vec<ToolCall>),
    Message(String),
    Failure(String),
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

impl TurnEnd {
    /// How a turn ended, according to the events that ended it.
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

    /// How a run ended; `None` if it did not. `message` is the last that it wrote.
    fn of_run(run: &Run, message: Option<Box<Message>>) -> Option<Self> {
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
                        failed("The prompt is longer than the limit for it.")
                    }
                    Some(message) => Some(Self::Message(message)),
                    None => failed("The answer is longer than the limit for it."),
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

    fn event(&self) -> HistoryEvent<'_> {
        match self {
            Self::Calls(calls) => HistoryEvent::Calls(calls),
            Self::Message(message) => HistoryEvent::Message(message),
            Self::Failure(reason) => HistoryEvent::Failure(reason),
        }
    }
}

impl History {
    /// The history of a run as it is stored. Of a run whose history is not kept, only how it stands.
    pub(crate) fn load(transaction: &dyn Transaction, run: &Loaded<Run>) -> Result<Self, StorageError> {
        let notes = RunNotes::of(&run.document)?;
        let run = &run.object;
        let mut ended_turns = Vec::new();
        if notes.history.is_some() {
            for document in stored(transaction, &run.id)? {
                ended_turns.push(EndedTurn::read(transaction, run, &document)?);
            }
        } else {
            let end = match run.status {
                RunStatus::RequiresAction => Some(TurnEnd::Calls(run.tool_calls().to_vec())),
                _ => TurnEnd::of_run(run, last_message(transaction, run)?.map(Box::new)),
            };
            ended_turns.extend(end.map(|end| EndedTurn {
                text: TurnText::default(),
                end,
            }));
        }
        Ok(Self(Mutex::new(State {
            detail: notes.history,
            ended_turns,
            waits: run.status == RunStatus::RequiresAction,
            over: run.status.is_terminal(),
            ..State::default()
        })))
    }

    /// Passes the events behind the cursor to `visit`, until that returns `false`, and moves the cursor.
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
                        // A reader that has seen calls is to submit their outputs, and then to read on.
                        let waits = state.waits && Some(index) == last_turn;
                        cursor.ended = waits && matches!(turn.end, TurnEnd::Calls(_));
                        visit(cursor.next, turn.end.event()) && !cursor.ended
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

    fn text(&self) -> TurnText {
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
    fn event(&self, index: u64) -> Option<HistoryEvent<'_>> {
        let end = *usize::try_from(index).ok().and_then(|index| self.ends.get(index))?;
        Some(HistoryEvent::Text(self.text.get(..end)?))
    }
}

impl StoredTurn {
    fn parse(run_id: &str, document: &Document) -> Result<Self, StorageError> {
        serde_json::from_str(&document.body).map_err(|error| StorageError {
            action: format!("reading the history of the run {run_id}: what is stored is damaged"),
            source: Some(Box::new(error)),
        })
    }
}

impl EndedTurn {
    fn read(transaction: &dyn Transaction, run: &Run, document: &Document) -> Result<Self, StorageError> {
        let stored = StoredTurn::parse(&run.id, document)?;
        let end = match stored.end {
            StoredTurnEnd::Calls(calls) => TurnEnd::Calls(calls),
            StoredTurnEnd::Failure(reason) => TurnEnd::Failure(reason),
            StoredTurnEnd::Message(id) => TurnEnd::Message(Box::new(match load::<Message>(transaction, &id)? {
                Some(message) => message.object,
                // It was deleted since, and its text with it.
                None => Message {
                    id,
                    created_at: run.completed_at,
                    thread_id: run.thread_id.clone(),
                    role: Role::Assistant,
                    status: MessageStatus::Completed,
                    assistant_id: Some(run.assistant_id.clone()),
                    ..Message::default()
                },
            })),
        };
        Ok(Self { text: stored.text, end })
    }
}

impl Engine {
    /// The history of a run, which goes on as the run does.
    pub(crate) fn history(&self, run_id: &str) -> Result<Arc<History>, EngineError> {
        self.with_live(run_id, |_, live| {
            if let Some(history) = &live.history {
                return Ok(Arc::clone(history));
            }
            let loaded = self.storage.transact(|transaction| {
                let run = load::<Run>(transaction, run_id)?.ok_or_else(|| EngineError::not_found(Kind::Run, run_id))?;
                let history = History::load(transaction, &run)?;
                if live.turn.is_some() {
                    history.begin();
                }
                Ok::<_, EngineError>((Arc::new(history), run.object.status.is_terminal()))
            });
            if let Ok((history, false)) = &loaded {
                if self.run_workers.is_closed() {
                    history.break_off(Interruption::Stopped);
                }
                live.history = Some(Arc::clone(history));
            }
            self.forget_unused(run_id, live);
            loaded.map(|(history, _)| history)
        })
    }
}

/// Keeps the turn that these events end, if the run's history is kept.
pub(crate) fn store(
    transaction: &dyn Transaction,
    run_id: &str,
    notes: &RunNotes,
    live: &LiveState,
    events: &[StreamEvent],
) -> Result<(), StorageError> {
    let Some(end) = TurnEnd::of(events).filter(|_| notes.history.is_some()) else {
        return Ok(());
    };
    let turn = StoredTurn {
        text: live.history.as_ref().map(|history| history.text()).unwrap_or_default(),
        end: match end {
            TurnEnd::Calls(calls) => StoredTurnEnd::Calls(calls),
            TurnEnd::Message(message) => StoredTurnEnd::Message(message.id),
            TurnEnd::Failure(reason) => StoredTurnEnd::Failure(reason),
        },
    };
    transaction.insert(&Document {
        kind: Kind::RunHistory,
        id: ids::new("history_"),
        parent: Some(run_id.to_owned()),
        tag: None,
        created_at: now().unix_timestamp(),
        body: serde_json::to_string(&turn).expect("a turn has a JSON form"),
        notes: None,
    })
}

/// Takes the text of a message that is deleted out of the turn that wrote it.
pub(crate) fn forget_message(
    transaction: &dyn Transaction,
    run_id: &str,
    message_id: &str,
) -> Result<(), StorageError> {
    for mut document in stored(transaction, run_id)? {
        let mut turn = StoredTurn::parse(run_id, &document)?;
        if matches!(&turn.end, StoredTurnEnd::Message(id) if id == message_id) {
            turn.text = TurnText::default();
            document.body = serde_json::to_string(&turn).expect("a turn has a JSON form");
            transaction.update(&document)?;
        }
    }
    Ok(())
}

/// The turns of a run that are kept, oldest first.
fn stored(transaction: &dyn Transaction, run_id: &str) -> Result<Vec<Document>, StorageError> {
    let list = List {
        kind: Kind::RunHistory,
        parent: Some(run_id),
        tag: None,
        order: Order::Ascending,
        after: None,
        before: None,
        limit: usize::MAX,
    };
    Ok(transaction.list(&list)?.documents)
}

/// Why a run ended without an answer; `None` if it has one. `message` is the last that it wrote.
pub(crate) fn failure_of(run: &Run, message: Option<&Message>) -> Option<String> {
    match TurnEnd::of_run(run, message.cloned().map(Box::new)) {
        Some(TurnEnd::Failure(reason)) => Some(reason),
        _ => None,
    }
}

/// The last message that a run has written.
pub(crate) fn last_message(transaction: &dyn Transaction, run: &Run) -> Result<Option<Message>, StorageError> {
    let list = List {
        kind: Kind::Message,
        parent: Some(&run.thread_id),
        tag: Some(&run.id),
        order: Order::Descending,
        after: None,
        before: None,
        limit: 1,
    };
    let newest = transaction.list(&list)?.documents.into_iter().next();
    newest.map(|document| Ok(Loaded::parse(document)?.object)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader that starts at `next` hears, and how it ends.
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

    fn end(history: &History, events: &[StreamEvent]) {
        history.end(TurnEnd::of(events).unwrap());
    }

    #[test]
    fn a_text_is_told_as_it_grows() {
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
    fn calls_end_a_telling_until_they_are_answered() {
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
    fn a_history_that_breaks_off_says_so() {
        let history = history();
        history.begin();
        history.push("a");
        history.break_off(Interruption::Stopped);
        assert_eq!(read_from(&history, 0), "0:a Stopped");
    }

    #[test]
    fn a_long_text_has_few_moments() {
        let mut text = TurnText::default();
        for _ in 0..200_000 {
            text.push("word ");
        }
        assert!(text.ends.len() < 4_000, "{}", text.ends.len());
        let reported: usize = text.ends.iter().sum();
        assert!(reported < 128 * text.text.len(), "{reported}");
    }
}
