//! Bytes to the JSON objects in them.

use std::io::Read;
use std::ops::Range;

use crate::error::{Error, Result, StreamError, StreamErrorKind};
use crate::stream::buffer::{Buffer, FIRST_READ};

/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Finds where objects begin and end, without reading what is in them. The objects follow each other, with or without line
/// breaks, commas and brackets between them.
pub(super) struct Scanner<R> {
    buffer: Buffer<R>,
    /// The position of the object that was found last.
    object: Range<usize>,
    /// The number of open brackets of the current object; 0 between objects.
    depth: usize,
    /// The number of open lists around the objects.
    lists: usize,
    in_string: bool,
    escaped: bool,
    lines: u64,
    /// The number of lines before the current object.
    lines_before: u64,
    /// What comes next is not a byte order mark.
    past_mark: bool,
    /// The first byte of the content has been seen.
    began: bool,
}

/// What [`Scanner::find`] found.
pub(super) enum Scanned {
    /// An object; [`Scanner::found`] returns it.
    Object,
    /// The bytes ended between objects.
    End,
    /// The bytes ended within an object or a list.
    Cut,
}

impl<R: Read> Scanner<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            buffer: Buffer::new(reader),
            object: 0..0,
            depth: 0,
            lists: 0,
            in_string: false,
            escaped: false,
            lines: 0,
            lines_before: 0,
            past_mark: false,
            began: false,
        }
    }

    pub(super) fn is_at_start(&self) -> bool {
        !self.began
    }

    /// Whether the stream has ended before its first byte.
    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_at_end() && self.buffer.bytes_read() == 0
    }

    /// Whether the content begins like JSON, after a byte order mark and white space.
    pub(super) fn begins_json(&mut self) -> Result<bool> {
        loop {
            self.skip_mark();
            if self.past_mark {
                let bytes = self.buffer.unused();
                let space = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                let first = bytes.get(space).copied();
                self.lines += lines_in(&bytes[..space]);
                self.buffer.start += space;
                self.buffer.searched = self.buffer.start;
                if let Some(first) = first {
                    self.began = true;
                    return Ok(matches!(first, b'{' | b'['));
                }
            }
            if self.buffer.is_at_end() {
                self.began = true;
                // What is left is the beginning of a mark, if anything.
                self.buffer.searched = self.buffer.end();
                return Ok(true);
            }
            self.fill(FIRST_READ)?;
        }
    }

    /// Skips a byte order mark. The first bytes of one say nothing yet.
    fn skip_mark(&mut self) {
        let bytes = self.buffer.unused();
        if self.past_mark || bytes.is_empty() {
            return;
        }
        let length = bytes.len().min(MARK.len());
        let is_mark = bytes[..length] == MARK[..length];
        if is_mark && length == MARK.len() {
            self.buffer.start += length;
        }
        self.past_mark = !is_mark || length == MARK.len();
    }

    /// Finds the next object, of `limit` bytes at most.
    pub(super) fn find(&mut self, limit: usize) -> Result<Scanned> {
        loop {
            while let Some(byte) = self.next_byte() {
                if self.step(byte)? {
                    let end = self.buffer.searched;
                    self.object = self.buffer.start..end;
                    self.buffer.start = end;
                    self.check(self.object.clone(), limit)?;
                    return Ok(Scanned::Object);
                }
            }
            let end = self.buffer.end();
            if self.depth == 0 {
                self.buffer.start = end;
            }
            self.check(self.buffer.start..end, limit)?;
            if self.buffer.is_at_end() {
                let whole = self.depth == 0 && self.lists == 0;
                return Ok(if whole { Scanned::End } else { Scanned::Cut });
            }
            self.fill(limit)?;
        }
    }

    /// The object that was found last.
    pub(super) fn found(&self) -> &[u8] {
        &self.buffer.bytes()[self.object.clone()]
    }

    /// The next byte; within a string, the next one that can end it or begin an escape.
    #[inline]
    fn next_byte(&mut self) -> Option<u8> {
        if self.in_string && !self.escaped {
            let rest = self.buffer.unsearched();
            self.buffer.searched += memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
        }
        let byte = *self.buffer.unsearched().first()?;
        self.buffer.searched += 1;
        Some(byte)
    }

    /// Takes a byte; true if it ends an object.
    #[inline]
    fn step(&mut self, byte: u8) -> Result<bool> {
        if self.in_string {
            if self.escaped {
                self.escaped = false;
            } else if byte == b'\\' {
                self.escaped = true;
            } else {
                self.in_string = byte != b'"';
            }
            return Ok(false);
        }
        match byte {
            b'\n' => self.lines += 1,
            b'"' if self.depth > 0 => self.in_string = true,
            b'{' => {
                if self.depth == 0 {
                    self.buffer.start = self.buffer.searched - 1;
                    self.lines_before = self.lines;
                }
                self.depth += 1;
            }
            b'[' if self.depth == 0 => self.lists += 1,
            b']' if self.depth == 0 && self.lists > 0 => self.lists -= 1,
            b'}' if self.depth > 0 => self.depth -= 1,
            b',' | b' ' | b'\t' | b'\r' => {}
            _ if self.depth > 0 => {}
            _ => return Err(StreamError::new(self.lines + 1, StreamErrorKind::InvalidJson).into()),
        }
        Ok(byte == b'}' && self.depth == 0)
    }

    /// Fails for an object above the limit, with the line on which it exceeds it: how much of it was read by then depends
    /// on how the bytes arrive.
    fn check(&self, object: Range<usize>, limit: usize) -> Result<()> {
        if object.len() > limit {
            let within = &self.buffer.bytes()[object.start..object.start + limit];
            let line = self.lines_before + lines_in(within) + 1;
            return Err(StreamError::new(line, StreamErrorKind::EventTooLarge { limit }).into());
        }
        Ok(())
    }

    fn fill(&mut self, limit: usize) -> Result<()> {
        let line = self.lines + 1;
        self.buffer
            .fill(limit)
            .map_err(|error| Error::from_stream_read(error, line))
    }
}

impl<R> Scanner<R> {
    /// The room that the buffer takes.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// The bytes that were read and not used, and the reader.
    pub(super) fn into_parts(self) -> (Vec<u8>, R) {
        self.buffer.into_parts()
    }
}

fn lines_in(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}
