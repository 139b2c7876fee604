//! Observers of uploads.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use crate::http::outgoing::Source;

/// An observer of an upload: it is called with the number of bytes that were sent, and with that of all bytes.
#[derive(Clone)]
pub(crate) struct Progress(Arc<dyn Fn(u64, u64) + Send + Sync>);

impl Progress {
    pub(crate) fn new(observer: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        Self(Arc::new(observer))
    }

    pub(crate) fn report(&self, sent: u64, total: u64) {
        (self.0)(sent, total);
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

/// A reader of `total` bytes that reports what is read, since it is read while it is sent.
pub(crate) struct Observed<'a, R> {
    reader: R,
    progress: &'a Progress,
    sent: u64,
    total: u64,
}

impl<'a, R> Observed<'a, R> {
    pub(crate) fn new(reader: R, progress: &'a Progress, total: u64) -> Self {
        Self {
            reader,
            progress,
            sent: 0,
            total,
        }
    }
}

impl<R: Read> Read for Observed<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(into)?;
        if count > 0 {
            self.sent += count as u64;
            self.progress.report(self.sent, self.total);
        }
        Ok(count)
    }
}

/// A body in memory whose upload is observed.
pub(crate) struct ObservedBytes<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) progress: &'a Progress,
}

impl Source for ObservedBytes<'_> {
    fn length(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(Observed::new(self.bytes, self.progress, self.length())))
    }

    fn is_whole(&self) -> bool {
        true
    }
}
