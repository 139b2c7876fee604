//! Bytes to lines.
//!
//! [`LineReader`] splits what a reader yields into lines, in one buffer that is reused: a line is borrowed, not copied.

use std::io::Read;
use std::ops::Range;

use crate::error::{Error, Result, StreamError, StreamErrorKind};
use crate::stream::buffer::Buffer;

/// The longest line that a [`LineReader`] accepts by default: 16 MiB.
pub const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// Reads lines that end in LF, CR or CRLF, however the bytes are split into reads.
///
/// A line is returned as soon as its ending has begun: after a CR, it does not wait to see whether an LF follows.
///
/// ```
/// use assistants_blocking::sse::{Line, LineReader};
///
/// let mut lines = LineReader::new("one\r\ntwo".as_bytes());
/// assert_eq!(lines.next_line()?, Some(Line::Ended(b"one")));
/// assert_eq!(lines.next_line()?, Some(Line::Unterminated(b"two")));
/// assert_eq!(lines.next_line()?, None);
/// # Ok::<(), assistants_blocking::Error>(())
/// ```
#[must_use = "nothing is read until a line is asked for"]
pub struct LineReader<R> {
    buffer: Buffer<R>,
    /// The last line ended in CR, so an LF that comes next belongs to it.
    after_cr: bool,
    max_line_bytes: usize,
    lines: u64,
}

/// A line without its ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line whose ending was seen.
    Ended(&'a [u8]),
    /// The bytes after the last line ending; the stream has ended.
    Unterminated(&'a [u8]),
}

impl<'a> Line<'a> {
    /// The bytes of the line, whichever way it ended.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Line::Ended(bytes) | Line::Unterminated(bytes) => bytes,
        }
    }
}

impl<R: Read> LineReader<R> {
    /// Reads lines from `reader`, each at most [`MAX_LINE_BYTES`] long.
    pub fn new(reader: R) -> Self {
        Self {
            buffer: Buffer::new(reader),
            after_cr: false,
            max_line_bytes: MAX_LINE_BYTES,
            lines: 0,
        }
    }

    /// Sets the longest line that is accepted, in bytes. Default [`MAX_LINE_BYTES`].
    pub fn max_line_bytes(mut self, limit: usize) -> Self {
        self.max_line_bytes = limit;
        self
    }

    /// The next line, `None` at the end of the stream.
    ///
    /// # Errors
    ///
    /// [`Error::Stream`] for a line above the limit and for a failed read. Errors of this crate's transport
    /// ([`Error::Timeout`], [`Error::Cancelled`], [`Error::Transport`]) are returned as they are. After an error the reader
    /// is at its end, except after the first two, which only ended the wait.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>> {
        match self.find() {
            Ok(Some((line, true))) => Ok(Some(Line::Ended(&self.buffer.bytes()[line]))),
            Ok(Some((line, false))) => Ok(Some(Line::Unterminated(&self.buffer.bytes()[line]))),
            Ok(None) => Ok(None),
            Err(error @ (Error::Timeout(_) | Error::Cancelled(_))) => Err(error),
            Err(error) => {
                self.buffer.close();
                Err(error)
            }
        }
    }

    /// The position of the next line in the buffer, and whether its ending was seen.
    fn find(&mut self) -> Result<Option<(Range<usize>, bool)>> {
        loop {
            let buffer = &mut self.buffer;
            if self.after_cr
                && let Some(first) = buffer.unused().first()
            {
                self.after_cr = false;
                buffer.start += usize::from(*first == b'\n');
            }
            buffer.searched = buffer.searched.max(buffer.start);
            if let Some(found) = memchr::memchr2(b'\n', b'\r', buffer.unsearched()) {
                let ending = buffer.searched + found;
                let line = buffer.start..ending;
                self.check_length(line.len())?;
                self.after_cr = self.buffer.bytes()[ending] == b'\r';
                self.buffer.start = ending + 1;
                self.lines += 1;
                return Ok(Some((line, true)));
            }
            let rest = buffer.start..buffer.end();
            buffer.searched = rest.end;
            self.check_length(rest.len())?;
            if self.buffer.is_at_end() {
                self.buffer.close();
                return Ok((!rest.is_empty()).then_some((rest, false)));
            }
            self.buffer
                .fill(self.max_line_bytes)
                .map_err(|error| Error::from_stream_read(error, self.lines + 1))?;
        }
    }

    fn check_length(&self, length: usize) -> Result<()> {
        if length > self.max_line_bytes {
            let limit = self.max_line_bytes;
            return Err(StreamError::new(self.lines + 1, StreamErrorKind::LineTooLong { limit }).into());
        }
        Ok(())
    }
}

impl<R> LineReader<R> {
    /// The number of bytes that were read so far, including line endings.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.buffer.bytes_read()
    }

    /// The reader underneath. Bytes read ahead of the last line are not in it any more.
    pub fn get_ref(&self) -> &R {
        self.buffer.reader()
    }

    /// The first bytes of the stream, a kilobyte at most.
    pub(crate) fn head(&self) -> &[u8] {
        self.buffer.head()
    }

    pub(crate) fn get_mut(&mut self) -> &mut R {
        self.buffer.reader_mut()
    }

    /// Gives the reader back; bytes read ahead of the last line are lost.
    pub fn into_inner(self) -> R {
        self.buffer.into_reader()
    }
}

impl<R: std::fmt::Debug> std::fmt::Debug for LineReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LineReader")
            .field("reader", self.buffer.reader())
            .field("buffered", &self.buffer.unused().len())
            .field("lines", &self.lines)
            .field("max_line_bytes", &self.max_line_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::stream::buffer::FIRST_READ;
    use std::io;
    use std::sync::mpsc;

    /// Yields its bytes `step` at a time.
    pub(crate) struct Steps<'a> {
        pub(crate) left: &'a [u8],
        pub(crate) step: usize,
    }

    impl Read for Steps<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.step.min(into.len()).min(self.left.len());
            into[..count].copy_from_slice(&self.left[..count]);
            self.left = &self.left[count..];
            Ok(count)
        }
    }

    /// Lines in `[]`, an unterminated one in `<>`.
    fn lines(input: &[u8], step: usize) -> String {
        let mut reader = LineReader::new(Steps { left: input, step });
        let mut out = String::new();
        while let Some(line) = reader.next_line().unwrap() {
            let text = String::from_utf8_lossy(line.bytes());
            out += &match line {
                Line::Ended(_) => format!("[{text}]"),
                Line::Unterminated(_) => format!("<{text}>"),
            };
        }
        assert!(reader.next_line().unwrap().is_none(), "the end is the end");
        assert_eq!(reader.bytes_read(), input.len() as u64);
        out
    }

    #[track_caller]
    fn check(input: &str, want: &str) {
        for step in 1..=input.len().max(1) {
            assert_eq!(lines(input.as_bytes(), step), want, "read {step} bytes at a time");
        }
    }

    #[test]
    fn takes_every_line_ending() {
        check("", "");
        check("a\nb\n", "[a][b]");
        check("a\rb\r", "[a][b]");
        check("a\r\nb\r\n", "[a][b]");
        check("\n\n", "[][]");
        check("\r\r", "[][]");
        check("\r\n\r\n", "[][]");
        check("\n\r", "[][]");
        check("a\r\n\rb\n\r\n", "[a][][b][]");
    }

    #[test]
    fn distinguishes_an_unterminated_line() {
        check("a", "<a>");
        check("a\nb", "[a]<b>");
        check("a\r\nb", "[a]<b>");
    }

    #[test]
    fn grows_and_compacts_for_long_lines() {
        let long = "x".repeat(FIRST_READ * 3 + 7);
        let input = format!("short\n{long}\nafter\r\n{long}\r\nend");
        let want = format!("[short][{long}][after][{long}]<end>");
        for step in [1_000, 4_096, FIRST_READ - 1, FIRST_READ, FIRST_READ + 1, input.len()] {
            assert!(lines(input.as_bytes(), step) == want, "read {step} bytes at a time");
        }
    }

    #[test]
    fn refuses_a_line_above_the_limit() {
        for step in [1, 3, 100] {
            for (input, want) in [
                ("abcd\nabcde\n", true),
                ("abcd\nabcde", true),
                ("abcd\nabcd\nabcd", false),
            ] {
                let mut reader = LineReader::new(Steps {
                    left: input.as_bytes(),
                    step,
                })
                .max_line_bytes(4);
                assert_eq!(reader.next_line().unwrap(), Some(Line::Ended(b"abcd")));
                let second = reader.next_line().map(|line| line.map(|line| line.bytes().to_vec()));
                match second {
                    Err(error) if want => {
                        assert_eq!(error.to_string(), "line 2 of the stream is longer than 4 bytes");
                        assert!(reader.next_line().unwrap().is_none());
                    }
                    Ok(Some(line)) if !want => assert_eq!(line, b"abcd"),
                    other => panic!("{input:?} by {step}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn a_limit_bounds_the_buffer() {
        let endless = io::repeat(b'x');
        let mut reader = LineReader::new(endless).max_line_bytes(100_000);
        assert!(reader.next_line().is_err());
        assert_eq!(reader.buffer.capacity(), 100_001);
    }

    /// Hands out one piece per read and waits when there is none.
    struct Pieces(mpsc::Receiver<&'static [u8]>);

    impl Read for Pieces {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let piece = self.0.try_recv().expect("a read although a line was complete");
            into[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    #[test]
    fn does_not_wait_for_the_lf_after_a_cr() {
        let (send, receive) = mpsc::channel();
        let mut reader = LineReader::new(Pieces(receive));
        send.send(b"one\r".as_slice()).unwrap();
        assert_eq!(reader.next_line().unwrap(), Some(Line::Ended(b"one")));
        send.send(b"\n").unwrap();
        send.send(b"two\n").unwrap();
        assert_eq!(reader.next_line().unwrap(), Some(Line::Ended(b"two")));
    }

    #[test]
    fn a_failed_read_is_an_error_and_then_the_end() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("wire cut"))
            }
        }
        let mut reader = LineReader::new(b"a\nb".chain(Broken));
        assert_eq!(reader.next_line().unwrap(), Some(Line::Ended(b"a")));
        let error = reader.next_line().unwrap_err();
        assert_eq!(error.to_string(), "reading line 2 of the stream failed");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "wire cut");
        assert!(reader.next_line().unwrap().is_none());
    }
}
