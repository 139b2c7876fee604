//! Any bytes as a file to search; the first byte selects its kind.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| assistants_local::fuzz::file(input));
