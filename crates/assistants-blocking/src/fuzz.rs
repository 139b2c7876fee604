//! What holds for any bytes, as functions: the fuzz targets and the property tests call the same ones.
//!
//! Compiled for tests and with `--cfg fuzzing`, which `cargo fuzz` sets; no part of the library otherwise.

use std::io::{self, Read};
use std::str;

use crate::error::Result;
use crate::stream::sse::{Line, LineReader, SseReader};

pub use crate::chat::fuzz::chat_chunks;
pub use crate::openai::runs::fuzz::run_events;
pub use crate::responses::fuzz::response_events;
pub use crate::yandex::fuzz::{json_objects, yandex_events};

/// Splits the settings of a case from the bytes that are read.
pub(crate) fn settings<const N: usize>(input: &[u8]) -> Option<([u8; N], &[u8])> {
    let (settings, bytes) = input.split_first_chunk()?;
    Some((*settings, bytes))
}

/// Yields its bytes in pieces whose lengths follow from the seed.
pub(crate) struct Pieces<'a> {
    left: &'a [u8],
    state: u64,
    longest: usize,
}

impl<'a> Pieces<'a> {
    /// A seed of 0 gives one byte at a time, 255 everything at once.
    pub(crate) fn new(left: &'a [u8], seed: u8) -> Self {
        let longest = match seed {
            0 => 1,
            255 => usize::MAX,
            _ => 1 << (seed % 7),
        };
        Self {
            left,
            state: seed.into(),
            longest,
        }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.state = self.state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        let length = match self.longest {
            usize::MAX => usize::MAX,
            longest => 1 + (self.state >> 33) as usize % longest,
        };
        let count = length.min(into.len()).min(self.left.len());
        into[..count].copy_from_slice(&self.left[..count]);
        self.left = &self.left[count..];
        Ok(count)
    }
}

/// However the bytes arrive, the lines are those of a split at every CR, LF and CRLF, up to the first above the limit.
///
/// Settings: two bytes, how the bytes arrive and the limit.
pub fn lines(input: &[u8]) {
    let Some(([seed, limit], bytes)) = settings(input) else {
        return;
    };
    let limit = if limit == 0 { usize::MAX - 1 } else { limit.into() };
    let mut want = Vec::new();
    let mut failed = false;
    for (line, ended) in split(bytes) {
        failed = line.len() > limit;
        if failed {
            break;
        }
        want.push((line.to_vec(), ended));
    }
    let mut reader = LineReader::new(Pieces::new(bytes, seed)).max_line_bytes(limit);
    let mut got = Vec::new();
    loop {
        match reader.next_line() {
            Ok(Some(line)) => got.push((line.bytes().to_vec(), matches!(line, Line::Ended(_)))),
            Ok(None) => {
                assert!(!failed, "a line above the limit is an error");
                assert_eq!(reader.bytes_read(), bytes.len() as u64);
                break;
            }
            Err(error) => {
                assert!(failed, "{error}");
                break;
            }
        }
    }
    assert_eq!(got, want);
    assert!(
        reader.next_line().is_ok_and(|line| line.is_none()),
        "the end is the end"
    );
}

/// The lines of bytes, each with whether its ending is there.
fn split(mut bytes: &[u8]) -> Vec<(&[u8], bool)> {
    let mut lines = Vec::new();
    while let Some(at) = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        lines.push((&bytes[..at], true));
        let ending = if bytes[at..].starts_with(b"\r\n") { 2 } else { 1 };
        bytes = &bytes[at + ending..];
    }
    if !bytes.is_empty() {
        lines.push((bytes, false));
    }
    lines
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct OwnedEvent {
    name: String,
    data: String,
    id: String,
}

/// However the bytes arrive, the events are those that the standard finds, and writing them down and reading that gives
/// them again.
///
/// Settings: two bytes, how the bytes arrive and the limit of an event.
pub fn events(input: &[u8]) {
    let Some(([seed, limit], bytes)) = settings(input) else {
        return;
    };
    let limit = if limit == 0 { usize::MAX } else { limit.into() };
    let (want, failed) = standard(bytes, limit);
    let (got, error) = read_events(Pieces::new(bytes, seed), limit);
    assert_eq!(got, want);
    assert_eq!(error.is_err(), failed, "{error:?}");

    let mut written = String::new();
    for event in &got {
        written += &format!("event: {}\nid: {}\n", event.name, event.id);
        for line in event.data.split('\n') {
            written += &format!("data: {line}\n");
        }
        written.push('\n');
    }
    let (again, error) = read_events(Pieces::new(written.as_bytes(), seed), usize::MAX);
    assert!(error.is_ok(), "{error:?}");
    assert_eq!(again, got);
}

fn read_events(bytes: Pieces<'_>, limit: usize) -> (Vec<OwnedEvent>, Result<()>) {
    let mut reader = SseReader::new(bytes).max_event_bytes(limit);
    let mut events = Vec::new();
    let outcome = loop {
        match reader.next_event() {
            Ok(Some(event)) => events.push(OwnedEvent {
                name: event.name.to_owned(),
                data: event.data.to_owned(),
                id: event.id.to_owned(),
            }),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    assert!(
        reader.next_event().is_ok_and(|event| event.is_none()),
        "the end is the end"
    );
    (events, outcome)
}

/// The events of bytes as the standard says, written as plainly as it says it, and whether they end in an error.
fn standard(bytes: &[u8], limit: usize) -> (Vec<OwnedEvent>, bool) {
    let mut events = Vec::new();
    let (mut name, mut data, mut id, mut next_id) = (Vec::new(), None::<Vec<u8>>, String::new(), None);
    for (number, (mut line, ended)) in split(bytes).into_iter().enumerate() {
        if !ended {
            break;
        }
        if number == 0 {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        if line.is_empty() {
            id = next_id.take().unwrap_or(id);
            let name = String::from_utf8(std::mem::take(&mut name)).expect("every field was checked");
            if let Some(data) = data.take() {
                events.push(OwnedEvent {
                    name: if name.is_empty() { "message".to_owned() } else { name },
                    data: String::from_utf8(data).expect("every field was checked"),
                    id: id.clone(),
                });
            }
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let field = &line[..colon.unwrap_or(line.len())];
        let value = colon.map_or(&[][..], |colon| &line[colon + 1..]);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let kept = match field {
            b"id" => !value.contains(&0),
            b"data" | b"event" => true,
            _ => false,
        };
        if !kept {
            continue;
        }
        let Ok(text) = str::from_utf8(value) else {
            return (events, true);
        };
        match field {
            b"event" => name = value.to_vec(),
            b"id" => next_id = Some(text.to_owned()),
            _ => {
                data = Some(match data {
                    Some(before) => [&before, &b"\n"[..], value].concat(),
                    None => value.to_vec(),
                });
                if data.as_ref().is_some_and(|data| data.len() > limit) {
                    return (events, true);
                }
            }
        }
    }
    (events, false)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    /// Bytes put together from what means something to a reader, and from noise.
    pub(crate) fn bytes_of(pieces: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            12 => proptest::sample::select(pieces).prop_map(|piece| piece.as_bytes().to_vec()),
            1 => proptest::collection::vec(any::<u8>(), 0..4),
        ];
        proptest::collection::vec(piece, 0..most).prop_map(|pieces| pieces.concat())
    }

    /// The same with a number of bytes before it that are settings.
    pub(crate) fn case_of(pieces: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<u8>> {
        (any::<[u8; 2]>(), bytes_of(pieces, most)).prop_map(|(settings, bytes)| [&settings[..], &bytes].concat())
    }

    const LINES: &[&str] = &["\n", "\r", "\r\n", "a", "word", "\u{e9}", " "];
    const EVENTS: &[&str] = &[
        "data",
        "event",
        "id",
        "retry",
        ":",
        ": ",
        " ",
        "\n",
        "\r",
        "\r\n",
        "data: a\n",
        "id: 1\n",
        "event: e\n",
        "\n\n",
        "\u{feff}",
        "\0",
        "7",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn lines_are_those_of_a_split(case in case_of(LINES, 60)) {
            super::lines(&case);
        }

        #[test]
        fn events_are_those_of_the_standard(case in case_of(EVENTS, 60)) {
            super::events(&case);
        }
    }
}
