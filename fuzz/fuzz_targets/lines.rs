//! Any bytes as lines.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| assistants_blocking::fuzz::lines(input));
