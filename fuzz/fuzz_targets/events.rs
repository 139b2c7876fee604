//! Any bytes as a stream: no panic, an end, and the same events however the bytes are split.
#![no_main]

use std::io::Read;

use assistants_blocking::openai::EventReader;
use libfuzzer_sys::fuzz_target;

/// Hands out one byte at a time.
struct Slowly<'a>(&'a [u8]);

impl Read for Slowly<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let end = into.len().min(1);
        self.0.read(&mut into[..end])
    }
}

fuzz_target!(|bytes: &[u8]| {
    let whole: Vec<_> = EventReader::new(bytes).collect();
    let split: Vec<_> = EventReader::new(Slowly(bytes)).collect();
    assert_eq!(whole.len(), split.len());
    for (whole, split) in whole.iter().zip(&split) {
        match (whole, split) {
            (Ok(whole), Ok(split)) => assert_eq!(whole, split),
            (Err(whole), Err(split)) => assert_eq!(whole.to_string(), split.to_string()),
            _ => panic!("one is an event, the other an error: {whole:?} {split:?}"),
        }
    }
});
