//! Any JSON as the body of a request.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| assistants_local::fuzz::request(input));
