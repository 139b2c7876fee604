//! Any JSON as a Yandex message.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| assistants_types::fuzz::proto_json(input));
