//! Recorded streams, cut and split at every byte.

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;

use assistants_blocking::Error;
use assistants_blocking::openai::{EventReader, StreamEvent};
use proptest::prelude::*;

/// Every recording under `tests/fixtures/runs`.
fn recordings() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/runs");
    let mut all: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    all.sort();
    assert!(all.len() >= 3, "the recordings are missing");
    all
}

/// A reader that returns bytes in pieces with the given ends.
struct Pieces<'a> {
    bytes: &'a [u8],
    ends: Vec<usize>,
    at: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let end = self
            .ends
            .iter()
            .copied()
            .find(|end| *end > self.at)
            .unwrap_or(self.bytes.len());
        let piece = &self.bytes[self.at..end.min(self.bytes.len())];
        let taken = piece.len().min(into.len());
        into[..taken].copy_from_slice(&piece[..taken]);
        self.at += taken;
        Ok(taken)
    }
}

fn read(bytes: &[u8], ends: Vec<usize>) -> (Vec<StreamEvent>, Option<Error>) {
    let mut events = Vec::new();
    for event in EventReader::new(Pieces { bytes, ends, at: 0 }) {
        match event {
            Ok(event) => events.push(event),
            Err(error) => return (events, Some(error)),
        }
    }
    (events, None)
}

fn whole(bytes: &[u8]) -> Vec<StreamEvent> {
    let (events, error) = read(bytes, Vec::new());
    assert!(error.is_none(), "{error:?}");
    assert!(events.len() >= 4, "{events:?}");
    events
}

#[test]
fn every_split_gives_the_same_events() {
    for (path, bytes) in recordings() {
        let want = whole(&bytes);
        for at in 1..bytes.len() {
            let (events, error) = read(&bytes, vec![at]);
            assert!(error.is_none(), "{}: split at {at}: {error:?}", path.display());
            assert_eq!(events, want, "{}: split at {at}", path.display());
        }
    }
}

#[test]
fn every_cut_before_the_end_is_reported_after_the_complete_events() {
    for (path, bytes) in recordings() {
        let want = whole(&bytes);
        let text = String::from_utf8(bytes.clone()).unwrap();
        // The last event is complete at the line break that ends its block.
        let end = text.rfind("[DONE]\n\n").unwrap() + "[DONE]\n\n".len();
        for cut in 0..end {
            let (events, error) = read(&bytes[..cut], Vec::new());
            let complete = text.as_bytes()[..cut].windows(2).filter(|pair| pair == b"\n\n").count();
            assert_eq!(events, want[..complete], "{}: cut at {cut}", path.display());
            assert!(
                matches!(error, Some(Error::StreamTruncated(_))),
                "{}: cut at {cut}: {error:?}",
                path.display()
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn many_splits_give_the_same_events(mut ends in prop::collection::vec(1usize..8000, 0..40)) {
        ends.sort_unstable();
        for (path, bytes) in recordings() {
            let (events, error) = read(&bytes, ends.clone());
            prop_assert!(error.is_none(), "{}: {error:?}", path.display());
            prop_assert_eq!(events, whole(&bytes), "{}", path.display());
        }
    }
}
