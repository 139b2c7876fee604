//! Bytes to lines.
//!
//! [`LineReader`] cuts what a reader yields into lines, in one buffer that is reused: a line is lent out, not copied.
//! Both kinds of stream here sit on it, server-sent events and JSON objects one per line.

use std::io::{self, Read};
use std::ops::Range;

use crate::error::{Error, Result, StreamError, StreamErrorKind};

/// The longest line a [`LineReader`] takes unless told otherwise: 16 MiB.
pub const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// Room for the first read. Longer lines make the buffer grow, up to the limit.
const FIRST_BUFFER: usize = 32 * 1024;

/// Reads lines that end in LF, CR or CRLF, however the bytes are split into reads.
///
/// A line is handed out as soon as its ending has begun: after a CR nobody waits to see whether an LF follows.
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
pub struct LineReader<R> {
    reader: R,
    /// Initialised over its whole length; `start..end` is read and not yet handed out.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes before this one hold no line ending.
    scanned: usize,
    /// The last line ended in CR, so an LF that comes next belongs to it.
    after_cr: bool,
    at_end: bool,
    max_line_bytes: usize,
    lines: u64,
    bytes: u64,
    /// The first bytes, to be able to say what was read when it was nothing that makes sense.
    head: Vec<u8>,
}

/// How many bytes of the beginning are kept.
const HEAD: usize = 1024;

/// A line without its ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line whose ending was seen.
    Ended(&'a [u8]),
    /// The bytes after the last line ending; the stream is over.
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
            reader,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            scanned: 0,
            after_cr: false,
            at_end: false,
            max_line_bytes: MAX_LINE_BYTES,
            lines: 0,
            bytes: 0,
            head: Vec::new(),
        }
    }

    /// Sets the longest line that is taken, in bytes. Default [`MAX_LINE_BYTES`].
    #[must_use]
    pub fn max_line_bytes(mut self, limit: usize) -> Self {
        self.max_line_bytes = limit;
        self
    }

    /// The next line, `None` at the end of the stream.
    ///
    /// # Errors
    ///
    /// [`Error::Stream`] for a line above the limit and for a failed read; a failure that this crate's transport has
    /// already described ([`Error::Timeout`], [`Error::Cancelled`], [`Error::Transport`]) is returned as it is. After
    /// an error the reader is at its end, but for the first two: those only ended the wait.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>> {
        match self.find() {
            Ok(Some((line, true))) => Ok(Some(Line::Ended(&self.buffer[line]))),
            Ok(Some((line, false))) => Ok(Some(Line::Unterminated(&self.buffer[line]))),
            Ok(None) => Ok(None),
            Err(error @ (Error::Timeout(_) | Error::Cancelled(_))) => Err(error),
            Err(error) => {
                self.at_end = true;
                self.start = self.end;
                Err(error)
            }
        }
    }

    /// Where the next line lies in the buffer and whether its ending was seen.
    fn find(&mut self) -> Result<Option<(Range<usize>, bool)>> {
        loop {
            if self.after_cr && self.start < self.end {
                self.after_cr = false;
                if self.buffer[self.start] == b'\n' {
                    self.start += 1;
                }
            }
            self.scanned = self.scanned.max(self.start);
            if let Some(found) = memchr::memchr2(b'\n', b'\r', &self.buffer[self.scanned..self.end]) {
                let ending = self.scanned + found;
                let line = self.start..ending;
                self.check_length(line.len())?;
                self.after_cr = self.buffer[ending] == b'\r';
                self.start = ending + 1;
                self.lines += 1;
                return Ok(Some((line, true)));
            }
            self.scanned = self.end;
            self.check_length(self.end - self.start)?;
            if self.at_end {
                let rest = self.start..self.end;
                self.start = self.end;
                return Ok((!rest.is_empty()).then_some((rest, false)));
            }
            self.fill()?;
        }
    }

    fn check_length(&self, length: usize) -> Result<()> {
        if length > self.max_line_bytes {
            let limit = self.max_line_bytes;
            return Err(StreamError::new(self.lines + 1, StreamErrorKind::LineTooLong { limit }).into());
        }
        Ok(())
    }

    /// One read into the free end of the buffer, after making room where there is none.
    fn fill(&mut self) -> Result<()> {
        if self.start == self.end {
            (self.start, self.end, self.scanned) = (0, 0, 0);
        }
        if self.end == self.buffer.len() {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.scanned -= self.start;
                self.start = 0;
            } else {
                // One byte above the limit is enough to see that a line exceeds it.
                let most = self.max_line_bytes.saturating_add(1).max(self.end + 1);
                let length = (self.buffer.len() * 2).max(FIRST_BUFFER).min(most);
                self.buffer.resize(length, 0);
            }
        }
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.at_end = true;
                    return Ok(());
                }
                Ok(count) => {
                    let room = HEAD.saturating_sub(self.head.len()).min(count);
                    self.head.extend_from_slice(&self.buffer[self.end..self.end + room]);
                    self.end += count;
                    self.bytes += count as u64;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::from_stream_read(error, self.lines + 1)),
            }
        }
    }
}

impl<R> LineReader<R> {
    /// How many bytes were read so far, line endings included.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// The reader underneath. Bytes read ahead of the last line are not in it any more.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// The first bytes of the stream, a kilobyte at most.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    pub(crate) fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Gives the reader back; bytes read ahead of the last line are lost.
    pub fn into_inner(self) -> R {
        self.reader
    }
}

impl<R: std::fmt::Debug> std::fmt::Debug for LineReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LineReader")
            .field("reader", &self.reader)
            .field("buffered", &(self.end - self.start))
            .field("lines", &self.lines)
            .field("max_line_bytes", &self.max_line_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
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
    fn tells_an_unterminated_line_apart() {
        check("a", "<a>");
        check("a\nb", "[a]<b>");
        check("a\r\nb", "[a]<b>");
    }

    #[test]
    fn grows_and_compacts_for_long_lines() {
        let long = "x".repeat(FIRST_BUFFER * 3 + 7);
        let input = format!("short\n{long}\nafter\r\n{long}\r\nend");
        let want = format!("[short][{long}][after][{long}]<end>");
        for step in [
            1_000,
            4_096,
            FIRST_BUFFER - 1,
            FIRST_BUFFER,
            FIRST_BUFFER + 1,
            input.len(),
        ] {
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
        assert_eq!(reader.buffer.len(), 100_001);
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
