//! The bytes of a stream that have been read but not used.

use std::io::{self, Read};

/// Room for the first read. Longer lines and objects make the buffer grow, up to their limit.
pub(super) const FIRST_READ: usize = 32 * 1024;

/// How many bytes of the beginning are kept.
const HEAD: usize = 1024;

/// A reader with a buffer, whose positions are indexes that stay valid until the next [`fill`](Self::fill).
pub(super) struct Buffer<R> {
    reader: R,
    /// Initialised over its whole length; `start..end` has been read and not used.
    bytes: Vec<u8>,
    pub(super) start: usize,
    end: usize,
    /// Up to here the unused bytes have been searched.
    pub(super) searched: usize,
    at_end: bool,
    bytes_read: u64,
    /// The first bytes of the stream, for the message of an error.
    head: Vec<u8>,
}

impl<R> Buffer<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            bytes: Vec::new(),
            start: 0,
            end: 0,
            searched: 0,
            at_end: false,
            bytes_read: 0,
            head: Vec::new(),
        }
    }

    /// The bytes that have been read; those before `start` have been used.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.end]
    }

    pub(super) fn unused(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(super) fn unsearched(&self) -> &[u8] {
        &self.bytes[self.searched..self.end]
    }

    /// The index after the last byte.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// Whether the reader has no more bytes than those of the buffer.
    pub(super) fn is_at_end(&self) -> bool {
        self.at_end
    }

    /// Drops what is unused and reads nothing more.
    pub(super) fn close(&mut self) {
        self.at_end = true;
        self.start = self.end;
        self.searched = self.end;
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    pub(super) fn reader(&self) -> &R {
        &self.reader
    }

    pub(super) fn reader_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    pub(super) fn into_reader(self) -> R {
        self.reader
    }

    /// The room that the buffer takes.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// The unused bytes and the reader.
    pub(super) fn into_parts(mut self) -> (Vec<u8>, R) {
        self.bytes.truncate(self.end);
        self.bytes.drain(..self.start);
        (self.bytes, self.reader)
    }

    /// Makes room for a read. The unused bytes are one line or object, so `limit` bounds them: a single byte above it shows
    /// that they exceed it.
    fn make_room(&mut self, limit: usize) {
        if self.start == self.end {
            (self.start, self.end, self.searched) = (0, 0, 0);
        }
        if self.end < self.bytes.len() {
            return;
        }
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.searched -= self.start;
            self.start = 0;
        } else {
            let most = limit.saturating_add(1).max(self.end + 1);
            let length = (self.bytes.len() * 2).max(FIRST_READ).min(most);
            self.bytes.resize(length, 0);
        }
    }
}

impl<R: Read> Buffer<R> {
    /// Reads once. `limit` is the size that the unused bytes may have.
    pub(super) fn fill(&mut self, limit: usize) -> io::Result<()> {
        self.make_room(limit);
        let count = loop {
            match self.reader.read(&mut self.bytes[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome?,
            }
        };
        let room = HEAD.saturating_sub(self.head.len()).min(count);
        self.head.extend_from_slice(&self.bytes[self.end..self.end + room]);
        self.end += count;
        self.bytes_read += count as u64;
        self.at_end = count == 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::lines::tests::Steps;

    #[test]
    fn grows_up_to_a_byte_above_the_limit_and_reuses_what_was_used() {
        let input = vec![b'x'; 100];
        let mut buffer = Buffer::new(Steps { left: &input, step: 7 });
        while buffer.unused().len() <= 10 {
            buffer.fill(10).unwrap();
        }
        assert_eq!((buffer.unused().len(), buffer.bytes.len()), (11, 11));
        buffer.start = 9;
        buffer.searched = 10;
        buffer.fill(10).unwrap();
        assert_eq!(
            (buffer.unused().len(), buffer.unsearched().len(), buffer.bytes.len()),
            (9, 8, 11)
        );
        assert_eq!((buffer.bytes_read(), buffer.head().len()), (18, 18));
        while !buffer.is_at_end() {
            buffer.start = buffer.end();
            buffer.fill(10).unwrap();
        }
        assert_eq!((buffer.bytes_read(), buffer.unused()), (100, &b""[..]));
    }
}
