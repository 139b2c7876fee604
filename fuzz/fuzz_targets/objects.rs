//! Any JSON as an OpenAI object.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| assistants_types::fuzz::objects(input));
