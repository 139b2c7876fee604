//! The way of an event stream from the run that writes it to the connection that sends it.
//!
//! A channel of bytes with a soft bound. Text waits until the reader has taken what lies ahead of it, so a slow reader
//! slows its run down and memory stays flat; the few events that open and close things never wait, so a cancel is not
//! held up by a reader who is. A reader who takes nothing for [`PATIENCE`] is cut off: the run goes on without it.
//!
//! Why not a channel of events: the bytes that have gathered are handed on as one chunk, which saves a write to the
//! socket for every event as soon as the reader is slower than the run.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use tokio_stream::Stream;

/// How many bytes may lie in a channel before text has to wait.
const ROOM: usize = 64 * 1024;

/// How long text waits for a reader who takes nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// The two ends of a new stream.
pub(crate) fn channel() -> (Writer, Reader) {
    let shared = Arc::new(Shared::default());
    (Writer(Arc::clone(&shared)), Reader(shared))
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// The reader has taken bytes, or one of the two ends has gone.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    /// The writer adds nothing more.
    finished: bool,
    /// The reader wants nothing more.
    gone: bool,
    reader: Option<Waker>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end that a run writes to. Dropping it ends the stream.
#[derive(Debug)]
pub(crate) struct Writer(Arc<Shared>);

impl Writer {
    /// Lets `write` add to the stream at once, without waiting.
    pub(crate) fn push(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.0.lock();
        if state.gone {
            return;
        }
        write(&mut state.bytes);
        if let Some(reader) = state.reader.take() {
            drop(state);
            reader.wake();
        }
    }

    /// Whether the reader has gone, or was cut off.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.lock().gone
    }

    /// A handle that waits for room, to be used where this writer is not at hand.
    pub(crate) fn room(&self) -> Room {
        Room(Arc::clone(&self.0))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.finished = true;
        self.0.changed.notify_all();
        if let Some(reader) = state.reader.take() {
            drop(state);
            reader.wake();
        }
    }
}

/// Waits for room in a stream.
#[derive(Clone, Debug)]
pub(crate) struct Room(Arc<Shared>);

impl Room {
    /// Returns when there is room, when the stream was ended, when the reader has gone, or when the reader was cut off
    /// because it took nothing for too long.
    pub(crate) fn wait(&self) {
        self.wait_at_most(PATIENCE);
    }

    fn wait_at_most(&self, patience: Duration) {
        let start = Instant::now();
        let mut state = self.0.lock();
        while state.bytes.len() >= ROOM && !state.gone && !state.finished {
            let waited = start.elapsed();
            if waited >= patience {
                log::warn!(
                    "an event stream is cut off: its reader took nothing for {} s",
                    patience.as_secs()
                );
                state.gone = true;
                state.bytes = Vec::new();
                if let Some(reader) = state.reader.take() {
                    reader.wake();
                }
                return;
            }
            let left = patience - waited;
            state = self
                .0
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// The end that a connection reads from.
#[derive(Debug)]
pub(crate) struct Reader(Arc<Shared>);

impl Stream for Reader {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.0.lock();
        if !state.bytes.is_empty() {
            let bytes = std::mem::take(&mut state.bytes);
            self.0.changed.notify_all();
            return Poll::Ready(Some(Ok(Bytes::from(bytes))));
        }
        if state.finished || state.gone {
            return Poll::Ready(None);
        }
        state.reader = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.gone = true;
        state.bytes = Vec::new();
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    fn read(reader: &mut Reader) -> Poll<Option<String>> {
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(reader).poll_next(&mut context).map(|item| {
            item.map(|bytes| {
                let Ok(bytes) = bytes;
                String::from_utf8(bytes.to_vec()).unwrap()
            })
        })
    }

    fn write(writer: &Writer, text: &str) {
        writer.push(|bytes| bytes.extend_from_slice(text.as_bytes()));
    }

    #[test]
    fn hands_on_what_has_gathered_and_then_ends() {
        let (writer, mut reader) = channel();
        assert_eq!(read(&mut reader), Poll::Pending);
        write(&writer, "a");
        write(&writer, "b");
        assert_eq!(read(&mut reader), Poll::Ready(Some("ab".to_owned())));
        write(&writer, "c");
        drop(writer);
        assert_eq!(read(&mut reader), Poll::Ready(Some("c".to_owned())));
        assert_eq!(read(&mut reader), Poll::Ready(None));
    }

    #[test]
    fn text_waits_for_the_reader() {
        let (writer, mut reader) = channel();
        write(&writer, &"x".repeat(ROOM));
        thread::scope(|scope| {
            let room = writer.room();
            let waiting = scope.spawn(move || room.wait_at_most(Duration::from_secs(3600)));
            assert!(matches!(read(&mut reader), Poll::Ready(Some(_))));
            waiting.join().unwrap();
        });
        assert_eq!(read(&mut reader), Poll::Pending);
    }

    #[test]
    fn text_does_not_wait_for_a_reader_who_has_gone() {
        let (writer, reader) = channel();
        write(&writer, &"x".repeat(ROOM));
        drop(reader);
        writer.room().wait_at_most(Duration::from_secs(3600));
        write(&writer, "more");
        assert!(writer.0.lock().bytes.is_empty());
    }

    #[test]
    fn text_does_not_wait_when_the_stream_was_ended() {
        let (writer, _reader) = channel();
        write(&writer, &"x".repeat(ROOM));
        let room = writer.room();
        drop(writer);
        room.wait_at_most(Duration::from_secs(3600));
    }

    #[test]
    fn a_reader_who_takes_nothing_is_cut_off() {
        let (writer, mut reader) = channel();
        write(&writer, &"x".repeat(ROOM));
        writer.room().wait_at_most(Duration::ZERO);
        assert_eq!(read(&mut reader), Poll::Ready(None));
    }
}
