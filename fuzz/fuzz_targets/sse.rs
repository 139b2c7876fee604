//! Any bytes as server-sent events.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| assistants_blocking::fuzz::events(input));
