//! Server-sent events: lines to events.
//!
//! The rules are those of the [WHATWG event stream](https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation).
//! [`EventParser`] implements them and does no I/O; [`SseReader`] feeds it from a reader through a [`LineReader`]. Neither
//! allocates per event: an event is borrowed from a buffer that is reused.

use std::fmt;
use std::io::Read;
use std::mem;
use std::str;
use std::time::Duration;

pub use crate::stream::lines::{Line, LineReader, MAX_LINE_BYTES};

use crate::error::{Error, Result, StreamError, StreamErrorKind};

/// The default limit on the data of one event: 64 MiB.
///
/// This is four lines of maximum length. The largest event of the protocol is a whole run or message, well below 10 MiB; the
/// limit exists so that a broken server cannot exhaust the memory.
pub const MAX_EVENT_BYTES: usize = 64 * 1024 * 1024;

/// An event that its blank line has completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event` field; `message` if there was none.
    pub name: &'a str,
    /// The `data` lines, joined with LF.
    pub data: &'a str,
    /// The last `id` of the stream, of this event or an earlier one; empty if there was none.
    pub id: &'a str,
}

/// Lines in, events out. No socket, no JSON.
///
/// Two things are stricter than in a browser: a field that is not UTF-8 is an error instead of a replacement
/// character, and an event may not grow without bound.
///
/// ```
/// use assistants_blocking::sse::EventParser;
///
/// let mut parser = EventParser::new();
/// assert!(parser.line(b"event: done")?.is_none());
/// assert!(parser.line(b"data: [DONE]")?.is_none());
/// let event = parser.line(b"")?.expect("a blank line completes the event");
/// assert_eq!((event.name, event.data), ("done", "[DONE]"));
/// # Ok::<(), assistants_blocking::Error>(())
/// ```
#[derive(Clone)]
pub struct EventParser {
    name: String,
    data: String,
    /// Distinguishes an event with empty data from a block without a `data` line, which is no event.
    has_data: bool,
    /// The `id` of the current block; it counts only when the block is complete.
    next_id: String,
    has_next_id: bool,
    id: String,
    retry: Option<Duration>,
    /// The event in the buffers was returned; the next line clears it.
    complete: bool,
    lines: u64,
    max_event_bytes: usize,
}

impl EventParser {
    /// A parser at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self {
            name: String::new(),
            data: String::new(),
            has_data: false,
            next_id: String::new(),
            has_next_id: false,
            id: String::new(),
            retry: None,
            complete: false,
            lines: 0,
            max_event_bytes: MAX_EVENT_BYTES,
        }
    }

    /// Sets how many bytes the data of one event may have. Default [`MAX_EVENT_BYTES`].
    #[must_use]
    pub fn max_event_bytes(mut self, limit: usize) -> Self {
        self.max_event_bytes = limit;
        self
    }

    /// Takes one line without its ending; `Some` if it completes an event.
    ///
    /// # Errors
    ///
    /// [`Error::Stream`] for a field that is not UTF-8 and for an event above the limit.
    pub fn line(&mut self, line: &[u8]) -> Result<Option<Event<'_>>> {
        Ok(if self.feed(line)? { Some(self.event()) } else { None })
    }

    /// The reconnection time that the server requested with a `retry` field.
    #[must_use]
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// The `id` of the last complete block that had one; empty if there was none.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.id
    }

    /// Takes one line; true if an event is complete, which `event` returns.
    ///
    /// Separate from `line` because a loop cannot return a borrow from one of its iterations (rust-lang/rust#54663).
    fn feed(&mut self, mut line: &[u8]) -> Result<bool> {
        if self.complete {
            self.clear();
        }
        if self.lines == 0 {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        self.lines += 1;
        if line.is_empty() {
            if mem::take(&mut self.has_next_id) {
                mem::swap(&mut self.id, &mut self.next_id);
            }
            self.complete = self.has_data;
            if !self.has_data {
                self.clear();
            }
            return Ok(self.has_data);
        }
        let (field, value) = match memchr::memchr(b':', line) {
            Some(0) => return Ok(false), // A comment.
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &line[line.len()..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                let value = self.text(value)?;
                let length = self.data.len() + usize::from(self.has_data) + value.len();
                if length > self.max_event_bytes {
                    let limit = self.max_event_bytes;
                    return Err(StreamError::new(self.lines, StreamErrorKind::EventTooLarge { limit }).into());
                }
                if self.has_data {
                    self.data.push('\n');
                }
                self.data.push_str(value);
                self.has_data = true;
            }
            b"event" => {
                let value = self.text(value)?;
                self.name.clear();
                self.name.push_str(value);
            }
            b"id" if memchr::memchr(0, value).is_none() => {
                let value = self.text(value)?;
                self.next_id.clear();
                self.next_id.push_str(value);
                self.has_next_id = true;
            }
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                // Digits that overflow count as no field.
                if let Ok(millis) = self.text(value)?.parse() {
                    self.retry = Some(Duration::from_millis(millis));
                }
            }
            _ => {}
        }
        Ok(false)
    }

    fn text<'l>(&self, value: &'l [u8]) -> Result<&'l str> {
        str::from_utf8(value)
            .map_err(|error| StreamError::caused(self.lines, StreamErrorKind::InvalidUtf8, error).into())
    }

    fn event(&self) -> Event<'_> {
        let name = if self.name.is_empty() { "message" } else { &self.name };
        Event {
            name,
            data: &self.data,
            id: &self.id,
        }
    }

    fn clear(&mut self) {
        self.name.clear();
        self.data.clear();
        self.has_data = false;
        self.complete = false;
    }
}

impl Default for EventParser {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for EventParser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventParser")
            .field("lines", &self.lines)
            .field("pending_bytes", &self.data.len())
            .field("last_event_id", &self.id)
            .field("max_event_bytes", &self.max_event_bytes)
            .finish_non_exhaustive()
    }
}

/// Reads the events of a stream one by one.
///
/// ```
/// use assistants_blocking::sse::SseReader;
///
/// let mut events = SseReader::new("data: hello\n\ndata: lost, no blank line".as_bytes());
/// assert_eq!(events.next_event()?.map(|event| event.data), Some("hello"));
/// assert_eq!(events.next_event()?, None);
/// # Ok::<(), assistants_blocking::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is read until an event is asked for"]
pub struct SseReader<R> {
    lines: LineReader<R>,
    parser: EventParser,
    at_end: bool,
}

impl<R: Read> SseReader<R> {
    /// Reads events from `reader` with the default limits.
    pub fn new(reader: R) -> Self {
        Self {
            lines: LineReader::new(reader),
            parser: EventParser::new(),
            at_end: false,
        }
    }

    /// Sets the longest line that is accepted, in bytes. Default [`MAX_LINE_BYTES`].
    pub fn max_line_bytes(mut self, limit: usize) -> Self {
        self.lines = self.lines.max_line_bytes(limit);
        self
    }

    /// Sets how many bytes the data of one event may have. Default [`MAX_EVENT_BYTES`].
    pub fn max_event_bytes(mut self, limit: usize) -> Self {
        self.parser = self.parser.max_event_bytes(limit);
        self
    }

    /// The next event; `None` at the end of the stream. An event without its blank line is dropped, as the standard
    /// requires; whether the stream may end here is up to the protocol.
    ///
    /// # Errors
    ///
    /// As [`LineReader::next_line`] and [`EventParser::line`]. After an error the stream is at its end, except after
    /// [`Error::Timeout`] and [`Error::Cancelled`], which only ended the wait.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>> {
        while !self.at_end {
            let complete = match self.lines.next_line() {
                Ok(Some(Line::Ended(line))) => self.parser.feed(line),
                Ok(Some(Line::Unterminated(_)) | None) => {
                    self.at_end = true;
                    break;
                }
                Err(error) => Err(error),
            };
            match complete {
                Ok(true) => return Ok(Some(self.parser.event())),
                Ok(false) => {}
                // They only ended the wait.
                Err(error @ (Error::Timeout(_) | Error::Cancelled(_))) => return Err(error),
                Err(error) => {
                    self.at_end = true;
                    return Err(error);
                }
            }
        }
        Ok(None)
    }
}

impl<R> SseReader<R> {
    /// The `id` of the last complete block that had one; empty if there was none.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }

    /// The reconnection time that the server requested with a `retry` field.
    #[must_use]
    pub fn retry(&self) -> Option<Duration> {
        self.parser.retry()
    }

    /// The number of bytes of the stream that were read so far.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }

    /// The reader underneath. Bytes read ahead of the last event are not in it any more.
    pub fn get_ref(&self) -> &R {
        self.lines.get_ref()
    }

    /// The first bytes of the stream, a kilobyte at most.
    pub(crate) fn head(&self) -> &[u8] {
        self.lines.head()
    }

    pub(crate) fn get_mut(&mut self) -> &mut R {
        self.lines.get_mut()
    }

    /// Gives the reader back; bytes read ahead of the last event are lost.
    pub fn into_inner(self) -> R {
        self.lines.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::stream::lines::tests::Steps;
    use proptest::prelude::*;
    use std::{env, fs};

    /// One event a line: name, id where there is one, data with visible line breaks.
    fn events(input: &[u8], step: usize) -> String {
        let mut reader = SseReader::new(Steps { left: input, step });
        let mut out = String::new();
        while let Some(event) = reader.next_event().unwrap() {
            write_event(&mut out, event.name, event.id, event.data);
        }
        out
    }

    fn write_event(out: &mut String, name: &str, id: &str, data: &str) {
        let id = if id.is_empty() { String::new() } else { format!("#{id}") };
        *out += &format!("{name}{id}={}\n", data.replace('\n', "\\n"));
    }

    #[track_caller]
    fn check(input: &str, want: &[&str]) {
        let want: String = want.iter().map(|line| format!("{line}\n")).collect();
        for ending in ["\n", "\r", "\r\n"] {
            let input = input.replace('\n', ending);
            for step in 1..=input.len() {
                assert_eq!(
                    events(input.as_bytes(), step),
                    want,
                    "{ending:?}, read {step} bytes at a time"
                );
            }
        }
    }

    #[test]
    fn joins_data_lines() {
        check("data: a\ndata: b\n\n", &["message=a\\nb"]);
        check("data\ndata\n\n", &["message=\\n"]);
    }

    #[test]
    fn takes_one_leading_space_away() {
        check(
            "data:a\n\ndata: b\n\ndata:  c\n\n",
            &["message=a", "message=b", "message= c"],
        );
        check("data:a:b: c\n\n", &["message=a:b: c"]);
    }

    #[test]
    fn names_count_for_one_event() {
        check("event: e\ndata: 1\n\ndata: 2\n\n", &["e=1", "message=2"]);
        check("event: e\n\ndata: 2\n\n", &["message=2"]);
        check("event: e\nevent: f\ndata: 2\n\n", &["f=2"]);
    }

    #[test]
    fn a_block_without_data_is_no_event() {
        check("\n\nevent: e\nid: 1\n\n: note\n\ndata: x\n\n", &["message#1=x"]);
        check("data\n\ndata:\n\n", &["message=", "message="]);
    }

    #[test]
    fn ids_last_until_the_next_one() {
        check(
            "id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
            &["message#1=a", "message#1=b", "message=c"],
        );
        check("id: 1\nid: x\0y\ndata: a\n\n", &["message#1=a"]);
    }

    #[test]
    fn ignores_comments_and_unknown_fields() {
        check(": hello\ndata: a\n:\nother: b\nDATA: c\ndata : d\n\n", &["message=a"]);
    }

    #[test]
    fn drops_an_unfinished_event() {
        check("data: a\n\ndata: b\n", &["message=a"]);
        check("data: a\n\ndata: b", &["message=a"]);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        check("\u{feff}data: a\n\n", &["message=a"]);
        check("\u{feff}\ndata: a\n\n", &["message=a"]);
        check("data: a\n\n\u{feff}data: b\n\n", &["message=a"]);
    }

    #[test]
    fn an_id_counts_once_its_block_is_complete() {
        let mut reader = SseReader::new("id: 1\n\nid: 2\n".as_bytes());
        assert_eq!(reader.next_event().unwrap(), None);
        assert_eq!(reader.last_event_id(), "1");
    }

    #[test]
    fn retry_takes_digits_only() {
        for (value, want) in [
            ("1500", Some(1500)),
            ("15s", None),
            ("-1", None),
            ("", None),
            ("99999999999999999999", None),
        ] {
            let input = format!("retry: {value}\n");
            let mut reader = SseReader::new(input.as_bytes());
            assert_eq!(reader.next_event().unwrap(), None);
            assert_eq!(reader.retry(), want.map(Duration::from_millis), "{value:?}");
        }
    }

    #[test]
    fn invalid_utf8_is_an_error_and_ends_the_stream() {
        let mut reader = SseReader::new(b"data: a\n\n: \xff\ndata: \xff\n\ndata: b\n\n".as_slice());
        assert_eq!(reader.next_event().unwrap().unwrap().data, "a");
        let error = reader.next_event().unwrap_err();
        assert_eq!(error.to_string(), "line 4 of the stream is not utf-8");
        assert_eq!(reader.next_event().unwrap(), None);
    }

    #[test]
    fn refuses_an_event_above_the_limit() {
        let mut reader = SseReader::new("data: abc\ndata: d\n\ndata: abc\ndata: de\n\n".as_bytes()).max_event_bytes(5);
        assert_eq!(reader.next_event().unwrap().unwrap().data, "abc\nd");
        match reader.next_event().unwrap_err() {
            Error::Stream(error) => {
                assert!(
                    matches!(error.kind, StreamErrorKind::EventTooLarge { limit: 5 }),
                    "{error}"
                );
                assert_eq!(error.line, 5);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(reader.next_event().unwrap(), None);
    }

    #[test]
    fn recorded_streams_give_the_expected_events() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/sse");
        let mut seen = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "sse") {
                continue;
            }
            seen += 1;
            let input = fs::read(&path).unwrap();
            let got = events(&input, input.len());
            for step in 1..input.len() {
                assert_eq!(
                    events(&input, step),
                    got,
                    "{}: read {step} bytes at a time",
                    path.display()
                );
            }
            let expected = path.with_extension("events");
            if env::var_os("UPDATE").is_some() {
                fs::write(&expected, &got).unwrap();
            }
            assert_eq!(got, fs::read_to_string(&expected).unwrap(), "{}", expected.display());
        }
        assert!(seen > 0, "no fixtures in {folder}");
    }

    /// The standard's text, followed word by word on a whole string.
    fn by_the_book(input: &str) -> String {
        let input = input.strip_prefix('\u{feff}').unwrap_or(input);
        let input = input.replace("\r\n", "\n").replace('\r', "\n");
        let mut lines: Vec<&str> = input.split('\n').collect();
        lines.pop(); // What follows the last ending is not a line.
        let (mut out, mut name, mut data) = (String::new(), "", String::new());
        let mut id = "";
        for line in lines {
            if line.is_empty() {
                if let Some(data) = data.strip_suffix('\n') {
                    write_event(&mut out, if name.is_empty() { "message" } else { name }, id, data);
                }
                (name, data) = ("", String::new());
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => name = value,
                "data" => data += &format!("{value}\n"),
                "id" if !value.contains('\0') => id = value,
                _ => {}
            }
        }
        out
    }

    proptest! {
        #[test]
        fn any_stream_in_any_steps_reads_as_the_standard_says(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "data: ", "data:", "data", "event: ", "event:e", "id: ", "id:7", "retry: 1", ":", " ", "\n", "\n", "\n\n",
                    "\r", "\r\n", "\r\n\r\n", "x", "é", "\u{feff}", "\0", "[DONE]", "🦀",
                ]),
                0..40,
            ),
            step in 1usize..20,
        ) {
            let input = parts.concat();
            prop_assert_eq!(events(input.as_bytes(), step), by_the_book(&input));
        }

        #[test]
        fn any_bytes_end_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), step in 1usize..20) {
            let mut reader = SseReader::new(Steps { left: &bytes, step });
            while let Ok(Some(_)) = reader.next_event() {}
            prop_assert_eq!(reader.next_event().unwrap(), None);
        }
    }
}
