//! Distributes the events of a run to the clients that follow it.
//!
//! A run adds events and never waits for a reader. Each follower takes them at its own pace, and events taken by all
//! followers are dropped. Memory use is therefore determined by the slowest follower: the text, and about 60 bytes for
//! each piece of it, rather than the JSON that is sent. A follower that takes nothing for [`READER_TIMEOUT`] although
//! there are events is disconnected.
//!
//! A log ends exactly once, even if its writer is just dropped. Every follower thus gets an end: either the run's last
//! event and `done`, or an error.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::time::{Duration, Instant};

use assistants_types::openai::{ErrorObject, StreamEvent};

use super::deltas::{arguments_delta, text_delta};
use super::position::Position;

/// How long a follower may take nothing although there are events for it.
pub(crate) const READER_TIMEOUT: Duration = Duration::from_secs(30);

/// An event, in a compact form if it is a frequent one.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Event(Arc<StreamEvent>),
    /// A piece of a message's text.
    Text {
        message_id: Arc<str>,
        /// The index of the content part.
        part: usize,
        first: bool,
        text: Arc<str>,
    },
    /// A piece of the arguments of a call.
    Arguments {
        step_id: Arc<str>,
        index: usize,
        text: Arc<str>,
    },
}

impl Entry {
    /// Returns the full event.
    pub(crate) fn event(&self) -> Cow<'_, StreamEvent> {
        match self {
            Self::Event(event) => Cow::Borrowed(event),
            Self::Text {
                message_id,
                part,
                first,
                text,
            } => Cow::Owned(text_delta(message_id, *part, *first, text, Vec::new())),
            Self::Arguments { step_id, index, text } => Cow::Owned(arguments_delta(step_id, *index, text)),
        }
    }
}

impl From<StreamEvent> for Entry {
    fn from(event: StreamEvent) -> Self {
        Self::Event(Arc::new(event))
    }
}

#[derive(Debug, Default)]
struct Log(Mutex<State>);

#[derive(Debug, Default)]
pub(crate) struct State {
    /// The entries that at least one follower has yet to take.
    entries: VecDeque<Entry>,
    /// The number of the first entry.
    first: u64,
    followers: Vec<Progress>,
    /// The number of followers so far.
    followed: u64,
    ended: bool,
}

/// How far a follower is in the log.
#[derive(Debug)]
struct Progress {
    follower: u64,
    /// Earlier events, which the follower takes before the entries of the log.
    ahead: VecDeque<Entry>,
    /// The number of the next entry for it.
    next: u64,
    /// Since when it has taken nothing although there are events for it.
    behind_since: Option<Instant>,
    waker: Option<Waker>,
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds entries, and wakes the followers that wait for one.
    fn add(&self, entries: impl IntoIterator<Item = Entry>, ends: bool) {
        let mut state = self.lock();
        if state.ended {
            return;
        }
        state.ended = ends;
        if !state.followers.is_empty() {
            state.entries.extend(entries);
        }
        let now = Instant::now();
        let mut woken = Vec::new();
        for follower in &mut state.followers {
            follower.behind_since.get_or_insert(now);
            woken.extend(follower.waker.take());
        }
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }
}

impl State {
    fn position(&self, follower: u64) -> Option<usize> {
        self.followers.iter().position(|position| position.follower == follower)
    }

    /// Removes a follower, and the entries that only it had yet to take.
    fn remove(&mut self, follower: u64) {
        self.followers.retain(|position| position.follower != follower);
        self.trim();
    }

    /// Drops the entries that all followers have taken.
    fn trim(&mut self) {
        let end = self.first + self.entries.len() as u64;
        let needed = self.followers.iter().map(|position| position.next).min().unwrap_or(end);
        let taken = usize::try_from(needed.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.entries.drain(..taken.min(self.entries.len()));
        self.first = needed;
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        }
    }
}

/// The writing end of a log. Dropping it ends the log with an error.
#[derive(Debug, Default)]
pub(crate) struct LogWriter(Arc<Log>);

impl LogWriter {
    /// Creates a follower of everything that is added from now on. It is at `position`, and gets the events `ahead`
    /// first.
    pub(crate) fn follow(&self, ahead: impl IntoIterator<Item = StreamEvent>, position: Position) -> Follower {
        let mut state = self.0.lock();
        let ahead: VecDeque<Entry> = ahead.into_iter().map(Entry::from).collect();
        let (follower, next) = (state.followed, state.first + state.entries.len() as u64);
        state.followed += 1;
        state.followers.push(Progress {
            follower,
            behind_since: (!ahead.is_empty()).then(Instant::now),
            ahead,
            next,
            waker: None,
        });
        drop(state);
        Follower {
            log: Arc::clone(&self.0),
            id: follower,
            position,
            ended: false,
        }
    }

    /// Returns whether there are followers.
    pub(crate) fn is_followed(&self) -> bool {
        !self.0.lock().followers.is_empty()
    }

    pub(crate) fn add(&self, entries: impl IntoIterator<Item = Entry>) {
        self.0.add(entries, false);
    }

    /// Ends the log regularly.
    pub(crate) fn end(self) {
        self.0.add([StreamEvent::Done.into()], true);
    }

    /// Ends the log with an error, before the run has ended.
    pub(crate) fn break_off(self, error: ErrorObject) {
        self.0.add(broken(error), true);
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.0
            .add(broken(server_error("The server stopped before the run ended.")), true);
    }
}

fn broken(error: ErrorObject) -> [Entry; 2] {
    [StreamEvent::Error(error).into(), StreamEvent::Done.into()]
}

/// Creates the error of a stream that ends by a fault of the server.
pub(crate) fn server_error(message: impl Into<String>) -> ErrorObject {
    ErrorObject {
        message: message.into(),
        type_: "server_error".to_owned(),
        ..ErrorObject::default()
    }
}

/// Receives the events of a run. Dropping it ends following.
#[derive(Debug)]
pub(crate) struct Follower {
    log: Arc<Log>,
    id: u64,
    /// What the reader has of the run.
    position: Position,
    ended: bool,
}

/// The result of taking entries.
#[derive(Debug)]
pub(crate) enum Batch {
    /// At least one entry.
    Entries(Vec<Entry>),
    /// There are none yet; the waker will be called.
    Pending,
    /// There are no more: the last entry was taken before.
    End,
}

impl Follower {
    /// Creates a follower for these events, of a run that has no more.
    pub(crate) fn of(events: Vec<StreamEvent>, position: Position) -> Self {
        let log = LogWriter::default();
        let follower = log.follow(events, position);
        log.end();
        follower
    }

    /// Returns the position of the reader once it has this event, the next one that was taken.
    pub(crate) fn advance(&mut self, event: &StreamEvent) -> &Position {
        self.position.advance(event);
        &self.position
    }

    /// Takes at most `most` entries.
    pub(crate) fn take(&mut self, waker: &Waker, most: usize) -> Batch {
        if self.ended {
            return Batch::End;
        }
        let mut state = self.log.lock();
        let (first, ended) = (state.first, state.ended);
        let Some(index) = state.position(self.id) else {
            self.ended = true;
            let message = format!(
                "The stream was closed because nothing was read for {} s.",
                READER_TIMEOUT.as_secs()
            );
            return Batch::Entries(broken(server_error(message)).into());
        };
        let State { entries, followers, .. } = &mut *state;
        let position = &mut followers[index];
        let mut taken: Vec<Entry> = position.ahead.drain(..most.min(position.ahead.len())).collect();
        let start = usize::try_from(position.next - first).unwrap_or(usize::MAX);
        let rest = entries.range(start.min(entries.len())..).take(most - taken.len());
        let before = taken.len();
        taken.extend(rest.cloned());
        position.next += (taken.len() - before) as u64;
        if taken.is_empty() {
            if ended {
                self.ended = true;
                state.remove(self.id);
                return Batch::End;
            }
            position.waker = Some(waker.clone());
            return Batch::Pending;
        }
        let is_behind = !position.ahead.is_empty() || position.next < first + entries.len() as u64;
        position.behind_since = is_behind.then(Instant::now);
        state.trim();
        Batch::Entries(taken)
    }

    /// Returns a watchdog that disconnects this follower if it takes nothing for too long.
    pub(crate) fn watchdog(&self) -> Watchdog {
        Watchdog {
            log: Arc::downgrade(&self.log),
            follower: self.id,
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.log.lock().remove(self.id);
    }
}

/// Watches one follower.
#[derive(Debug)]
pub(crate) struct Watchdog {
    log: Weak<Log>,
    follower: u64,
}

impl Watchdog {
    /// Disconnects the follower if by `now` it has taken nothing for [`READER_TIMEOUT`]. Returns when to check again;
    /// `None` when that is no longer needed.
    pub(crate) fn check(&self, now: Instant) -> Option<Instant> {
        let log = self.log.upgrade()?;
        let mut state = log.lock();
        let index = state.position(self.follower)?;
        let Some(since) = state.followers[index].behind_since else {
            return Some(now + READER_TIMEOUT);
        };
        if now < since + READER_TIMEOUT {
            return Some(since + READER_TIMEOUT);
        }
        log::warn!(
            "disconnected the reader of an event stream: it read nothing for {} s",
            READER_TIMEOUT.as_secs()
        );
        let waker = state.followers[index].waker.take();
        state.remove(self.follower);
        drop(state);
        waker.into_iter().for_each(Waker::wake);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes entries, and returns the names of their events or how the log ended.
    fn taken(follower: &mut Follower, most: usize) -> String {
        match follower.take(Waker::noop(), most) {
            Batch::Entries(entries) => {
                let names: Vec<String> = entries.iter().map(|entry| entry.event().name().to_owned()).collect();
                names.join(" ")
            }
            Batch::Pending => "…".to_owned(),
            Batch::End => ".".to_owned(),
        }
    }

    fn word() -> Entry {
        Entry::Text {
            message_id: "msg_1".into(),
            part: 0,
            first: false,
            text: "word ".into(),
        }
    }

    fn held(writer: &LogWriter) -> usize {
        writer.0.lock().entries.len()
    }

    #[test]
    fn each_follower_reads_at_its_own_pace() {
        let writer = LogWriter::default();
        writer.add([word()]);
        let mut fast = writer.follow([], Position::default());
        let mut slow = writer.follow([StreamEvent::Done], Position::default());
        writer.add([word(), word()]);
        assert_eq!(taken(&mut fast, 8), "thread.message.delta thread.message.delta");
        assert_eq!(taken(&mut fast, 8), "…");
        writer.add([word()]);
        assert_eq!(taken(&mut fast, 8), "thread.message.delta");
        assert_eq!(held(&writer), 3);
        assert_eq!(taken(&mut slow, 2), "done thread.message.delta");
        assert_eq!(held(&writer), 2);
        writer.end();
        assert_eq!(taken(&mut slow, 8), "thread.message.delta thread.message.delta done");
        assert_eq!(taken(&mut slow, 8), ".");
        assert_eq!(taken(&mut fast, 8), "done");
        assert_eq!(taken(&mut fast, 8), ".");
    }

    #[test]
    fn what_nobody_has_to_take_is_not_held() {
        let writer = LogWriter::default();
        writer.add([word()]);
        let follower = writer.follow([], Position::default());
        writer.add([word()]);
        assert_eq!(held(&writer), 1);
        drop(follower);
        assert_eq!(held(&writer), 0);
        let mut late = writer.follow([], Position::default());
        writer.add([word()]);
        assert_eq!(taken(&mut late, 8), "thread.message.delta");
    }

    #[test]
    fn a_writer_that_is_dropped_ends_the_stream_with_an_error() {
        let writer = LogWriter::default();
        let mut follower = writer.follow([], Position::default());
        drop(writer);
        assert_eq!(taken(&mut follower, 8), "error done");
        assert_eq!(taken(&mut follower, 8), ".");
    }

    #[test]
    fn a_follower_that_reads_nothing_is_disconnected_with_an_error() {
        let writer = LogWriter::default();
        let mut stopped = writer.follow([], Position::default());
        let mut idle = writer.follow([], Position::default());
        let (of_stopped, of_idle) = (stopped.watchdog(), idle.watchdog());
        let later = |seconds| Instant::now() + READER_TIMEOUT + Duration::from_secs(seconds);
        // A follower that has taken everything may wait for any time.
        assert!(of_stopped.check(later(1)).is_some());
        writer.add([word()]);
        taken(&mut idle, 8);
        assert!(of_stopped.check(Instant::now()).is_some());
        assert_eq!(of_stopped.check(later(1)), None);
        assert!(of_idle.check(later(1)).is_some());
        assert_eq!(held(&writer), 0);
        writer.add([word()]);
        assert_eq!(taken(&mut stopped, 8), "error done");
        assert_eq!(taken(&mut stopped, 8), ".");
        assert_eq!(taken(&mut idle, 8), "thread.message.delta");
        drop(idle);
        assert_eq!(of_idle.check(Instant::now()), None);
    }
}
