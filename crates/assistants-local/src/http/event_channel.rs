//! A byte channel from the thread that writes a streamed response to the connection that sends it.
//!
//! The channel has a soft bound: a writer that calls [`wait`](Writer::wait) blocks until the reader has caught up. A
//! slow reader thus slows the writer down, and memory use is bounded. A reader that reads nothing for too long is
//! disconnected.
//!
//! A stream ends with [`Writer::finish`] or with an error: if the writer is dropped without `finish`, or the reader is
//! disconnected, the error given to [`channel`] is the last thing in the stream.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use tokio_stream::Stream;

/// How many bytes the channel holds before the writer has to wait.
const CAPACITY: usize = 64 * 1024;

/// Creates a channel. `error` is the encoded error that ends the stream if the writer does not, and `timeout` is how
/// long the writer waits for the reader.
pub(crate) fn channel(error: String, timeout: Duration) -> (Writer, Reader) {
    let shared = Arc::new(Shared {
        error,
        timeout,
        state: Mutex::default(),
        changed: Condvar::new(),
    });
    (Writer(Arc::clone(&shared)), Reader(shared))
}

#[derive(Debug)]
struct Shared {
    error: String,
    timeout: Duration,
    state: Mutex<State>,
    /// Signalled when the reader has taken bytes or was dropped.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    /// Nothing more will be written.
    finished: bool,
    /// The reader was dropped.
    reader_dropped: bool,
    reader: Option<Waker>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writing end.
#[derive(Debug)]
pub(crate) struct Writer(Arc<Shared>);

impl Writer {
    /// Lets `write` append to the stream. Never blocks; exceeds the bound if it has to.
    pub(crate) fn push(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.0.lock();
        if state.reader_dropped || state.finished {
            return;
        }
        write(&mut state.bytes);
        if let Some(reader) = state.reader.take() {
            drop(state);
            reader.wake();
        }
    }

    /// Returns whether the reader was dropped or disconnected.
    pub(crate) fn is_disconnected(&self) -> bool {
        let state = self.0.lock();
        state.reader_dropped || state.finished
    }

    /// Ends the stream.
    pub(crate) fn finish(self) {
        self.0.lock().finished = true;
    }

    /// Blocks until there is room, the reader is dropped, or the reader is disconnected because it read nothing for the
    /// timeout of the channel.
    pub(crate) fn wait(&self) {
        let timeout = self.0.timeout;
        let start = Instant::now();
        let mut state = self.0.lock();
        while state.bytes.len() >= CAPACITY && !state.reader_dropped {
            let waited = start.elapsed();
            if waited >= timeout {
                log::warn!(
                    "disconnected the reader of an event stream: it read nothing for {} s",
                    timeout.as_secs()
                );
                // The reader may still resume. It then finds the error in place of the events that it missed.
                state.bytes = self.0.error.clone().into_bytes();
                state.finished = true;
                return;
            }
            let left = timeout - waited;
            state = self
                .0
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if !state.finished && !state.reader_dropped {
            state.bytes.extend_from_slice(self.0.error.as_bytes());
        }
        state.finished = true;
        if let Some(reader) = state.reader.take() {
            drop(state);
            reader.wake();
        }
    }
}

/// The reading end, polled by the connection.
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
        if state.finished || state.reader_dropped {
            return Poll::Ready(None);
        }
        state.reader = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.reader_dropped = true;
        state.bytes = Vec::new();
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    const LONG: Duration = Duration::from_secs(3600);

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
    fn returns_what_was_written_and_then_ends() {
        let (writer, mut reader) = channel(String::new(), LONG);
        assert_eq!(read(&mut reader), Poll::Pending);
        write(&writer, "a");
        write(&writer, "b");
        assert_eq!(read(&mut reader), Poll::Ready(Some("ab".to_owned())));
        write(&writer, "c");
        writer.finish();
        assert_eq!(read(&mut reader), Poll::Ready(Some("c".to_owned())));
        assert_eq!(read(&mut reader), Poll::Ready(None));
    }

    #[test]
    fn a_writer_that_is_dropped_ends_the_stream_with_an_error() {
        let (writer, mut reader) = channel("broken".to_owned(), LONG);
        write(&writer, "a ");
        drop(writer);
        assert_eq!(read(&mut reader), Poll::Ready(Some("a broken".to_owned())));
        assert_eq!(read(&mut reader), Poll::Ready(None));
    }

    #[test]
    fn text_waits_for_the_reader() {
        let (writer, mut reader) = channel(String::new(), LONG);
        write(&writer, &"x".repeat(CAPACITY));
        thread::scope(|scope| {
            let writer = &writer;
            let waiting = scope.spawn(move || writer.wait());
            assert!(matches!(read(&mut reader), Poll::Ready(Some(_))));
            waiting.join().unwrap();
        });
        assert_eq!(read(&mut reader), Poll::Pending);
    }

    #[test]
    fn text_does_not_wait_for_a_reader_that_was_dropped() {
        let (writer, reader) = channel(String::new(), LONG);
        write(&writer, &"x".repeat(CAPACITY));
        drop(reader);
        writer.wait();
        write(&writer, "more");
        assert!(writer.0.lock().bytes.is_empty());
    }

    #[test]
    fn a_reader_that_reads_nothing_is_disconnected_with_an_error() {
        let (writer, mut reader) = channel("cut off".to_owned(), Duration::ZERO);
        write(&writer, &"x".repeat(CAPACITY));
        writer.wait();
        write(&writer, "more");
        assert!(writer.is_disconnected());
        drop(writer);
        assert_eq!(read(&mut reader), Poll::Ready(Some("cut off".to_owned())));
        assert_eq!(read(&mut reader), Poll::Ready(None));
    }
}
