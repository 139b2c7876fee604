//! What a run has said and how its turns ended, under numbers, so that it can be told again from any of them.
//!
//! The moments of a run are counted from 0. A text is told as it grew: each moment is the whole text of its turn so
//! far, and what is kept is the text and where its moments end. The turn that is being written lives in memory; it is
//! stored in the transaction that ends it.
//!
//! Readers pull: each has its place and takes what is there, so a slow one holds up nobody and costs no memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use assistants_types::openai::{
    Message, MessageStatus, Role, Run, RunIncompleteReason, RunStatus, StreamEvent, ToolCall,
};
use serde::{Deserialize, Serialize};

use super::live_run::Live;
use crate::engine::{Engine, Refusal, RunNotes};
use crate::ids;
use crate::storage::document::{Loaded, load, now};
use crate::storage::{Document, Kind, List, Order, StorageError, Transaction};

/// Up to this length of a text, in bytes, each piece is a moment of its own. Later ones must add a 64th of the text:
/// telling all moments of a long text would otherwise take the square of its length.
const EVERY_PIECE: usize = 16 * 1024;

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
pub(crate) enum Moment<'a> {
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
pub(crate) enum Gone {
    /// The run was deleted.
    Deleted(String),
    /// The run cannot be stored.
    Broken(String),
    /// The server stops.
    Stopped,
}

/// Where a reader is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The number of the next moment to tell.
    next: u64,
    /// There is nothing more to tell.
    ended: bool,
}

impl Place {
    /// In front of the moment of that number.
    pub(crate) fn at(next: u64) -> Self {
        Self { next, ended: false }
    }
}

/// What a reader got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Some moments.
    Something,
    /// Nothing yet; the waker will be called.
    Nothing,
    /// Nothing any more: the run is over, or waits for the outputs of calls that were told.
    All,
    /// Nothing any more, for a bad reason. Said once.
    Gone(Gone),
}

/// The history of one run.
#[derive(Debug)]
pub(crate) struct History(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    detail: Option<Detail>,
    /// The turns that have ended.
    stretches: Vec<Stretch>,
    /// The turn that is being written.
    open: Option<Said>,
    /// Whether the run waits for outputs.
    waits: bool,
    over: bool,
    gone: Option<Gone>,
    readers: Vec<Waker>,
}

/// A turn that has ended.
#[derive(Clone, Debug, PartialEq)]
struct Stretch {
    said: Said,
    end: End,
}

/// The text of a turn, and the lengths at which it was told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Said {
    text: String,
    ends: Vec<usize>,
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    Calls(Vec<ToolCall>),
    Message(Box<Message>),
    Failure(String),
}

/// A turn as it is stored. Its message is stored elsewhere.
#[derive(Debug, Serialize, Deserialize)]
struct StoredStretch {
    #[serde(flatten)]
    said: Said,
    end: StoredEnd,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredEnd {
    Calls(Vec<ToolCall>),
    Message(String),
    Failure(String),
}

impl Said {
    fn say(&mut self, piece: &str) {
        self.text.push_str(piece);
        let told = self.ends.last().copied().unwrap_or_default();
        let added = self.text.len() - told;
        if self.text.len() <= EVERY_PIECE || added >= self.text.len() / 64 {
            self.ends.push(self.text.len());
        }
    }
}

impl End {
    /// How a turn ended, told by the events that ended it.
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

    fn moment(&self) -> Moment<'_> {
        match self {
            Self::Calls(calls) => Moment::Calls(calls),
            Self::Message(message) => Moment::Message(message),
            Self::Failure(reason) => Moment::Failure(reason),
        }
    }
}

impl History {
    /// The history of a run as it is stored. Of a run whose history is not kept, only how it stands.
    pub(crate) fn load(transaction: &dyn Transaction, run: &Loaded<Run>) -> Result<Self, StorageError> {
        let notes = RunNotes::of(&run.document)?;
        let run = &run.object;
        let mut stretches = Vec::new();
        if notes.history.is_some() {
            for document in stored(transaction, &run.id)? {
                stretches.push(Stretch::read(transaction, run, &document)?);
            }
        } else {
            let end = match run.status {
                RunStatus::RequiresAction => Some(End::Calls(run.tool_calls().to_vec())),
                _ => End::of_run(run, last_message(transaction, run)?.map(Box::new)),
            };
            stretches.extend(end.map(|end| Stretch {
                said: Said::default(),
                end,
            }));
        }
        Ok(Self(Mutex::new(State {
            detail: notes.history,
            stretches,
            waits: run.status == RunStatus::RequiresAction,
            over: run.status.is_terminal(),
            ..State::default()
        })))
    }

    /// Tells what lies behind a place, until `tell` wants no more, and moves the place.
    pub(crate) fn read(&self, place: &mut Place, waker: &Waker, mut tell: impl FnMut(u64, Moment<'_>) -> bool) -> Told {
        if place.ended {
            return Told::All;
        }
        let mut state = self.lock();
        let start = place.next;
        let mut first = 0_u64;
        let last_stretch = state.stretches.len().checked_sub(1);
        for (index, stretch) in state.stretches.iter().enumerate() {
            let length = stretch.said.ends.len() as u64 + 1;
            while place.next < first + length {
                let goes_on = match stretch.said.moment(place.next - first) {
                    Some(text) => tell(place.next, text),
                    None => {
                        // Whoever has heard of calls is to answer them, and then to ask again.
                        let waits = state.waits && Some(index) == last_stretch;
                        place.ended = waits && matches!(stretch.end, End::Calls(_));
                        tell(place.next, stretch.end.moment()) && !place.ended
                    }
                };
                place.next += 1;
                if !goes_on {
                    return Told::Something;
                }
            }
            first += length;
        }
        if let Some(open) = &state.open {
            while let Some(text) = place.next.checked_sub(first).and_then(|index| open.moment(index)) {
                let goes_on = tell(place.next, text);
                place.next += 1;
                if !goes_on {
                    return Told::Something;
                }
            }
        }
        if place.next > start {
            return Told::Something;
        }
        if let Some(gone) = &state.gone {
            place.ended = true;
            return Told::Gone(gone.clone());
        }
        if state.over {
            place.ended = true;
            return Told::All;
        }
        if !state.readers.iter().any(|reader| reader.will_wake(waker)) {
            state.readers.push(waker.clone());
        }
        Told::Nothing
    }

    pub(crate) fn begin(&self) {
        let mut state = self.lock();
        state.waits = false;
        state.open = Some(Said::default());
    }

    pub(crate) fn resume(&self) {
        self.lock().waits = false;
    }

    pub(crate) fn say(&self, piece: &str) {
        self.change(|state| {
            if state.detail == Some(Detail::Pieces)
                && let Some(open) = &mut state.open
            {
                open.say(piece);
            }
        });
    }

    pub(crate) fn end(&self, end: End) {
        self.change(|state| {
            state.waits = matches!(end, End::Calls(_));
            state.over = !state.waits;
            let said = state.open.take().unwrap_or_default();
            state.stretches.push(Stretch { said, end });
        });
    }

    pub(crate) fn break_off(&self, gone: Gone) {
        self.change(|state| state.gone = Some(gone));
    }

    fn said(&self) -> Said {
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

impl Said {
    fn moment(&self, index: u64) -> Option<Moment<'_>> {
        let end = *usize::try_from(index).ok().and_then(|index| self.ends.get(index))?;
        Some(Moment::Text(self.text.get(..end)?))
    }
}

impl StoredStretch {
    fn parse(run_id: &str, document: &Document) -> Result<Self, StorageError> {
        serde_json::from_str(&document.body).map_err(|error| StorageError {
            action: format!("reading the history of the run {run_id}: what is stored is damaged"),
            source: Some(Box::new(error)),
        })
    }
}

impl Stretch {
    fn read(transaction: &dyn Transaction, run: &Run, document: &Document) -> Result<Self, StorageError> {
        let stored = StoredStretch::parse(&run.id, document)?;
        let end = match stored.end {
            StoredEnd::Calls(calls) => End::Calls(calls),
            StoredEnd::Failure(reason) => End::Failure(reason),
            StoredEnd::Message(id) => End::Message(Box::new(match load::<Message>(transaction, &id)? {
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
        Ok(Self { said: stored.said, end })
    }
}

impl Engine {
    /// The history of a run, which goes on as the run does.
    pub(crate) fn history(&self, run_id: &str) -> Result<Arc<History>, Refusal> {
        self.on(run_id, |_, live| {
            if let Some(history) = &live.history {
                return Ok(Arc::clone(history));
            }
            let loaded = self.storage.transact(|transaction| {
                let run = load::<Run>(transaction, run_id)?.ok_or_else(|| Refusal::not_found(Kind::Run, run_id))?;
                let history = History::load(transaction, &run)?;
                if live.turn.is_some() {
                    history.begin();
                }
                Ok::<_, Refusal>((Arc::new(history), run.object.status.is_terminal()))
            });
            if let Ok((history, false)) = &loaded {
                if self.run_workers.is_closed() {
                    history.break_off(Gone::Stopped);
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
    live: &Live,
    events: &[StreamEvent],
) -> Result<(), StorageError> {
    let Some(end) = End::of(events).filter(|_| notes.history.is_some()) else {
        return Ok(());
    };
    let stretch = StoredStretch {
        said: live.history.as_ref().map(|history| history.said()).unwrap_or_default(),
        end: match end {
            End::Calls(calls) => StoredEnd::Calls(calls),
            End::Message(message) => StoredEnd::Message(message.id),
            End::Failure(reason) => StoredEnd::Failure(reason),
        },
    };
    transaction.insert(&Document {
        kind: Kind::RunHistory,
        id: ids::new("history_"),
        parent: Some(run_id.to_owned()),
        tag: None,
        created_at: now().unix_timestamp(),
        body: serde_json::to_string(&stretch).expect("a turn has a JSON form"),
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
        let mut stretch = StoredStretch::parse(run_id, &document)?;
        if matches!(&stretch.end, StoredEnd::Message(id) if id == message_id) {
            stretch.said = Said::default();
            document.body = serde_json::to_string(&stretch).expect("a turn has a JSON form");
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
    match End::of_run(run, message.cloned().map(Box::new)) {
        Some(End::Failure(reason)) => Some(reason),
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
    fn hear(history: &History, next: u64) -> String {
        let mut place = Place::at(next);
        let mut heard = String::new();
        loop {
            let told = history.read(&mut place, Waker::noop(), |number, moment| {
                let what = match moment {
                    Moment::Text(text) => text,
                    Moment::Calls(_) => "CALLS",
                    Moment::Message(_) => "MESSAGE",
                    Moment::Failure(_) => "FAILURE",
                };
                heard.push_str(&format!("{number}:{what} "));
                number % 2 == 0
            });
            match told {
                Told::Something => {}
                Told::Nothing => return heard + "…",
                Told::All => return heard + ".",
                Told::Gone(gone) => return heard + &format!("{gone:?}"),
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
        history.end(End::of(events).unwrap());
    }

    #[test]
    fn a_text_is_told_as_it_grows() {
        let history = history();
        assert_eq!(hear(&history, 0), "…");
        history.begin();
        for piece in ["a", "b", "c"] {
            history.say(piece);
        }
        assert_eq!(hear(&history, 0), "0:a 1:ab 2:abc …");
        assert_eq!(hear(&history, 2), "2:abc …");
        assert_eq!(hear(&history, 9), "…");
    }

    #[test]
    fn calls_end_a_telling_until_they_are_answered() {
        let history = history();
        history.begin();
        history.say("a");
        end(
            &history,
            &[StreamEvent::RunRequiresAction(run(RunStatus::RequiresAction))],
        );
        assert_eq!(hear(&history, 0), "0:a 1:CALLS .");
        assert_eq!(hear(&history, 2), "…");
        history.resume();
        assert_eq!(hear(&history, 0), "0:a 1:CALLS …");
        history.begin();
        history.say("b");
        let message = Box::<Message>::default();
        let events = [
            StreamEvent::MessageCompleted(message),
            StreamEvent::RunCompleted(run(RunStatus::Completed)),
        ];
        end(&history, &events);
        assert_eq!(hear(&history, 0), "0:a 1:CALLS 2:b 3:MESSAGE .");
        assert_eq!(hear(&history, 3), "3:MESSAGE .");
        assert_eq!(hear(&history, 4), ".");
    }

    #[test]
    fn a_history_that_breaks_off_says_so() {
        let history = history();
        history.begin();
        history.say("a");
        history.break_off(Gone::Stopped);
        assert_eq!(hear(&history, 0), "0:a Stopped");
    }

    #[test]
    fn a_long_text_has_few_moments() {
        let mut said = Said::default();
        for _ in 0..200_000 {
            said.say("word ");
        }
        assert!(said.ends.len() < 4_000, "{}", said.ends.len());
        let told: usize = said.ends.iter().sum();
        assert!(told < 128 * said.text.len(), "{told}");
    }
}
