//! Any JSON as an object of OpenAI.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| assistants_types::fuzz::objects(input));
