//! The events of a run on their way to the clients that follow it.
//!
//! A run adds events and never waits for a reader. Each follower takes them at its own pace, and what all of them have
//! taken is dropped, so memory holds what the slowest one has still to take: the text and some 60 bytes for each piece of
//! it, not the JSON that is sent. A follower that takes nothing for [`READER_TIMEOUT`] although there is something is cut off.
//!
//! A log ends exactly once, and its writer ends it even when it is merely dropped. So every follower comes to an end: the
//! run's last event and `done`, or an error.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::time::{Duration, Instant};

use assistants_types::openai::{ErrorObject, StreamEvent};

use super::deltas::{arguments_delta, text_delta};

/// How long a follower may take nothing although there are events for it.
pub(crate) const READER_TIMEOUT: Duration = Duration::from_secs(30);

/// One event, in little space where there are many of its kind.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Event(Arc<StreamEvent>),
    /// A piece of a message's text.
    Text {
        message_id: Arc<str>,
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
    /// The event as it goes over the wire.
    pub(crate) fn event(&self) -> Cow<'_, StreamEvent> {
        match self {
            Self::Event(event) => Cow::Borrowed(event),
            Self::Text {
                message_id,
                first,
                text,
            } => Cow::Owned(text_delta(message_id, *first, text, Vec::new())),
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
    /// What at least one follower has still to take.
    entries: VecDeque<Entry>,
    /// The number of the first of them.
    first: u64,
    followers: Vec<Position>,
    /// How many followers there have been.
    followed: u64,
    ended: bool,
}

/// Where a follower is.
#[derive(Debug)]
struct Position {
    follower: u64,
    /// What it takes before anything of the log: events from before it came.
    ahead: VecDeque<Entry>,
    /// The number of the next entry for it.
    next: u64,
    /// Since when there has been something for it that it does not take.
    behind_since: Option<Instant>,
    waker: Option<Waker>,
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds entries, and wakes those who wait for one.
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

    /// Removes a follower, and what only it had still to take.
    fn remove(&mut self, follower: u64) {
        self.followers.retain(|position| position.follower != follower);
        self.trim();
    }

    /// Drops what all followers have taken.
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

/// The end of a log to which a run adds. Dropping it ends the log with an error.
#[derive(Debug, Default)]
pub(crate) struct LogWriter(Arc<Log>);

impl LogWriter {
    /// A new follower of all that is added from now on. It takes `ahead` first.
    pub(crate) fn follow(&self, ahead: impl IntoIterator<Item = StreamEvent>) -> Follower {
        let mut state = self.0.lock();
        let ahead: VecDeque<Entry> = ahead.into_iter().map(Entry::from).collect();
        let (follower, next) = (state.followed, state.first + state.entries.len() as u64);
        state.followed += 1;
        state.followers.push(Position {
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
            ended: false,
        }
    }

    /// Whether anybody takes what is added.
    pub(crate) fn is_followed(&self) -> bool {
        !self.0.lock().followers.is_empty()
    }

    pub(crate) fn add(&self, entries: impl IntoIterator<Item = Entry>) {
        self.0.add(entries, false);
    }

    /// Ends the log as it should end.
    pub(crate) fn end(self) {
        self.0.add([StreamEvent::Done.into()], true);
    }

    /// Ends the log before the run has ended.
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

/// An error that ends a stream and is the server's fault.
pub(crate) fn server_error(message: impl Into<String>) -> ErrorObject {
    ErrorObject {
        message: message.into(),
        type_: "server_error".to_owned(),
        ..ErrorObject::default()
    }
}

/// Takes the events of a run. Dropping it ends following.
#[derive(Debug)]
pub(crate) struct Follower {
    log: Arc<Log>,
    id: u64,
    ended: bool,
}

/// What a follower took.
#[derive(Debug)]
pub(crate) enum Batch {
    /// At least one entry.
    Entries(Vec<Entry>),
    /// Nothing yet; the waker will be called.
    Pending,
    /// Nothing any more: the last entry was taken before.
    End,
}

impl Follower {
    /// A follower of a run of which nothing more will come.
    pub(crate) fn of(events: Vec<StreamEvent>) -> Self {
        let log = LogWriter::default();
        let follower = log.follow(events);
        log.end();
        follower
    }

    /// Takes at most that many entries.
    pub(crate) fn take(&mut self, waker: &Waker, most: usize) -> Batch {
        if self.ended {
            return Batch::End;
        }
        let mut state = self.log.lock();
        let (first, ended) = (state.first, state.ended);
        let Some(index) = state.position(self.id) else {
            self.ended = true;
            let message = format!(
                "The stream was cut off: nothing was read for {} s.",
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

    /// Cuts this follower off when it takes nothing for too long.
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

/// Looks after one follower.
#[derive(Debug)]
pub(crate) struct Watchdog {
    log: Weak<Log>,
    follower: u64,
}

impl Watchdog {
    /// Cuts the follower off if by `now` it has taken nothing for [`READER_TIMEOUT`]. Returns when to look again; `None` once
    /// there is nothing to look after.
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
            "an event stream is cut off: its reader took nothing for {} s",
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

    /// The names of the events that a follower takes, and how that ends.
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
            first: false,
            text: "word ".into(),
        }
    }

    fn held(writer: &LogWriter) -> usize {
        writer.0.lock().entries.len()
    }

    #[test]
    fn each_follower_takes_at_its_own_pace() {
        let writer = LogWriter::default();
        writer.add([word()]);
        let mut fast = writer.follow([]);
        let mut slow = writer.follow([StreamEvent::Done]);
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
        let follower = writer.follow([]);
        writer.add([word()]);
        assert_eq!(held(&writer), 1);
        drop(follower);
        assert_eq!(held(&writer), 0);
        let mut late = writer.follow([]);
        writer.add([word()]);
        assert_eq!(taken(&mut late, 8), "thread.message.delta");
    }

    #[test]
    fn a_writer_that_is_dropped_ends_the_stream_with_an_error() {
        let writer = LogWriter::default();
        let mut follower = writer.follow([]);
        drop(writer);
        assert_eq!(taken(&mut follower, 8), "error done");
        assert_eq!(taken(&mut follower, 8), ".");
    }

    #[test]
    fn a_follower_that_takes_nothing_is_cut_off_with_an_error() {
        let writer = LogWriter::default();
        let mut stopped = writer.follow([]);
        let mut idle = writer.follow([]);
        let (of_stopped, of_idle) = (stopped.watchdog(), idle.watchdog());
        let later = |seconds| Instant::now() + READER_TIMEOUT + Duration::from_secs(seconds);
        // Who has taken all there is may wait as long as it likes.
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
