//! Any bytes as JSON objects in sequence, in an array, or in server-sent events.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| assistants_blocking::fuzz::json_objects(input));
